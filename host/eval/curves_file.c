#include <ssgcam/eval.h>

#include <stdio.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/data/atomic_file.h"

enum { MOST_DIGITS = 24 /* of a number printed with ten digits, and the comma */ };

ssgcam_status ssgcam_curves_write(const char *path, const char *first, double unit, size_t rows, const ssgcam_curve *curves, size_t count)
{
    size_t room = (rows + 1) * (count + 1) * MOST_DIGITS + strlen(first), used;
    for (size_t c = 0; c < count; c++) room += strlen(curves[c].name);
    char *text = ssg_calloc(room, 1);
    if (!text) return SSG_OUT_OF_MEMORY;
    used = (size_t)snprintf(text, room, "%s", first);
    for (size_t c = 0; c < count; c++) used += (size_t)snprintf(text + used, room - used, ",%s", curves[c].name);
    for (size_t i = 0; i < rows; i++) {
        used += (size_t)snprintf(text + used, room - used, "\n%.10g", (double)i * unit);
        for (size_t c = 0; c < count; c++) used += (size_t)snprintf(text + used, room - used, ",%.10g", curves[c].values[i]);
    }
    text[used++] = '\n';
    ssgcam_status status = ssg_file_write(path, text, used);
    ssg_free(text);
    return status;
}
