#include "host/data/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/base/alloc.h"

static ssgcam_status cannot_write(const char *path, const char *doing)
{
    const char *advice = errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? "; free some space and run the same command again" : "";
    return ssg_fail(SSGCAM_ERR_IO, "%s: cannot be written (%s: %s)%s", path, doing, strerror(errno), advice);
}

static int write_all(int file, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t done = write(file, bytes, size);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return 0;
        if (done == 0) {
            errno = ENOSPC;
            return 0;
        }
        bytes += done;
        size -= (size_t)done;
    }
    return 1;
}

/* The rename itself must reach the disk too, or a power loss could undo it. Some file systems do not support this; the file is complete all the same.
 */
static void flush_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? ssg_format("%.*s", (int)(slash > path ? slash - path : 1), path) : ssg_format(".");
    int file = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (file >= 0) {
        fsync(file);
        close(file);
    }
    ssg_free(folder);
}

ssgcam_status ssg_file_write(const char *path, const void *bytes, size_t size)
{
    char *temporary = ssg_format("%s.%ld.part", path, (long)getpid());
    if (!temporary) return SSG_OUT_OF_MEMORY;
    ssgcam_status status = SSGCAM_OK;
    int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) {
        status = cannot_write(path, "create");
        ssg_free(temporary);
        return status;
    }
    if (!write_all(file, bytes, size))
        status = cannot_write(path, "write");
    else if (fsync(file) != 0)
        status = cannot_write(path, "flush");
    if (close(file) != 0 && status == SSGCAM_OK) status = cannot_write(path, "close");
    if (status == SSGCAM_OK && rename(temporary, path) != 0) status = cannot_write(path, "rename");
    if (status == SSGCAM_OK)
        flush_folder(path);
    else
        unlink(temporary);
    ssg_free(temporary);
    return status;
}
