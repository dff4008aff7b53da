/* by_image.h - the best threshold by the mean over images: no figure of summed counts, so every image has a curve of its own. */
#ifndef SSG_SEARCH_BY_IMAGE_H
#define SSG_SEARCH_BY_IMAGE_H

#include "host/search/objective.h"

/* As ssg_objective_solve with SSG_MEASURE_IMAGE_IOU, on the host. */
ssgcam_status ssg_by_image_solve(ssg_solution *out, const ssg_bank *bank, const ssg_candidate *candidates, size_t count, size_t layers,
                                 const ssg_score_ops *ops, int threads);

#endif
