#include <math.h>
#include <ssgcam/eval.h>

#include "host/base/alloc.h"
#include "host/report/chart.h"
#include "host/report/read.h"
#include "host/report/report.h"

enum { MOST_LABELS = 254, MOST_SHOWN = 12 };

typedef struct masks {
    ssg_html *html;
    const char *path;
    const json_t *labels;
    size_t count;
    double *iou, *confusion; /* NaN where a label does not occur; [truth][prediction] */
    double *curve;           /* mIoU by threshold, or NULL */
    int threshold;           /* -1: masks made before */
} masks;

static double pixels_of(const masks *m, size_t label, int predicted)
{
    double sum = 0;
    for (size_t k = 0; k < m->count; k++) sum += m->confusion[predicted ? k * m->count + label : label * m->count + k];
    return sum;
}

static const char *name_of(const masks *m, size_t label)
{
    const char *name = json_string_value(json_array_get(m->labels, label));
    return name ? name : "?";
}

/* ---- output ------------------------------------------------------------------------------------------------------------------------------ */

static void put_labels(const masks *m)
{
    ssg_html *h = m->html;
    ssg_report_table_begin(h, "Each label");
    ssg_html_put(h, "<thead><tr><th scope=\"col\">label</th><th scope=\"col\" class=\"n\">IoU %%</th><th scope=\"col\" class=\"n\">true pixels</th>"
                    "<th scope=\"col\" class=\"n\">predicted</th><td class=\"scale\">IoU, 0 to 100 %%</td></tr></thead><tbody>\n");
    for (size_t l = 0; l < m->count; l++) {
        if (isnan(m->iou[l])) continue;
        ssg_html_put(h, "<tr><th scope=\"row\">%s</th><td class=\"n\">%.2f</td><td class=\"n\">%.0f</td><td class=\"n\">%.0f</td>", name_of(m, l),
                     100 * m->iou[l], pixels_of(m, l, 0), pixels_of(m, l, 1));
        ssg_strip_put(h, 0, 1, 0, m->iou[l], NULL, 0);
        ssg_html_put(h, "</tr>\n");
    }
    ssg_html_put(h, "</tbody>");
    ssg_report_table_end(h);
}

static void put_confusion(const masks *m)
{
    ssg_html *h = m->html;
    size_t shown = 0;
    for (size_t l = 0; l < m->count; l++) shown += !isnan(m->iou[l]);
    if (shown > MOST_SHOWN) {
        ssg_html_put(h, "<p class=\"note\">%zu labels: their confusion is too wide for a page.</p>\n", shown);
        return;
    }
    ssg_report_table_begin(h, "What becomes of the pixels of each label, in percent");
    ssg_html_put(h, "<thead><tr><th scope=\"col\">truth</th>");
    for (size_t l = 0; l < m->count; l++)
        if (!isnan(m->iou[l])) ssg_html_put(h, "<th scope=\"col\" class=\"n\">%s</th>", name_of(m, l));
    ssg_html_put(h, "</tr></thead><tbody>\n");
    for (size_t l = 0; l < m->count; l++) {
        double all = pixels_of(m, l, 0);
        if (isnan(m->iou[l])) continue;
        ssg_html_put(h, "<tr><th scope=\"row\">%s</th>", name_of(m, l));
        for (size_t k = 0; k < m->count; k++)
            if (!isnan(m->iou[k]))
                ssg_html_put(h, "<td class=\"n%s\">%.2f</td>", k == l ? " same" : "", all > 0 ? 100 * m->confusion[l * m->count + k] / all : 0);
        ssg_html_put(h, "</tr>\n");
    }
    ssg_html_put(h, "</tbody>");
    ssg_report_table_end(h);
}

static void put_curve(const masks *m)
{
    double thresholds[SSGCAM_THRESHOLDS], percent[SSGCAM_THRESHOLDS];
    for (int t = 0; t < SSGCAM_THRESHOLDS; t++) thresholds[t] = t, percent[t] = 100 * m->curve[t];
    ssg_series series = {"mIoU", 0, thresholds, percent, SSGCAM_THRESHOLDS};
    ssg_chart_put(m->html, &(ssg_chart){.title = "Every threshold",
                                        .x_name = "threshold, of 255",
                                        .y_name = "mIoU, %",
                                        .note = "The best threshold on these images is an upper bound: it is chosen on the truth.",
                                        .series = &series,
                                        .count = 1,
                                        .mark = m->threshold,
                                        .mark_name = "used"});
}

/* ---- reading ----------------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status read_confusion(masks *m, const json_t *rows)
{
    if (!(m->confusion = ssg_calloc(m->count * m->count + 1, sizeof *m->confusion))) return SSG_OUT_OF_MEMORY;
    if (json_array_size(rows) != m->count) return ssg_fail(SSGCAM_ERR_INPUT, "%s: 'confusion' is not square", m->path);
    for (size_t l = 0; l < m->count; l++) {
        double *row;
        SSG_TRY(ssg_read_numbers(&row, m->count, json_array_get(rows, l), "confusion", m->path));
        for (size_t k = 0; k < m->count; k++) m->confusion[l * m->count + k] = row[k];
        ssg_free(row);
    }
    return SSGCAM_OK;
}

static ssgcam_status read(masks *m, const json_t *root)
{
    json_error_t error;
    json_t *iou, *confusion, *curve = NULL, *labels, *threshold;
    if (json_unpack_ex((json_t *)root, &error, 0, "{s:o,s:o,s:o,s:o,s?o}", "threshold", &threshold, "labels", &labels, "iou", &iou, "confusion",
                       &confusion, "curve_mean_iou", &curve) != 0)
        return ssg_read_wrong(m->path, &error);
    m->threshold = json_is_integer(threshold) ? (int)json_integer_value(threshold) : -1; /* null, or -1 in older files: masks made before */
    m->labels = labels;
    m->count = json_array_size(labels);
    if (m->count < 1 || m->count > MOST_LABELS) return ssg_fail(SSGCAM_ERR_INPUT, "%s: 'labels' must hold 1 to %d names", m->path, MOST_LABELS);
    SSG_TRY(ssg_read_numbers(&m->iou, m->count, iou, "iou", m->path));
    SSG_TRY(read_confusion(m, confusion));
    return json_array_size(curve) ? ssg_read_numbers(&m->curve, SSGCAM_THRESHOLDS, curve, "curve_mean_iou", m->path) : SSGCAM_OK;
}

ssgcam_status ssg_report_masks(ssg_html *html, const json_t *root, const char *path)
{
    masks m = {.html = html, .path = path};
    json_error_t error;
    double mean, classes, object, object_mean;
    int images, failed;
    ssgcam_status status = SSGCAM_OK;
    if (json_unpack_ex((json_t *)root, &error, 0, "{s:i,s:i,s:F,s:F,s:F,s:F}", "images", &images, "failed", &failed, "mean_iou", &mean,
                       "foreground_iou", &classes, "object_iou", &object, "object_mean_iou", &object_mean) != 0)
        status = ssg_read_wrong(path, &error);
    if (status == SSGCAM_OK) status = read(&m, root);
    if (status == SSGCAM_OK) {
        ssg_report_tiles_begin(html);
        ssg_report_tile(html, "mIoU, background and classes", 100 * mean, 2, "%", NULL);
        ssg_report_tile(html, "mIoU of the classes", 100 * classes, 2, "%", NULL);
        ssg_report_tile(html, "IoU of object, all classes as one", 100 * object, 2, "%", NULL);
        ssg_report_tile(html, "mIoU of background and object", 100 * object_mean, 2, "%", NULL);
        if (json_is_number(json_object_get(root, "px_ap")))
            ssg_report_tile(html, "PxAP, how maps rank pixels", 100 * json_number_value(json_object_get(root, "px_ap")), 2, "%", NULL);
        ssg_report_tile(html, "images scored", images, 0, "", failed ? "some failed" : NULL);
        ssg_report_tiles_end(html);
        put_labels(&m);
        put_confusion(&m);
        if (m.curve) put_curve(&m);
    }
    ssg_free(m.iou);
    ssg_free(m.confusion);
    ssg_free(m.curve);
    return status;
}
