#include "host/base/files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "host/base/alloc.h"

ssgcam_status ssg_file_read(char **bytes, size_t *size, const char *path, size_t most)
{
    *bytes = NULL;
    *size = 0;
    FILE *file = fopen(path, "rb");
    struct stat about;
    if (!file) return ssg_fail(SSGCAM_ERR_NOT_FOUND, "%s: cannot be opened: %s", path, strerror(errno));
    ssgcam_status status = SSGCAM_OK;
    if (fstat(fileno(file), &about) != 0 || !S_ISREG(about.st_mode)) {
        status = ssg_fail(SSGCAM_ERR_INPUT, "%s: not a regular file", path);
        goto done;
    }
    *size = (size_t)about.st_size;
    if (*size > most)
        status = ssg_fail(SSGCAM_ERR_INPUT, "%s: %zu bytes; at most %zu are expected here", path, *size, most);
    else if (!(*bytes = ssg_alloc_aligned(*size + 1, 1))) /* models are large */
        status = SSG_OUT_OF_MEMORY;
    else if (fread(*bytes, 1, *size, file) != *size)
        status = ssg_fail(SSGCAM_ERR_INPUT, "%s: cannot be read: %s", path, ferror(file) ? strerror(errno) : "it became shorter meanwhile");
    else
        (*bytes)[*size] = '\0';
done:
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

int ssg_path_is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
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

const char *ssg_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *ssg_path_stem(const char *path, size_t *length)
{
    const char *name = ssg_path_name(path), *dot = strrchr(name, '.');
    *length = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    return name;
}
