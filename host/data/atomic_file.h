/* atomic_file.h - a file appears under its name only when it is complete. */
#ifndef SSG_DATA_ATOMIC_FILE_H
#define SSG_DATA_ATOMIC_FILE_H

#include <stddef.h>

#include "host/base/status.h"

/* Writes `size` bytes to a temporary name in the same folder, flushes them to disk (fsync), renames, and flushes the folder. On any failure nothing
 * is left behind, an old file of that name is untouched, and the sentence names the path and the cause (SSGCAM_ERR_IO). */
ssgcam_status ssg_file_write(const char *path, const void *bytes, size_t size);

/* Reads a whole file of at most `most` bytes into fresh memory (ssg_free) with a zero byte behind it. SSGCAM_ERR_NOT_FOUND if it cannot be opened,
 * SSGCAM_ERR_INPUT if it is too large. */
ssgcam_status ssg_file_read(char **bytes, size_t *size, const char *path, size_t most);

/* Makes a folder and its parents; fine if it exists. */
ssgcam_status ssg_folder_make(const char *path);

/* "folder/name" in fresh memory; `name` alone if it is absolute or folder is NULL or "". */
char *ssg_path_join(const char *folder, const char *name);

/* What stands beside a file of JSON: its path without ".json", plus the suffix, in fresh memory. */
char *ssg_path_beside(const char *path, const char *suffix);

int ssg_path_is_folder(const char *path);

#endif
