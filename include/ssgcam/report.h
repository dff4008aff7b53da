/* ssgcam/report.h - what searches, masks and scores came to, on one page.
 *
 * The page is one HTML file that needs nothing else: no network, no script; curves are inline SVG, pictures are inside. The same runs give the same
 * bytes. */
#ifndef SSGCAM_REPORT_H
#define SSGCAM_REPORT_H

#include <ssgcam/status.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssgcam_report_options {
    /* What to show, a section each, in this order: a recipe (its log is taken from beside it), a folder that ssgcam_generate_run wrote, what
     * `ssgcam eval` printed with --json, or a table that it wrote with --curve or
     * --pixel-curve. Which it is shows in the contents. */
    const char *const *runs;
    size_t run_count;
    const char *out; /* appears whole or not at all */
} ssgcam_report_options;

/* SSGCAM_ERR_NOT_FOUND or SSGCAM_ERR_INPUT with the file, the line and the field if a run cannot be read; nothing is written then. `bytes` (may be
 * NULL): size of the page. */
SSGCAM_API ssgcam_status ssgcam_report_write(const ssgcam_report_options *options, size_t *bytes);

#ifdef __cplusplus
}
#endif
#endif
