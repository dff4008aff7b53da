#include <math.h>
#include <ssgcam/eval.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/report/chart.h"
#include "host/report/read.h"
#include "host/report/report.h"

static const char *const ways[] = {"deletion", "insertion"}, *const values[] = {"probability", "accuracy"};

typedef struct perturb {
    double part[SSGCAM_PERTURB_STEPS_MOST + 1], percent[2][2][SSGCAM_PERTURB_STEPS_MOST + 1]; /* [way][value] */
    double area[2], drop, increase;
    double road;              /* NaN unless pixels were filled as ROAD does */
    const char *fill, *order; /* NULL in files that do not tell yet */
    double blur, noise;
    json_int_t seed;
    size_t points;
} perturb;

static ssgcam_status read(perturb *p, const json_t *root, const char *path)
{
    json_error_t error;
    int steps;
    p->road = NAN;
    if (json_unpack_ex((json_t *)root, &error, 0, "{s:i,s:{s:F},s:{s:F},s:F,s:F,s?F}", "steps", &steps, ways[0], "area", &p->area[0], ways[1], "area",
                       &p->area[1], "average_drop", &p->drop, "average_increase", &p->increase, "road", &p->road) != 0)
        return ssg_read_wrong(path, &error);
    if (steps < 1 || steps > SSGCAM_PERTURB_STEPS_MOST)
        return ssg_fail(SSGCAM_ERR_INPUT, "%s: 'steps' must be 1 to %d", path, SSGCAM_PERTURB_STEPS_MOST);
    if (json_unpack_ex((json_t *)root, &error, 0, "{s?s,s?s,s?I}", "fill", &p->fill, "order", &p->order, "seed", &p->seed) != 0)
        return ssg_read_wrong(path, &error);
    p->blur = json_number_value(json_object_get(root, "blur")); /* null where the fill has none */
    p->noise = json_number_value(json_object_get(root, "noise"));
    p->points = (size_t)steps + 1;
    for (size_t i = 0; i < p->points; i++) p->part[i] = 100.0 * (double)i / steps;
    for (int w = 0; w < 2; w++)
        for (int v = 0; v < 2; v++) {
            double *read;
            SSG_TRY(ssg_read_numbers(&read, p->points, json_object_get(json_object_get(root, ways[w]), values[v]), values[v], path));
            for (size_t i = 0; i < p->points; i++) p->percent[w][v][i] = 100 * read[i];
            ssg_free(read);
        }
    return SSGCAM_OK;
}

/* What else must be the same before two such sections are compared. */
static void put_settings(ssg_html *h, const perturb *p)
{
    if (!p->fill || !p->order) {
        ssg_html_put(h,
                     "<p class=\"hint\">This file does not tell by what pixels were replaced, nor in which order: an older ssgcam wrote it.</p>\n");
        return;
    }
    ssg_html_put(h, "<p class=\"hint\">Settings: fill %s", p->fill);
    if (strcmp(p->fill, "blur") == 0) ssg_html_put(h, " of %g pixels", p->blur);
    if (strcmp(p->fill, "road") == 0) ssg_html_put(h, " with noise of %g", p->noise);
    ssg_html_put(h, ", order %s, %zu steps, seed %.0f. Figures of other settings cannot be compared with these.</p>\n", p->order, p->points - 1,
                 (double)p->seed);
}

static void put_chart(ssg_html *h, const perturb *p, int v)
{
    ssg_series series[2] = {{"replaced (deletion)", 0, p->part, p->percent[0][v], p->points},
                            {"only these left (insertion)", 1, p->part, p->percent[1][v], p->points}};
    ssg_chart_put(h, &(ssg_chart){.title = v ? "First answers" : "Probability of the class",
                                  .x_name = "pixels, %",
                                  .y_name = v ? "the class is the answer, %" : "mean probability, %",
                                  .series = series,
                                  .count = 2});
}

static void put_table(ssg_html *h, const perturb *p)
{
    ssg_report_table_begin(h, "With so many pixels replaced, or only them left, in percent");
    ssg_html_put(h, "<thead><tr><th scope=\"col\" rowspan=\"2\" class=\"n\">pixels</th><th scope=\"colgroup\" colspan=\"2\">replaced</th>"
                    "<th scope=\"colgroup\" colspan=\"2\">only these left</th></tr><tr>");
    for (int w = 0; w < 2; w++) ssg_html_put(h, "<th scope=\"col\" class=\"n\">probability</th><th scope=\"col\" class=\"n\">first answer</th>");
    ssg_html_put(h, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < p->points; i++) {
        ssg_html_put(h, "<tr><th scope=\"row\" class=\"n\">%.0f</th>", p->part[i]);
        for (int w = 0; w < 2; w++) ssg_html_put(h, "<td class=\"n\">%.2f</td><td class=\"n\">%.2f</td>", p->percent[w][0][i], p->percent[w][1][i]);
        ssg_html_put(h, "</tr>\n");
    }
    ssg_html_put(h, "</tbody>");
    ssg_report_table_end(h);
}

ssgcam_status ssg_report_perturb(ssg_html *html, const json_t *root, const char *path)
{
    perturb p = {0};
    json_error_t error;
    int images, maps;
    if (json_unpack_ex((json_t *)root, &error, 0, "{s:i,s:i}", "images", &images, "maps", &maps) != 0) return ssg_read_wrong(path, &error);
    SSG_TRY(read(&p, root, path));
    ssg_report_tiles_begin(html);
    ssg_report_tile(html, "area under deletion; small is good", p.area[0], 4, "", NULL);
    ssg_report_tile(html, "area under insertion; large is good", p.area[1], 4, "", NULL);
    ssg_report_tile(html, "average drop of image times map; small is good", 100 * p.drop, 2, "%", NULL);
    ssg_report_tile(html, "maps that raise the score; many is good", 100 * p.increase, 2, "%", NULL);
    if (!isnan(p.road)) ssg_report_tile(html, "ROAD; large is good", p.road, 4, "", NULL);
    ssg_report_tile(html, "images", images, 0, "", NULL);
    ssg_report_tile(html, "maps", maps, 0, "", NULL);
    ssg_report_tiles_end(html);
    put_settings(html, &p);
    ssg_html_put(html, "<div class=\"pair\">\n");
    for (int v = 0; v < 2; v++) put_chart(html, &p, v);
    ssg_html_put(html, "</div>\n");
    put_table(html, &p);
    return SSGCAM_OK;
}
