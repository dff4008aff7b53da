#include "host/data/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <ssgcam/output.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/base/alloc.h"
#include "host/base/files.h"

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

/* ---- what a name means ----------------------------------------------------------------------------------------------------------------- */

enum { MOST_LINKS = 40 /* as the kernel follows */ };

/* What the link at `at` points to, in fresh memory; NULL if it is no link or nothing is there. */
static ssgcam_status follow(char **target, const char *at)
{
    char text[PATH_MAX];
    *target = NULL;
    ssize_t length = readlink(at, text, sizeof text - 1);
    if (length < 0) return errno == EINVAL || errno == ENOENT ? SSGCAM_OK : cannot_write(at, "follow");
    text[length] = '\0';
    char *folder = ssg_format("%.*s", (int)(ssg_path_name(at) - at), at);
    *target = folder ? ssg_path_join(folder, text) : NULL;
    ssg_free(folder);
    return *target ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
}

/* The file that `path` means, in fresh memory: a rename over a link would leave what it points to as it was. What is no file (a pipe, a device) must
 * not become one, and its reader would wait for ever. */
static ssgcam_status find_target(char **target, const char *path)
{
    struct stat about;
    *target = NULL;
    if (!*ssg_path_name(path)) return ssg_fail(SSGCAM_ERR_IO, "'%s': cannot be written: this names no file", path);
    if (stat(path, &about) == 0) {
        if (S_ISDIR(about.st_mode)) return ssg_fail(SSGCAM_ERR_IO, "%s: cannot be written: a folder bears this name; name a file", path);
        if (!S_ISREG(about.st_mode)) return ssg_fail(SSGCAM_ERR_IO, "%s: cannot be written: not a regular file; give another name", path);
    } else if (errno != ENOENT) {
        return cannot_write(path, "look at");
    }
    char *at = ssg_strdup(path), *next = NULL;
    ssgcam_status status = at ? follow(&next, at) : SSG_OUT_OF_MEMORY;
    for (int links = 0; next && status == SSGCAM_OK; links++) {
        ssg_free(at);
        at = next;
        errno = ELOOP; /* of links that lead nowhere; stat met all others */
        status = links < MOST_LINKS ? follow(&next, at) : cannot_write(path, "follow");
    }
    if (status == SSGCAM_OK)
        *target = at;
    else
        ssg_free(at);
    return status;
}

/* A name beside the target that no other process takes, in fresh memory. */
static char *name_beside(const char *target)
{
    return ssg_format("%s.%ld.part", target, (long)getpid());
}

/* ---- files ------------------------------------------------------------------------------------------------------------------------------- */

/* `path` is what sentences name. */
static ssgcam_status write_beside(const char *path, const char *target, const char *temporary, const void *bytes, size_t size)
{
    ssgcam_status status = SSGCAM_OK;
    int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) return cannot_write(path, "create");
    if (!write_all(file, bytes, size))
        status = cannot_write(path, "write");
    else if (fsync(file) != 0)
        status = cannot_write(path, "flush");
    if (close(file) != 0 && status == SSGCAM_OK) status = cannot_write(path, "close");
    if (status == SSGCAM_OK && rename(temporary, target) != 0) status = cannot_write(path, "rename");
    if (status == SSGCAM_OK)
        flush_folder(target);
    else
        unlink(temporary);
    return status;
}

ssgcam_status ssg_file_write(const char *path, const void *bytes, size_t size)
{
    char *target;
    SSG_TRY(find_target(&target, path));
    char *temporary = name_beside(target);
    ssgcam_status status = temporary ? write_beside(path, target, temporary, bytes, size) : SSG_OUT_OF_MEMORY;
    ssg_free(temporary);
    ssg_free(target);
    return status;
}

/* What access() says is not enough: to root every folder seems open, those of /proc too. */
ssgcam_status ssgcam_output_check(const char *path)
{
    char *target;
    SSG_TRY(find_target(&target, path));
    char *temporary = name_beside(target);
    ssgcam_status status = temporary ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    int file = temporary ? open(temporary, O_WRONLY | O_CREAT | O_CLOEXEC, 0644) : -1;
    if (file >= 0) {
        close(file);
        unlink(temporary);
    } else if (temporary) {
        status = cannot_write(path, "create");
    }
    ssg_free(temporary);
    ssg_free(target);
    return status;
}
