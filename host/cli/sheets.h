/* sheets.h - contact sheets of `ssgcam explain --sheet`. */
#ifndef SSG_CLI_SHEETS_H
#define SSG_CLI_SHEETS_H

#include <ssgcam/explain.h>

#include "host/cli/common.h"

/* Whether `what` is "layers" or methods separated by commas, each of which takes the settings given: asked before the network runs. */
ssgcam_status check_sheets(const char *what, const method_flags *method);

/* A sheet lies at `path`. */
typedef void sheet_callback(void *context, const char *input, size_t image, size_t label, const char *path);

/* Writes DIR/STEM[.I].CLASS.sheet.png for every input and class of `explain`. what: "layers" (each layer of the recipe, then the mixture) or methods
 * separated by commas (each over the same layers). */
ssgcam_status write_sheets(const char *what, const ssgcam_explain_options *explain, const method_flags *method, sheet_callback *callback,
                           void *context);

#endif
