#include "host/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

/* A process has one standard error, hence one level. */
static atomic_int threshold = SSGCAM_REMARKS_FEW;

void ssgcam_set_remarks(ssgcam_remarks remarks)
{
    atomic_store(&threshold, (int)remarks);
}

void ssg_log(ssg_log_level level, const char *format, ...)
{
    if ((int)level > atomic_load(&threshold)) return;
    char line[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "ssgcam: %s\n", line); /* one call: lines of several threads do not mix */
}
