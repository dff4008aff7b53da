/* sheets.h - contact sheets of `ssgcam explain --sheet`. */
#ifndef SSG_CLI_SHEETS_H
#define SSG_CLI_SHEETS_H

#include <ssgcam/explain.h>

#include "host/cli/common.h"

/* Writes DIR/STEM[.I].CLASS.sheet.png for every input and class of `explain`. what: "layers" (each layer of the recipe, then the mixture) or methods
 * separated by commas (each over the same layers). The names written are printed unless `quiet`. */
ssgcam_status write_sheets(const char *what, const ssgcam_explain_options *explain, const method_flags *method, int quiet);

#endif
