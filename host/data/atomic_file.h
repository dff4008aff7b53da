/* atomic_file.h - a file appears under its name only when it is complete. */
#ifndef SSG_DATA_ATOMIC_FILE_H
#define SSG_DATA_ATOMIC_FILE_H

#include <stddef.h>

#include "host/base/status.h"

/* Writes `size` bytes to a temporary name in the same folder, flushes them to disk (fsync), renames, and flushes the folder. On any failure nothing
 * is left behind, an old file of that name is untouched, and the sentence names the path and the cause (SSGCAM_ERR_IO). A link stays, and what it
 * points to is written; a folder, a pipe or a device of that name is refused. ssgcam/output.h asks the same beforehand. */
ssgcam_status ssg_file_write(const char *path, const void *bytes, size_t size);

#endif
