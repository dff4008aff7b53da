#include "host/data/names_file.h"

#include <string.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "host/base/utf8.h"

void ssg_names_free(char **names, size_t count)
{
    for (size_t i = 0; names && i < count; i++) ssg_free(names[i]);
    ssg_free(names);
}

ssgcam_status ssg_names_read(char ***out, size_t *count, const char *path)
{
    char *text, **names = NULL;
    size_t size, room = 0;
    *out = NULL;
    *count = 0;
    SSG_TRY(ssg_file_read(&text, &size, path, 16 << 20));
    ssgcam_status status = SSGCAM_OK;
    while (size && strchr(" \t\r\n", text[size - 1])) text[--size] = '\0';
    for (char *line = text; size && line && status == SSGCAM_OK;) {
        char *next = strchr(line, '\n');
        if (next) *next++ = '\0';
        size_t length = strlen(line);
        while (length && strchr(" \t\r", line[length - 1])) line[--length] = '\0';
        if (!length) status = ssg_fail(SSGCAM_ERR_INPUT, "%s:%zu: an empty line would shift the class numbers; remove it", path, *count + 1);
        if (!ssg_utf8_is_valid(line)) status = ssg_fail(SSGCAM_ERR_INPUT, "%s:%zu: this name is not UTF-8; save the file as UTF-8", path, *count + 1);
        if (status == SSGCAM_OK && *count == room) status = ssg_grow(&names, room = room ? 2 * room : 16, sizeof *names);
        if (status == SSGCAM_OK && !(names[*count] = ssg_strdup(line))) status = SSG_OUT_OF_MEMORY;
        if (status == SSGCAM_OK) ++*count;
        line = next;
    }
    ssg_free(text);
    if (status == SSGCAM_OK && *count == 0) status = ssg_fail(SSGCAM_ERR_INPUT, "%s: no names in it; one class name a line is expected", path);
    if (status != SSGCAM_OK) {
        ssg_names_free(names, *count);
        *count = 0;
        return status;
    }
    *out = names;
    return SSGCAM_OK;
}
