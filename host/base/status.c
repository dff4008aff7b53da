#include "host/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Per thread, so that concurrent calls keep their own sentence. */
static _Thread_local char last_message[SSG_MESSAGE_BYTES];

const char *ssgcam_status_name(ssgcam_status status)
{
    switch (status) {
    case SSGCAM_OK: return "ok";
    case SSGCAM_ERR_ARGUMENT: return "argument";
    case SSGCAM_ERR_INPUT: return "input";
    case SSGCAM_ERR_NOT_FOUND: return "not found";
    case SSGCAM_ERR_UNSUPPORTED: return "unsupported";
    case SSGCAM_ERR_MEMORY: return "memory";
    case SSGCAM_ERR_IO: return "io";
    case SSGCAM_ERR_DEVICE: return "device";
    case SSGCAM_ERR_INTERRUPTED: return "interrupted";
    case SSGCAM_ERR_PARTIAL: return "partial";
    case SSGCAM_ERR_INTERNAL: return "internal";
    }
    return "unknown";
}

const char *ssgcam_last_error(void)
{
    return last_message;
}

ssgcam_status ssg_fail(ssgcam_status status, const char *format, ...)
{
    char text[SSG_MESSAGE_BYTES]; /* arguments may point into last_message */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    memcpy(last_message, text, sizeof text);
    return status;
}

ssgcam_status ssgcam_fail(ssgcam_status status, const char *format, ...)
{
    char text[SSG_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return ssg_fail(status, "%s", text);
}

ssgcam_status ssg_out_of_memory(const char *doing)
{
    return ssg_fail(SSGCAM_ERR_MEMORY, "out of memory while %s", doing);
}

ssgcam_status ssg_fail_prefix(ssgcam_status status, const char *format, ...)
{
    char text[SSG_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (used >= 0 && used < SSG_MESSAGE_BYTES) snprintf(text + used, sizeof text - (size_t)used, ": %s", last_message);
    memcpy(last_message, text, sizeof text);
    return status;
}

void ssg_failure_take(ssg_failure *failure, ssgcam_status status)
{
    failure->status = status;
    memcpy(failure->message, last_message, sizeof last_message);
}

ssgcam_status ssg_failure_raise(const ssg_failure *failure)
{
    return failure->status == SSGCAM_OK ? SSGCAM_OK : ssg_fail(failure->status, "%s", failure->message);
}
