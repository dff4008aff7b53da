/* nearest_name.h - "did you mean". */
#ifndef SSG_BASE_NEAREST_NAME_H
#define SSG_BASE_NEAREST_NAME_H

#include <stddef.h>

/* The name of smallest edit distance (ignoring case) to `wanted`, or NULL if none is near: the distance must be below half the longer length, or one
 * name contain the other. */
const char *ssg_nearest_name(const char *wanted, const char *const *names, size_t count);

#endif
