/* ssgcam/output.h - whether a file can be written, asked before the work that fills it. */
#ifndef SSGCAM_OUTPUT_H
#define SSGCAM_OUTPUT_H

#include <ssgcam/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* SSGCAM_ERR_IO with the sentence that writing `path` would end with if its folder is missing or refuses files, or if what bears the name is no
 * regular file. Links are followed. An old file of that name stays as it is, and nothing new stays behind. */
SSGCAM_API ssgcam_status ssgcam_output_check(const char *path);

#ifdef __cplusplus
}
#endif
#endif
