/* tally.h - what every evaluation keeps: how many images are done, and whom to tell. */
#ifndef SSG_EVAL_TALLY_H
#define SSG_EVAL_TALLY_H

#include <ssgcam/generate.h>

#include "host/flow/stream.h"

typedef struct ssg_tally {
    ssgcam_progress *progress; /* may be NULL */
    void *context;
    size_t total, done;
    size_t *images, *failed; /* of the result: scored, not scored */
} ssg_tally;

/* One more image; `failure`: why it could not be scored, or NULL. */
void ssg_tally_add(ssg_tally *tally, const ssgcam_item *item, const char *failure);

/* The same by the status of scoring it: what is wrong with the image counts against it, with the calling thread's last error; memory that has run out
 * is no fault of an image and is given back. */
ssgcam_status ssg_tally_judge(ssg_tally *tally, const ssgcam_item *item, ssgcam_status status);

/* ssg_stream_run, with its times in a result. */
ssgcam_status ssg_eval_stream(const ssg_stream_options *options, ssg_stream_consumer *consume, void *context, ssgcam_generate_result *work);

#endif
