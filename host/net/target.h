/* target.h - what is differentiated: a smooth function of the logits rather than a logit itself. */
#ifndef SSG_NET_TARGET_H
#define SSG_NET_TARGET_H

#include <ssgcam/method.h>

#include "host/model/graph.h"

/* Appends to the graph the operators that turn the logits into the target of every class, [N][classes], and gives its tensor. The plain logit needs
 * none: `score` becomes the logits. */
ssgcam_status ssg_target_append(ssg_graph *graph, ssgcam_target target, int *score);

#endif
