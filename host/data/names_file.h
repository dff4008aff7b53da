/* names_file.h - a text file with one name a line. */
#ifndef SSG_DATA_NAMES_FILE_H
#define SSG_DATA_NAMES_FILE_H

#include <stddef.h>

#include "host/base/status.h"

/* Blank lines at the end are dropped; one in between is an error, since it would shift the indices. */
ssgcam_status ssg_names_read(char ***names, size_t *count, const char *path);

void ssg_names_free(char **names, size_t count);

#endif
