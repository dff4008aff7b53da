/* status.h - the one way to report a failure inside the library.
 *
 *     if (rank != 4) return ssg_fail(SSGCAM_ERR_INPUT, "%s: node %s: rank %d, expected 4", path, node, rank);
 *
 * Callers that add nothing pass the code on with SSG_TRY; callers that know more (which file, which image) prepend it with ssg_fail_prefix. */
#ifndef SSG_BASE_STATUS_H
#define SSG_BASE_STATUS_H

#include <ssgcam/status.h>

enum { SSG_MESSAGE_BYTES = 1024 }; /* of a sentence, with its zero byte; what is longer is cut */

/* Stores the formatted sentence as this thread's last error and returns `status`. */
ssgcam_status ssg_fail(ssgcam_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "prefix: " before this thread's last error and returns `status`. */
ssgcam_status ssg_fail_prefix(ssgcam_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* After the allocator of another library (jansson, expat, ...) gave nothing: "out of memory while DOING". Ours says so itself: alloc.h. */
ssgcam_status ssg_out_of_memory(const char *doing);

/* A failure on its way from the thread that met it to the one that reports it; zero: none. */
typedef struct ssg_failure {
    ssgcam_status status;
    char message[SSG_MESSAGE_BYTES];
} ssg_failure;

/* Keeps `status` with the calling thread's last error. */
void ssg_failure_take(ssg_failure *failure, ssgcam_status status);

/* Makes it the calling thread's last error and returns its status; SSGCAM_OK if there is none. */
ssgcam_status ssg_failure_raise(const ssg_failure *failure);

/* Returns from the calling function with the code of `call` if it failed. */
#define SSG_TRY(call)                                           \
    do {                                                        \
        ssgcam_status ssg_try_status = (call);                  \
        if (ssg_try_status != SSGCAM_OK) return ssg_try_status; \
    } while (0)

/* Like SSG_TRY for functions that clean up: sets the local variable `status` and jumps to the label `done`. */
#define SSG_TRY_DONE(call)                  \
    do {                                    \
        status = (call);                    \
        if (status != SSGCAM_OK) goto done; \
    } while (0)

#endif
