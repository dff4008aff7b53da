/* ssgcam/status.h - result codes and the sentence behind them.
 *
 * Every function of the library that can fail returns an ssgcam_status: 0 (SSGCAM_OK) or a negative code. The sentence that says what was wrong,
 * where, and what to do about it, is kept per thread until that thread's next failing call: ssgcam_last_error(). */
#ifndef SSGCAM_STATUS_H
#define SSGCAM_STATUS_H

#include <ssgcam/export.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ssgcam_status {
    SSGCAM_OK = 0,
    SSGCAM_ERR_ARGUMENT = -1,    /* the caller asked for something that makes no sense (command line: exit 2) */
    SSGCAM_ERR_INPUT = -2,       /* a file or its contents cannot be used (exit 3) */
    SSGCAM_ERR_NOT_FOUND = -3,   /* a named file, layer or class does not exist (exit 3) */
    SSGCAM_ERR_UNSUPPORTED = -4, /* valid, but outside what this build can do (exit 3) */
    SSGCAM_ERR_MEMORY = -5,      /* an allocation failed (exit 4) */
    SSGCAM_ERR_IO = -6,          /* writing failed: full disk, unwritable folder (exit 4) */
    SSGCAM_ERR_DEVICE = -7,      /* the processor or GPU library refused (exit 4) */
    SSGCAM_ERR_INTERRUPTED = -8, /* stopped on request; the work can be resumed (exit 130) */
    SSGCAM_ERR_PARTIAL = -9,     /* some items failed, the rest is complete (exit 1) */
    SSGCAM_ERR_INTERNAL = -10    /* a fault of the library itself: please report it (exit 4) */
} ssgcam_status;

/* A short constant name of the code, e.g. "input"; never NULL. */
SSGCAM_API const char *ssgcam_status_name(ssgcam_status status);

/* The sentence of the calling thread's last failure; "" if there was none. Valid until that thread's next failing call. */
SSGCAM_API const char *ssgcam_last_error(void);

/* Sets the calling thread's last error and returns `status`: for programs and callbacks that report their own errors the library's way. */
SSGCAM_API ssgcam_status ssgcam_fail(ssgcam_status status, const char *format, ...);

/* What the library remarks on standard error besides failing: nothing; what changes the work, e.g. less memory than wanted (the default); more. Of
 * the whole process, which has one standard error. */
typedef enum ssgcam_remarks { SSGCAM_REMARKS_NONE, SSGCAM_REMARKS_FEW, SSGCAM_REMARKS_ALL } ssgcam_remarks;
SSGCAM_API void ssgcam_set_remarks(ssgcam_remarks remarks);

#ifdef __cplusplus
}
#endif
#endif
