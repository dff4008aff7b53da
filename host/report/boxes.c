#include <stdio.h>

#include "host/report/chart.h"
#include "host/report/read.h"
#include "host/report/report.h"

static ssgcam_status put_row(ssg_html *h, const char *name, const json_t *list, const char *path)
{
    json_error_t error;
    size_t i;
    json_t *item;
    ssg_html_put(h, "<tr><th scope=\"row\">%s</th>", name);
    json_array_foreach((json_t *)list, i, item)
    {
        double accuracy;
        int threshold;
        if (json_unpack_ex(item, &error, 0, "{s:F,s:i}", "accuracy", &accuracy, "threshold", &threshold) != 0) return ssg_read_wrong(path, &error);
        ssg_html_put(h, "<td class=\"n\">%.2f</td><td class=\"n\">%d</td>", 100 * accuracy, threshold);
    }
    ssg_html_put(h, "</tr>\n");
    return SSGCAM_OK;
}

static ssgcam_status put_hits(ssg_html *h, const json_t *largest, const json_t *any, const char *path)
{
    size_t i;
    json_t *item;
    if (json_array_size(largest) != json_array_size(any))
        return ssg_fail(SSGCAM_ERR_INPUT, "%s: 'largest_contour' and 'any_contour' differ in length; write it again with this version of ssgcam",
                        path);
    ssg_report_table_begin(h, "Boxes that hit, in percent, by the least IoU that counts");
    ssg_html_put(h, "<thead><tr><th scope=\"col\">box around</th>");
    json_array_foreach((json_t *)largest, i, item)
    {
        const json_t *iou = json_object_get(item, "iou"); /* a text in older files */
        char text[32];
        snprintf(text, sizeof text, "%g", json_number_value(iou));
        ssg_html_put(h, "<th scope=\"col\" class=\"n\">IoU %s</th><th scope=\"col\" class=\"n\">threshold</th>",
                     json_is_number(iou)   ? text
                     : json_is_string(iou) ? json_string_value(iou)
                                           : "?");
    }
    ssg_html_put(h, "</tr></thead><tbody>\n");
    SSG_TRY(put_row(h, "the largest contour", largest, path));
    SSG_TRY(put_row(h, "any contour", any, path));
    ssg_html_put(h, "</tbody>");
    ssg_report_table_end(h);
    ssg_html_put(h,
                 "<p class=\"note\">Maps of the true classes. Each figure at the threshold, of 0 to 254, that suits it best, which is chosen on the "
                 "truth.</p>\n");
    return SSGCAM_OK;
}

ssgcam_status ssg_report_boxes(ssg_html *html, const json_t *root, const char *path)
{
    static const char *const answers[][2] = {{"top1_localisation", "Top-1 localisation"}, {"top5_localisation", "Top-5 localisation"}};
    json_error_t error;
    json_t *largest, *any;
    double v1, v2;
    int images, maps;
    if (json_unpack_ex((json_t *)root, &error, 0, "{s:i,s:i,s:F,s:F,s:o,s:o}", "images", &images, "maps", &maps, "max_box_acc", &v1, "max_box_acc_v2",
                       &v2, "largest_contour", &largest, "any_contour", &any) != 0)
        return ssg_read_wrong(path, &error);
    ssg_report_tiles_begin(html);
    ssg_report_tile(html, "MaxBoxAcc", 100 * v1, 2, "%", NULL);
    ssg_report_tile(html, "MaxBoxAccV2", 100 * v2, 2, "%", NULL);
    for (int i = 0; i < 2; i++) {
        const json_t *answer = json_object_get(root, answers[i][0]);
        double accuracy;
        if (!answer) continue;
        if (json_unpack_ex((json_t *)answer, &error, 0, "{s:F}", "accuracy", &accuracy) != 0) return ssg_read_wrong(path, &error);
        ssg_report_tile(html, answers[i][1], 100 * accuracy, 2, "%", NULL);
    }
    ssg_report_tile(html, "images", images, 0, "", NULL);
    ssg_report_tile(html, "maps", maps, 0, "", NULL);
    ssg_report_tiles_end(html);
    return put_hits(html, largest, any, path);
}
