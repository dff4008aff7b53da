/* folds.h - the problem on a part of the searched images: those of one fold, or all the others. */
#ifndef SSG_SEARCH_FOLDS_H
#define SSG_SEARCH_FOLDS_H

#include "host/search/problem.h"

/* fold: of each image of `whole`, NULL: all images are outside. part->bank.images is the caller's, to be freed with ssg_folds_release. */
ssgcam_status ssg_folds_outside(ssg_problem *part, const ssg_problem *whole, const uint32_t *fold, size_t which);
ssgcam_status ssg_folds_inside(ssg_problem *part, const ssg_problem *whole, const uint32_t *fold, size_t which);
void ssg_folds_release(ssg_problem *part);

#endif
