#include "host/report/chart.h"

#include <math.h>

enum { WIDTH = 460, HEIGHT = 260, LEFT = 68, RIGHT = 14, TOP = 12, BOTTOM = 44, STRIP_WIDTH = 120, STRIP_HEIGHT = 18, STRIP_EDGE = 6 };

typedef struct axis {
    double low, high, step;
    int decimals;
} axis;

/* A range that is hardly one is widened, so that there is something to divide by. */
static void widen(double *low, double *high)
{
    if (*high - *low > 1e-9 * fmax(1, fabs(*high))) return;
    *low -= 0.5;
    *high = *low + 1;
}

/* About `wanted` steps of 1, 2 or 5 times a power of ten, from a round number below to one above. */
static axis round_axis(double low, double high, int wanted)
{
    widen(&low, &high);
    double raw = (high - low) / wanted, power = pow(10, floor(log10(raw))), step = raw / power;
    step = (step <= 1 ? 1 : step <= 2 ? 2 : step <= 5 ? 5 : 10) * power;
    int decimals = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;
    return (axis){floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step, step, decimals};
}

static double on(const axis *a, double value, double from, double to)
{
    return from + (value - a->low) / (a->high - a->low) * (to - from);
}

static double at_x(const axis *a, double value)
{
    return on(a, value, LEFT, WIDTH - RIGHT);
}

static double at_y(const axis *a, double value)
{
    return on(a, value, HEIGHT - BOTTOM, TOP);
}

/* ---- curves ------------------------------------------------------------------------------------------------------------------------------ */

static void put_axes(ssg_html *h, const ssg_chart *c, const axis *x, const axis *y)
{
    for (int i = 0; y->low + i * y->step <= y->high + y->step / 2; i++) {
        double value = y->low + i * y->step, line = at_y(y, value);
        ssg_html_put(h, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>", LEFT, line, WIDTH - RIGHT);
        ssg_html_put(h, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.*f</text>", LEFT - 6, line + 4, y->decimals, value);
    }
    for (int i = 0; x->low + i * x->step <= x->high + x->step * 1e-6; i++) {
        double value = x->low + i * x->step;
        ssg_html_put(h, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.*f</text>", at_x(x, value), HEIGHT - BOTTOM + 17, x->decimals, value);
    }
    ssg_html_put(h, "<path class=\"axis\" d=\"M%d %dH%d\"/>", LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT);
    ssg_html_put(h, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 7, c->x_name);
    ssg_html_put(h, "<text transform=\"translate(13 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>", (TOP + HEIGHT - BOTTOM) / 2, c->y_name);
}

/* Points that fall on nearly the same column as the one before are left out: a page must not grow with the length of a search. */
static void put_series(ssg_html *h, const ssg_series *s, const axis *x, const axis *y)
{
    double last = -1;
    if (!s->count) return;
    ssg_html_put(h, "<path class=\"line k%d\" d=\"", s->kind);
    for (size_t i = 0; i < s->count; i++) {
        double px = at_x(x, s->x[i]);
        if (i && i + 1 < s->count && px - last < 0.7) continue;
        ssg_html_put(h, "%s%.1f %.1f", i ? "L" : "M", px, at_y(y, s->y[i]));
        last = px;
    }
    ssg_html_put(h, "\"/>");
}

static void put_mark(ssg_html *h, const ssg_chart *c, const axis *x)
{
    if (!c->mark_name || c->mark < x->low || c->mark > x->high) return;
    double px = at_x(x, c->mark);
    int left = px > WIDTH / 2;
    ssg_html_put(h, "<path class=\"mark\" d=\"M%.1f %dV%d\"/>", px, TOP, HEIGHT - BOTTOM);
    ssg_html_put(h, "<text class=\"mark-name\" x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>", px + (left ? -5 : 5), TOP + 11,
                 left ? "end" : "start", c->mark_name);
}

static void put_legend(ssg_html *h, const ssg_chart *c)
{
    ssg_html_put(h, "<ul class=\"legend\">");
    for (size_t i = 0; i < c->count; i++)
        if (c->series[i].name)
            ssg_html_put(h, "<li><svg viewBox=\"0 0 28 10\" aria-hidden=\"true\"><path class=\"line k%d\" d=\"M1 5H27\"/></svg>%s</li>",
                         c->series[i].kind, c->series[i].name);
    ssg_html_put(h, "</ul>\n");
}

void ssg_chart_put(ssg_html *h, const ssg_chart *c)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (size_t s = 0; s < c->count; s++)
        for (size_t i = 0; i < c->series[s].count; i++) {
            low[0] = fmin(low[0], c->series[s].x[i]), high[0] = fmax(high[0], c->series[s].x[i]);
            low[1] = fmin(low[1], c->series[s].y[i]), high[1] = fmax(high[1], c->series[s].y[i]);
        }
    ssg_html_put(h, "<figure class=\"chart\"><h3>%s</h3>", c->title);
    if (low[0] > high[0]) {
        ssg_html_put(h, "<p>There is nothing to draw.</p></figure>\n");
        return;
    }
    axis x = round_axis(low[0], high[0], 6), y = round_axis(low[1], high[1], 5);
    if (high[0] > x.low) x.high = high[0]; /* nothing is to the right of the last point: thresholds end at 255, not at 300 */
    ssg_html_put(h, "<svg role=\"img\" viewBox=\"0 0 %d %d\" aria-label=\"%s: %s by %s, from %.2f to %.2f\">", WIDTH, HEIGHT, c->title, c->y_name,
                 c->x_name, low[1], high[1]);
    put_axes(h, c, &x, &y);
    put_mark(h, c, &x);
    for (size_t s = c->count; s-- > 0;) put_series(h, &c->series[s], &x, &y); /* the first on top */
    ssg_html_put(h, "</svg>\n");
    put_legend(h, c);
    if (c->note) ssg_html_put(h, "<figcaption>%s</figcaption>", c->note);
    ssg_html_put(h, "</figure>\n");
}

/* ---- strips ------------------------------------------------------------------------------------------------------------------------------ */

void ssg_strip_put(ssg_html *h, double low, double high, double a, double b, const double *x, size_t count)
{
    widen(&low, &high);
    axis scale = {.low = low, .high = high};
    double middle = STRIP_HEIGHT / 2.0;
    ssg_html_put(h, "<td class=\"strip\"><svg viewBox=\"0 0 %d %d\" aria-hidden=\"true\">", STRIP_WIDTH, STRIP_HEIGHT);
    if (low <= 0 && high >= 0)
        ssg_html_put(h, "<path class=\"axis\" d=\"M%.1f 0V%d\"/>", on(&scale, 0, STRIP_EDGE, STRIP_WIDTH - STRIP_EDGE), STRIP_HEIGHT);
    if (b > a)
        ssg_html_put(h, "<path class=\"range\" d=\"M%.1f %.1fH%.1f\"/>", on(&scale, a, STRIP_EDGE, STRIP_WIDTH - STRIP_EDGE), middle,
                     on(&scale, b, STRIP_EDGE, STRIP_WIDTH - STRIP_EDGE));
    for (size_t i = 0; i < count; i++)
        ssg_html_put(h, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>", i + 1 == count ? "dot" : "ring",
                     on(&scale, x[i], STRIP_EDGE, STRIP_WIDTH - STRIP_EDGE), middle);
    ssg_html_put(h, "</svg></td>");
}
