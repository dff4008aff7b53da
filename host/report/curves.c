#include <string.h>

#include "host/report/chart.h"
#include "host/report/read.h"
#include "host/report/report.h"

/* A column of the tables that eval --curve and --pixel-curve write: what it is called on the page. */
typedef struct column {
    const char *name, *shown;
} column;

static const column columns[] = {{"mean_iou", "mIoU"},
                                 {"foreground_iou", "IoU of the classes"},
                                 {"object_mean_iou", "mIoU of background and object"},
                                 {"largest_30", "largest contour, IoU 0.3"},
                                 {"largest_50", "largest contour, IoU 0.5"},
                                 {"largest_70", "largest contour, IoU 0.7"},
                                 {"any_30", "any contour, IoU 0.3"},
                                 {"any_50", "any contour, IoU 0.5"},
                                 {"any_70", "any contour, IoU 0.7"},
                                 {"deletion_probability", "deletion, probability"},
                                 {"deletion_accuracy", "deletion, first answers"},
                                 {"insertion_probability", "insertion, probability"},
                                 {"insertion_accuracy", "insertion, first answers"},
                                 {"precision", "precision"},
                                 {"recall", "recall"}};

static const char *shown_name(const char *name)
{
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (strcmp(columns[i].name, name) == 0) return columns[i].shown;
    return NULL;
}

static ssgcam_status check(const ssg_read_table *t, const char *path)
{
    if (t->columns < 2 || t->columns > SSG_CHART_KINDS + 1 || t->rows < 2)
        return ssg_fail(SSGCAM_ERR_INPUT, "%s: no curves in it; write it again with ssgcam eval --curve", path);
    for (size_t c = 1; c < t->columns; c++)
        if (!shown_name(t->names[c]))
            return ssg_fail(SSGCAM_ERR_INPUT, "%s:1: there are no curves called '%s'; write it again with ssgcam eval --curve", path, t->names[c]);
    return SSGCAM_OK;
}

static void put_best(ssg_html *h, const ssg_read_table *t)
{
    ssg_report_table_begin(h, "The highest point of each curve");
    ssg_html_put(h, "<thead><tr><th scope=\"col\">curve</th><th scope=\"col\" class=\"n\">%%</th><th scope=\"col\" class=\"n\">at threshold</th></tr>"
                    "</thead><tbody>\n");
    for (size_t c = 1; c < t->columns; c++) {
        size_t best = 0;
        for (size_t r = 1; r < t->rows; r++)
            if (t->values[c][r] > t->values[c][best]) best = r;
        ssg_html_put(h, "<tr><th scope=\"row\">%s</th><td class=\"n\">%.2f</td><td class=\"n\">%.0f</td></tr>\n", shown_name(t->names[c]),
                     t->values[c][best], t->values[0][best]);
    }
    ssg_html_put(h, "</tbody>");
    ssg_report_table_end(h);
}

static int is_of_pixels(const ssg_read_table *t)
{
    return t->columns == 3 && strcmp(t->names[1], "precision") == 0 && strcmp(t->names[2], "recall") == 0;
}

/* Precision over recall: the area under it is PxAP. Recall falls as the threshold rises, and charts go from left to right. */
static void put_pixels(ssg_html *h, ssg_read_table *t)
{
    for (size_t c = 1; c < 3; c++)
        for (size_t r = 0; r < t->rows / 2; r++) {
            double *first = &t->values[c][r], *last = &t->values[c][t->rows - 1 - r], value = *first;
            *first = *last;
            *last = value;
        }
    ssg_series series = {"precision", 0, t->values[2], t->values[1], t->rows};
    ssg_chart_put(h, &(ssg_chart){.title = "How maps rank pixels",
                                  .x_name = "recall, %",
                                  .y_name = "precision, %",
                                  .note = "The area under the curve is PxAP.",
                                  .series = &series,
                                  .count = 1});
}

static void put_table(ssg_html *h, ssg_read_table *t)
{
    ssg_series series[SSG_CHART_KINDS];
    int by_threshold = strcmp(t->names[0], "threshold") == 0;
    for (size_t c = by_threshold ? 1 : 0; c < t->columns; c++)
        for (size_t r = 0; r < t->rows; r++) t->values[c][r] *= 100;
    if (is_of_pixels(t)) {
        put_pixels(h, t);
        return;
    }
    for (size_t c = 1; c < t->columns; c++) series[c - 1] = (ssg_series){shown_name(t->names[c]), (int)c - 1, t->values[0], t->values[c], t->rows};
    ssg_chart_put(h, &(ssg_chart){.title = by_threshold ? "Every threshold" : "Pixels replaced, or only they left",
                                  .x_name = by_threshold ? "threshold" : "pixels, %",
                                  .y_name = "%",
                                  .series = series,
                                  .count = t->columns - 1});
    if (by_threshold) put_best(h, t);
}

ssgcam_status ssg_report_curves(ssg_html *html, char *text, const char *path)
{
    ssg_read_table table;
    ssgcam_status status = ssg_read_table_parse(&table, text, path);
    if (status == SSGCAM_OK) status = check(&table, path);
    if (status == SSGCAM_OK) put_table(html, &table);
    ssg_read_table_clear(&table);
    return status;
}
