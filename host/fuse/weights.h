/* weights.h - real mixture weights as integers that sum to 127. */
#ifndef SSG_FUSE_WEIGHTS_H
#define SSG_FUSE_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

enum { SSG_MIXTURE_SUM = 127, SSG_MIXTURE_MOST = 64 };

/* Non-negative reals (negative and NaN count as 0) to integers that sum to 127: largest remainder, ties to the lower index; all zero stays zero.
 * count <= 64. */
void ssg_mixture_weights(uint8_t *weight, const double *raw, size_t count);

#endif
