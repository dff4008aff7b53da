/* tally.h - what every evaluation keeps: how many images are done, and whom to tell. Images are scored on several threads at once, in any order; what
 * became of them is told one at a time, in the order of the items. */
#ifndef SSG_EVAL_TALLY_H
#define SSG_EVAL_TALLY_H

#include <ssgcam/generate.h>

#include "host/flow/stream.h"

typedef struct ssg_tally {
    ssgcam_progress *progress; /* may be NULL */
    void *context;
    const int *stop; /* polled between items that come from files; may be NULL */
    size_t total, done;
    size_t *images, *failed; /* of the result: scored, not scored */
} ssg_tally;

/* One more image; `failure`: why it could not be scored, or NULL. */
void ssg_tally_add(ssg_tally *tally, const ssgcam_item *item, const char *failure);

/* The same by the status of scoring it: what is wrong with the image counts against it, with the calling thread's last error; memory that has run out
 * or a device that refuses is no fault of an image and is given back. */
ssgcam_status ssg_tally_judge(ssg_tally *tally, const ssgcam_item *item, ssgcam_status status);

/* SSGCAM_ERR_INTERRUPTED once a stop is asked for. Before each item that comes from files; a stream polls by itself. */
ssgcam_status ssg_tally_poll(const ssg_tally *tally);

enum { SSG_TALLY_THREADS = 32 }; /* that score at once, at most */
_Static_assert((int)SSG_TALLY_THREADS >= (int)SSG_STREAM_CONSUMERS, "a desk for each of either");

/* Scores an item from files. `thread`: 0 to SSG_TALLY_THREADS - 1, as of a stream's image. */
typedef ssgcam_status ssg_tally_scorer(void *context, const ssgcam_item *item, int thread);

/* Scores `tally->total` items from files on up to `threads` threads (0: all processors), and judges each as above once those before it are judged.
 * What ends an evaluation ends it there: what was scored meanwhile is not judged. */
ssgcam_status ssg_tally_files(ssg_tally *tally, const ssgcam_item *const *items, int threads, ssg_tally_scorer *score, void *context);

/* Scores the maps of `tally->total` items as they are made: `score` sees each image that has not failed, on several threads at once, and is judged as
 * above. `stream`: all but the items. `work`: where the times go. */
ssgcam_status ssg_tally_stream(ssg_tally *tally, const ssgcam_item *const *items, const ssg_stream_options *stream, ssg_stream_consumer *score,
                               void *context, ssgcam_generate_result *work);

#endif
