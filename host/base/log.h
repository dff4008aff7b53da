/* log.h - diagnostics for people, on standard error. Results never go through here. */
#ifndef SSG_BASE_LOG_H
#define SSG_BASE_LOG_H

#include <ssgcam/status.h>

typedef enum ssg_log_level { SSG_LOG_NORMAL = SSGCAM_REMARKS_FEW, SSG_LOG_VERBOSE = SSGCAM_REMARKS_ALL } ssg_log_level;

/* Prints "ssgcam: sentence" if `level` is at most what ssgcam_set_remarks says. */
void ssg_log(ssg_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
