/* preprocess.h - preprocessing in words; how it is read is in ssgcam/preprocess.h. */
#ifndef SSG_DATA_PREPROCESS_H
#define SSG_DATA_PREPROCESS_H

#include <ssgcam/preprocess.h>

/* All that becomes of an image on its way into a network of that size, in a line; the caller's to free. NULL: out of memory. */
char *ssg_preprocess_describe(const ssgcam_preprocess *preprocess, int network_height, int network_width);

#endif
