/* files.h - whole files are read; folders; the parts of a path. Files are written by host/data/atomic_file.h. */
#ifndef SSG_BASE_FILES_H
#define SSG_BASE_FILES_H

#include <stddef.h>

#include "host/base/status.h"

/* Reads a whole file of at most `most` bytes into fresh memory (ssg_free) with a zero byte behind it. SSGCAM_ERR_NOT_FOUND if it cannot be opened;
 * SSGCAM_ERR_INPUT if it is too large, `size` then being its size, or cannot be read. On failure `bytes` is NULL. */
ssgcam_status ssg_file_read(char **bytes, size_t *size, const char *path, size_t most);

/* Makes a folder and its parents; fine if it exists. */
ssgcam_status ssg_folder_make(const char *path);

int ssg_path_is_folder(const char *path);

/* "folder/name" in fresh memory; `name` alone if it is absolute or folder is NULL or "". */
char *ssg_path_join(const char *folder, const char *name);

/* What stands beside a file of JSON: its path without ".json", plus the suffix, in fresh memory. */
char *ssg_path_beside(const char *path, const char *suffix);

/* The name without its folder, within `path`. */
const char *ssg_path_name(const char *path);

/* The name without folder and suffix: `length` characters from the start that is returned. A name that begins with its only dot has no suffix. */
const char *ssg_path_stem(const char *path, size_t *length);

#endif
