/* report.h - one section of the page for each run: a file for each kind of run.
 *
 * A section function puts its part into `html` and fails with a sentence that names the file. */
#ifndef SSG_REPORT_REPORT_H
#define SSG_REPORT_REPORT_H

#include <jansson.h>

#include "host/report/html.h"

ssgcam_status ssg_report_search(ssg_html *html, const char *path);     /* recipe.json, and its log beside it */
ssgcam_status ssg_report_generate(ssg_html *html, const char *folder); /* what generate -o wrote */
ssgcam_status ssg_report_masks(ssg_html *html, const json_t *root, const char *path);
ssgcam_status ssg_report_boxes(ssg_html *html, const json_t *root, const char *path);
ssgcam_status ssg_report_perturb(ssg_html *html, const json_t *root, const char *path);
ssgcam_status ssg_report_curves(ssg_html *html, char *text, const char *path); /* takes `text` apart */

/* Up to twelve pictures of the masks of `ids`, evenly spread. */
ssgcam_status ssg_report_gallery(ssg_html *html, const char *folder, const char *const *ids, size_t count);

/* Pieces that sections share: figures in large print between tiles_begin and tiles_end, and a table's beginning (scrolls sideways where it must). */
void ssg_report_tiles_begin(ssg_html *html);
void ssg_report_tile(ssg_html *html, const char *name, double value, int decimals, const char *unit, const char *small);
void ssg_report_tile_gain(ssg_html *html, const char *name, double points, const char *range); /* a difference, with its sign */
void ssg_report_tiles_end(ssg_html *html);
void ssg_report_table_begin(ssg_html *html, const char *caption);
void ssg_report_table_end(ssg_html *html);

/* The whole page in fresh memory (ssg_html_clear). */
ssgcam_status ssg_report_page(ssg_html *page, const char *const *runs, size_t count);

#endif
