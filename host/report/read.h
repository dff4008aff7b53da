/* read.h - what a run left behind, read with care: every message names the file, the line and the field. */
#ifndef SSG_REPORT_READ_H
#define SSG_REPORT_READ_H

#include <jansson.h>
#include <stddef.h>

#include "host/base/status.h"

enum { SSG_READ_CURVES = 16 }; /* columns of a table of curves beside x */

/* What json_unpack_ex said about the object at `where` ("FILE" or "FILE:LINE"). */
ssgcam_status ssg_read_wrong(const char *where, const json_error_t *error);

/* `count` numbers of the list `name`, in fresh memory; a null is NaN. At most 1e12 in size. */
ssgcam_status ssg_read_numbers(double **out, size_t count, const json_t *list, const char *name, const char *where);

/* Calls `line` for every line of a file of JSON objects. A last line without its end is left out: the run is still writing it, or was killed. */
typedef ssgcam_status ssg_read_line(void *context, json_t *line, const char *where);
ssgcam_status ssg_read_lines(const char *path, ssg_read_line *line, void *context);

/* A table of numbers as eval --curve writes it: a line of names, then numbers. */
typedef struct ssg_read_table {
    char *names[SSG_READ_CURVES + 1];
    double *values[SSG_READ_CURVES + 1]; /* by column */
    size_t columns, rows;
} ssg_read_table;

/* Takes `text` apart in place. Clear in all cases. */
ssgcam_status ssg_read_table_parse(ssg_read_table *table, char *text, const char *path);
void ssg_read_table_clear(ssg_read_table *table);

#endif
