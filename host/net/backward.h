/* backward.h - appends the data-gradient pass to a graph. */
#ifndef SSG_NET_BACKWARD_H
#define SSG_NET_BACKWARD_H

#include "host/model/graph.h"

/* Appends to `graph` the operators that turn seeds (the gradient of a weighted sum of scores with respect to tensor `score`, for `classes` classes of
 * each image: rows class-major) into the gradients with respect to the `tap_count` tensors `taps`. Only what lies between the taps and the score is
 * differentiated, and only with respect to data. `seeds` gets the tensor that takes the seeds; gradients[i] the tensor of tap i. A tap that the score
 * does not depend on is an error that names it. */
ssgcam_status ssg_backward_append(ssg_graph *graph, int score, int classes, const int *taps, int tap_count, int *seeds, int *gradients);

#endif
