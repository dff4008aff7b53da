/* scores.h - what the class scores of one image say. Of equal scores the lower class comes first, everywhere. */
#ifndef SSG_FLOW_SCORES_H
#define SSG_FLOW_SCORES_H

#include <stddef.h>

/* How many classes the network prefers to `class`; 0: its answer. */
int ssg_scores_rank(const float *scores, size_t count, size_t class);

/* Softmax of the scores. */
double ssg_scores_probability(const float *scores, size_t count, size_t class);

#endif
