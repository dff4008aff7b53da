/* log.h - diagnostics for people, on standard error. Results never go through here. */
#ifndef SSG_BASE_LOG_H
#define SSG_BASE_LOG_H

typedef enum ssg_log_level { SSG_LOG_QUIET, SSG_LOG_NORMAL, SSG_LOG_VERBOSE } ssg_log_level;

/* Prints "ssgcam: sentence" if `level` is at most the level set by the program (default: normal). */
void ssg_log(ssg_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

void ssg_log_set_level(ssg_log_level level);

#endif
