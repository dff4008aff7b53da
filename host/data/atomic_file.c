#include "host/data/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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

ssgcam_status ssg_file_read(char **bytes, size_t *size, const char *path, size_t most)
{
    *bytes = NULL;
    *size = 0;
    FILE *file = fopen(path, "rb");
    struct stat about;
    if (!file) return ssg_fail(SSGCAM_ERR_NOT_FOUND, "%s: cannot be opened: %s", path, strerror(errno));
    ssgcam_status status = SSGCAM_OK;
    if (fstat(fileno(file), &about) != 0 || !S_ISREG(about.st_mode))
        status = ssg_fail(SSGCAM_ERR_INPUT, "%s: not a regular file", path);
    else if ((uint64_t)about.st_size > most)
        status = ssg_fail(SSGCAM_ERR_INPUT, "%s: %lld bytes; at most %zu are expected here", path, (long long)about.st_size, most);
    else if (!(*bytes = ssg_calloc((size_t)about.st_size + 1, 1)))
        status = SSG_OUT_OF_MEMORY;
    else if (fread(*bytes, 1, (size_t)about.st_size, file) != (size_t)about.st_size)
        status = ssg_fail(SSGCAM_ERR_INPUT, "%s: cannot be read: %s", path, strerror(errno));
    else
        *size = (size_t)about.st_size;
    fclose(file);
    if (status != SSGCAM_OK) {
        ssg_free(*bytes);
        *bytes = NULL;
    }
    return status;
}

ssgcam_status ssg_folder_make(const char *path)
{
    char *copy = ssg_strdup(path);
    if (!copy) return SSG_OUT_OF_MEMORY;
    ssgcam_status status = SSGCAM_OK;
    for (char *at = copy + 1; status == SSGCAM_OK; at++) {
        if (*at != '/' && *at != '\0') continue;
        char kept = *at;
        *at = '\0';
        if (mkdir(copy, 0755) != 0 && (errno != EEXIST || !ssg_path_is_folder(copy)))
            status = ssg_fail(SSGCAM_ERR_IO, "%s: the folder cannot be made: %s", copy,
                              errno == EEXIST ? "a file of that name is in the way" : strerror(errno));
        *at = kept;
        if (kept == '\0') break;
    }
    ssg_free(copy);
    return status;
}

char *ssg_path_join(const char *folder, const char *name)
{
    if (!folder || !folder[0] || name[0] == '/') return ssg_strdup(name);
    return ssg_format("%s%s%s", folder, folder[strlen(folder) - 1] == '/' ? "" : "/", name);
}

char *ssg_path_beside(const char *path, const char *suffix)
{
    size_t length = strlen(path);
    if (length > 5 && strcmp(path + length - 5, ".json") == 0) length -= 5;
    return ssg_format("%.*s%s", (int)length, path, suffix);
}

int ssg_path_is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}
