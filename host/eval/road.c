#include "host/eval/road.h"

#include <string.h>

#include "host/base/alloc.h"

enum { LANES = 4, NEIGHBOURS = 8, LEVELS = 32, NOT_REMOVED = UINT32_MAX };

static const double tolerance = 1e-8;

/* Corrections of the coarser level are constant on squares of four, which makes them too stiff: Braess 1995 has 1.8. */
static const double over_correction = 1.8;

/* Where the neighbours are: direction 7 - n is opposite to n. */
static const int offsets[NEIGHBOURS][2] = {{-1, -1}, {-1, 0}, {-1, 1}, {0, -1}, {0, 1}, {1, -1}, {1, 0}, {1, 1}};
static const double weights[NEIGHBOURS] = {1. / 12, 1. / 6, 1. / 12, 1. / 6, 1. / 6, 1. / 12, 1. / 6, 1. / 12};

/* Four channels at a time: the systems differ only in their right sides. */
typedef struct lanes {
    double at[LANES];
} lanes;

/* One equation: diagonal x - sum of weight x of the neighbour = right. A neighbour that is no unknown is number `count`, which is always zero. */
typedef struct equation {
    double diagonal, weight[NEIGHBOURS];
    uint32_t neighbour[NEIGHBOURS], square, parent; /* where the unknown lies in its level's grid; the unknown of the next level that it is part of */
} equation;

/* Level 0 has the removed pixels. Each square of four of a level's grid is one of the next, an unknown if it holds one. */
typedef struct level {
    size_t height, width, count;
    uint32_t *unknown; /* of a square of the grid, or NOT_REMOVED */
    equation *equations;
    lanes *right, *solution;
} level;

struct ssg_road {
    level levels[LEVELS];
    int level_count;
    lanes *residual, *direction, *product, *total;
};

/* ---- memory ------------------------------------------------------------------------------------------------------------------------------------ */

static ssgcam_status make_level(level *l, size_t height, size_t width)
{
    size_t squares = height * width;
    *l = (level){.height = height, .width = width};
    l->unknown = ssg_calloc(squares, sizeof *l->unknown);
    l->equations = ssg_calloc(squares, sizeof *l->equations);
    l->right = ssg_alloc_aligned(squares, sizeof *l->right);
    l->solution = ssg_alloc_aligned(squares + 1, sizeof *l->solution);
    return l->unknown && l->equations && l->right && l->solution ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
}

ssgcam_status ssg_road_create(ssg_road **out, size_t height, size_t width)
{
    ssg_road *r = *out = ssg_calloc(1, sizeof *r);
    ssgcam_status status = r ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    for (size_t h = height, w = width; status == SSGCAM_OK; h = (h + 1) / 2, w = (w + 1) / 2) {
        status = make_level(&r->levels[r->level_count++], h, w);
        if (h * w == 1) break;
    }
    if (status == SSGCAM_OK) {
        r->residual = ssg_alloc_aligned(height * width, sizeof *r->residual);
        r->direction = ssg_alloc_aligned(height * width + 1, sizeof *r->direction);
        r->product = ssg_alloc_aligned(height * width, sizeof *r->product);
        r->total = ssg_alloc_aligned(height * width, sizeof *r->total);
        if (r->residual && r->direction && r->product && r->total) return SSGCAM_OK;
    }
    ssg_road_destroy(out);
    return SSG_OUT_OF_MEMORY;
}

void ssg_road_destroy(ssg_road **road)
{
    ssg_road *r = *road;
    if (!r) return;
    for (int k = 0; k < r->level_count; k++) {
        ssg_free(r->levels[k].unknown);
        ssg_free(r->levels[k].equations);
        ssg_free(r->levels[k].right);
        ssg_free(r->levels[k].solution);
    }
    ssg_free(r->residual);
    ssg_free(r->direction);
    ssg_free(r->product);
    ssg_free(r->total);
    ssg_free(r);
    *road = NULL;
}

/* ---- the system -------------------------------------------------------------------------------------------------------------------------------- */

/* Numbers in reading order what is marked by anything but NOT_REMOVED. */
static void number_unknowns(level *l)
{
    l->count = 0;
    for (size_t i = 0; i < l->height * l->width; i++) {
        if (l->unknown[i] == NOT_REMOVED) continue;
        l->equations[l->count].square = (uint32_t)i;
        l->unknown[i] = (uint32_t)l->count++;
    }
}

static void mark_removed(level *l, const uint32_t *removed, size_t count)
{
    memset(l->unknown, 0xff, l->height * l->width * sizeof *l->unknown);
    for (size_t i = 0; i < count; i++) l->unknown[removed[i]] = 0;
    number_unknowns(l);
}

/* The square in direction n; 0: outside the grid. */
static int neighbour_square(size_t *square, const level *l, size_t from, size_t n)
{
    long y = (long)(from / l->width) + offsets[n][0], x = (long)(from % l->width) + offsets[n][1];
    *square = (size_t)y * l->width + (size_t)x;
    return y >= 0 && x >= 0 && y < (long)l->height && x < (long)l->width;
}

static uint32_t unknown_or_none(const level *l, size_t square)
{
    return l->unknown[square] == NOT_REMOVED ? (uint32_t)l->count : l->unknown[square];
}

static void set_up_pixels(level *l)
{
    for (size_t u = 0; u < l->count; u++) {
        equation *e = &l->equations[u];
        e->diagonal = 0;
        for (size_t n = 0; n < NEIGHBOURS; n++) {
            size_t square;
            int inside = neighbour_square(&square, l, e->square, n);
            e->neighbour[n] = inside ? unknown_or_none(l, square) : (uint32_t)l->count;
            e->weight[n] = inside ? weights[n] : 0;
            e->diagonal += e->weight[n];
        }
    }
}

static size_t square_above(const level *l, size_t square)
{
    return square / l->width / 2 * ((l->width + 1) / 2) + square % l->width / 2;
}

/* The sums of the finer equations over each square: what couples two unknowns of one square leaves its diagonal. */
static void set_up_coarser(level *coarse, level *fine)
{
    memset(coarse->unknown, 0xff, coarse->height * coarse->width * sizeof *coarse->unknown);
    for (size_t u = 0; u < fine->count; u++) coarse->unknown[square_above(fine, fine->equations[u].square)] = 0;
    number_unknowns(coarse);
    for (size_t u = 0; u < coarse->count; u++) {
        equation *e = &coarse->equations[u];
        e->diagonal = 0;
        for (size_t n = 0; n < NEIGHBOURS; n++) {
            size_t square;
            e->neighbour[n] = neighbour_square(&square, coarse, e->square, n) ? unknown_or_none(coarse, square) : (uint32_t)coarse->count;
            e->weight[n] = 0;
        }
    }
    for (size_t u = 0; u < fine->count; u++) {
        equation *own = &fine->equations[u];
        own->parent = coarse->unknown[square_above(fine, own->square)];
        equation *sum = &coarse->equations[own->parent];
        sum->diagonal += own->diagonal;
        for (size_t n = 0; n < NEIGHBOURS; n++) {
            if (own->neighbour[n] == fine->count) continue;
            size_t other = square_above(fine, fine->equations[own->neighbour[n]].square), to = NEIGHBOURS, square;
            if (other == sum->square) {
                sum->diagonal -= own->weight[n];
                continue;
            }
            do to--;
            while (to > 0 && (!neighbour_square(&square, coarse, sum->square, to) || square != other));
            sum->weight[to] += own->weight[n];
        }
    }
}

/* ---- multigrid: one V-cycle, the preconditioner ------------------------------------------------------------------------------------------------ */

/* The weighted sum of the neighbours' values. */
static inline lanes around(const equation *e, const lanes *values)
{
    lanes sum = {{0}};
    for (int n = 0; n < NEIGHBOURS; n++)
        for (int k = 0; k < LANES; k++) sum.at[k] += e->weight[n] * values[e->neighbour[n]].at[k];
    return sum;
}

/* Gauss and Seidel: each equation solved for its own unknown, one after the other. */
static inline void relax(const level *l, size_t u)
{
    const equation *e = &l->equations[u];
    lanes sum = around(e, l->solution);
    double part = 1 / e->diagonal;
    for (int k = 0; k < LANES; k++) l->solution[u].at[k] = (l->right[u].at[k] + sum.at[k]) * part;
}

static void restrict_residual(const level *fine, level *coarse)
{
    memset(coarse->right, 0, coarse->count * sizeof *coarse->right);
    for (size_t u = 0; u < fine->count; u++) {
        const equation *e = &fine->equations[u];
        lanes sum = around(e, fine->solution), *to = &coarse->right[e->parent];
        for (int k = 0; k < LANES; k++) to->at[k] += fine->right[u].at[k] + sum.at[k] - e->diagonal * fine->solution[u].at[k];
    }
}

/* About the solution of the equations of level `at` with its right side, from there on. Down: relaxed in reading order; up: in the opposite one, so
 * that the whole is symmetric, as conjugate gradients want it. */
static void cycle(ssg_road *r, int at)
{
    level *l = &r->levels[at], *coarse = at + 1 < r->level_count ? l + 1 : NULL;
    memset(l->solution, 0, (l->count + 1) * sizeof *l->solution);
    for (size_t u = 0; u < l->count; u++) relax(l, u);
    if (!coarse) return;
    restrict_residual(l, coarse);
    cycle(r, at + 1);
    for (size_t u = 0; u < l->count; u++)
        for (int k = 0; k < LANES; k++) l->solution[u].at[k] += over_correction * coarse->solution[l->equations[u].parent].at[k];
    for (size_t u = l->count; u-- > 0;) relax(l, u);
}

/* ---- conjugate gradients (Hestenes and Stiefel 1952), every channel with its own steps ----------------------------------------------------- */

static lanes dot(const lanes *a, const lanes *b, size_t count)
{
    lanes sum = {{0}};
    for (size_t u = 0; u < count; u++)
        for (int k = 0; k < LANES; k++) sum.at[k] += a[u].at[k] * b[u].at[k];
    return sum;
}

/* product = A direction. */
static void multiply(const ssg_road *r)
{
    const level *l = &r->levels[0];
    for (size_t u = 0; u < l->count; u++) {
        lanes sum = around(&l->equations[u], r->direction);
        for (int k = 0; k < LANES; k++) r->product[u].at[k] = l->equations[u].diagonal * r->direction[u].at[k] - sum.at[k];
    }
}

/* to += factor * what, for each channel. */
static void add(lanes *to, lanes factor, double sign, const lanes *what, size_t count)
{
    for (size_t u = 0; u < count; u++)
        for (int k = 0; k < LANES; k++) to[u].at[k] += sign * factor.at[k] * what[u].at[k];
}

/* a / b; a lane that has nothing left to do stands still. */
static lanes ratio(lanes a, lanes b)
{
    lanes q;
    for (int k = 0; k < LANES; k++) q.at[k] = b.at[k] > 0 ? a.at[k] / b.at[k] : 0;
    return q;
}

static int all_below(const lanes *a, const lanes *limit)
{
    int below = 1;
    for (int k = 0; k < LANES; k++) below &= a->at[k] <= limit->at[k];
    return below;
}

/* In `total`, the solution of the system whose right side is in `residual`. In exact arithmetic it takes as many steps as unknowns at most. */
static void solve(ssg_road *r)
{
    level *l = &r->levels[0];
    size_t count = l->count;
    lanes left = dot(r->residual, r->residual, count), enough = left, before = {{0}};
    for (int k = 0; k < LANES; k++) enough.at[k] *= tolerance * tolerance;
    memset(r->total, 0, count * sizeof *r->total);
    memset(r->direction, 0, (count + 1) * sizeof *r->direction);
    for (size_t step = 0; step < count && !all_below(&left, &enough); step++) {
        memcpy(l->right, r->residual, count * sizeof *l->right);
        cycle(r, 0);
        lanes gain = dot(r->residual, l->solution, count), turn = ratio(gain, before);
        for (size_t u = 0; u < count; u++)
            for (int k = 0; k < LANES; k++) r->direction[u].at[k] = l->solution[u].at[k] + turn.at[k] * r->direction[u].at[k];
        multiply(r);
        lanes length = ratio(gain, dot(r->direction, r->product, count));
        add(r->total, length, 1, r->direction, count);
        add(r->residual, length, -1, r->product, count);
        left = dot(r->residual, r->residual, count);
        before = gain;
    }
}

/* ---- an image -----------------------------------------------------------------------------------------------------------------------------------
 */

/* Where a channel's pixels are in memory: `step` apart. */
typedef struct channel {
    float *values;
    size_t step;
} channel;

static channel channel_of(float *image, const ssg_image_shape *s, size_t c)
{
    return s->nhwc ? (channel){image + c, s->channels} : (channel){image + c * s->height * s->width, 1};
}

static void fill_mean(channel c, size_t pixels)
{
    double sum = 0;
    for (size_t i = 0; i < pixels; i++) sum += (double)c.values[i * c.step];
    for (size_t i = 0; i < pixels; i++) c.values[i * c.step] = (float)(sum / (double)pixels);
}

/* The right side of a lane: what the pixels that are kept add to their neighbours' equations. */
static void set_up_right(ssg_road *r, size_t lane, channel c)
{
    const level *l = &r->levels[0];
    for (size_t u = 0; u < l->count; u++) {
        const equation *e = &l->equations[u];
        double sum = 0;
        for (size_t n = 0; n < NEIGHBOURS; n++) {
            size_t pixel;
            if (e->neighbour[n] == l->count && neighbour_square(&pixel, l, e->square, n)) sum += weights[n] * (double)c.values[pixel * c.step];
        }
        r->residual[u].at[lane] = sum;
    }
}

static void impute(ssg_road *r, float *image, const ssg_image_shape *s)
{
    const level *l = &r->levels[0];
    set_up_pixels(&r->levels[0]);
    for (int k = 1; k < r->level_count; k++) set_up_coarser(&r->levels[k], &r->levels[k - 1]);
    for (size_t first = 0; first < s->channels; first += LANES) {
        size_t lanes_used = s->channels - first < LANES ? s->channels - first : LANES;
        memset(r->residual, 0, l->count * sizeof *r->residual);
        for (size_t k = 0; k < lanes_used; k++) set_up_right(r, k, channel_of(image, s, first + k));
        solve(r);
        for (size_t k = 0; k < lanes_used; k++) {
            channel c = channel_of(image, s, first + k);
            for (size_t u = 0; u < l->count; u++) c.values[l->equations[u].square * c.step] = (float)r->total[u].at[k];
        }
    }
}

void ssg_road_fill(ssg_road *r, float *image, const ssg_image_shape *s, const uint32_t *removed, size_t count, double noise, ssg_draws *draws)
{
    size_t pixels = s->height * s->width;
    mark_removed(&r->levels[0], removed, count);
    for (size_t c = 0; c < s->channels && count == pixels; c++) fill_mean(channel_of(image, s, c), pixels);
    if (count < pixels) impute(r, image, s);
    for (size_t u = 0; u < count && noise > 0; u++)
        for (size_t c = 0; c < s->channels; c++) {
            channel to = channel_of(image, s, c);
            to.values[r->levels[0].equations[u].square * to.step] += (float)(noise * ssg_draw_normal(draws));
        }
}
