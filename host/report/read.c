#include "host/report/read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/files.h"

static const double most_value = 1e12;
static const size_t most_bytes = (size_t)1 << 30;

ssgcam_status ssg_read_wrong(const char *where, const json_error_t *error)
{
    return ssg_fail(SSGCAM_ERR_INPUT, "%s: %s; write it again with this version of ssgcam", where, error->text);
}

ssgcam_status ssg_read_numbers(double **out, size_t count, const json_t *list, const char *name, const char *where)
{
    double *values = *out = NULL;
    if (json_array_size(list) != count)
        return ssg_fail(SSGCAM_ERR_INPUT, "%s: '%s' holds %zu values, not %zu; write it again with this version of ssgcam", where, name,
                        json_array_size(list), count);
    if (!(values = ssg_calloc(count + 1, sizeof *values))) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        values[i] = json_is_null(item) ? NAN : json_is_number(item) ? json_number_value(item) : INFINITY;
        if (!(fabs(values[i]) > most_value)) continue;
        ssg_free(values);
        return ssg_fail(SSGCAM_ERR_INPUT, "%s: '%s', value %zu is no number that makes sense here", where, name, i + 1);
    }
    *out = values;
    return SSGCAM_OK;
}

/* ---- lines of JSON ------------------------------------------------------------------------------------------------------------------------ */

static ssgcam_status read_line(const char *path, size_t number, const char *text, ssg_read_line *line, void *context)
{
    json_error_t error;
    char *where = ssg_format("%s:%zu", path, number);
    if (!where) return SSG_OUT_OF_MEMORY;
    json_t *object = json_loads(text, 0, &error);
    ssgcam_status status = object ? line(context, object, where) : ssg_fail(SSGCAM_ERR_INPUT, "%s:%d: not JSON: %s", where, error.column, error.text);
    json_decref(object);
    ssg_free(where);
    return status;
}

ssgcam_status ssg_read_lines(const char *path, ssg_read_line *line, void *context)
{
    char *text, *at;
    size_t size, number = 1;
    SSG_TRY(ssg_file_read(&text, &size, path, most_bytes));
    ssgcam_status status = SSGCAM_OK;
    for (char *end = at = text; status == SSGCAM_OK && (end = strchr(at, '\n')); at = end + 1, number++) {
        *end = '\0';
        status = read_line(path, number, at, line, context);
    }
    ssg_free(text);
    return status;
}

/* ---- tables ------------------------------------------------------------------------------------------------------------------------------- */

void ssg_read_table_clear(ssg_read_table *table)
{
    for (size_t c = 0; c <= SSG_READ_CURVES; c++) {
        ssg_free(table->names[c]);
        ssg_free(table->values[c]);
    }
    *table = (ssg_read_table){0};
}

static ssgcam_status parse_names(ssg_read_table *t, char *line, const char *path)
{
    char *rest = NULL;
    for (char *name = strtok_r(line, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        if (t->columns > SSG_READ_CURVES) return ssg_fail(SSGCAM_ERR_INPUT, "%s:1: more than %d curves", path, SSG_READ_CURVES);
        if (!(t->names[t->columns++] = ssg_strdup(name))) return SSG_OUT_OF_MEMORY;
    }
    return SSGCAM_OK;
}

static ssgcam_status parse_row(ssg_read_table *t, const char *line, const char *path)
{
    for (size_t c = 0; c < t->columns; c++) {
        char *end;
        double value = strtod(line, &end);
        if (end == line || *end != (c + 1 < t->columns ? ',' : '\0') || !(fabs(value) <= most_value))
            return ssg_fail(SSGCAM_ERR_INPUT, "%s:%zu: '%s' should be a number; write the curves again with ssgcam eval --curve", path, t->rows + 2,
                            t->names[c]);
        SSG_TRY(ssg_grow(&t->values[c], t->rows + 1, sizeof *t->values[c]));
        t->values[c][t->rows] = value;
        line = end + 1;
    }
    t->rows++;
    return SSGCAM_OK;
}

ssgcam_status ssg_read_table_parse(ssg_read_table *table, char *text, const char *path)
{
    char *rest = NULL, *line = strtok_r(text, "\r\n", &rest);
    *table = (ssg_read_table){0};
    if (line) SSG_TRY(parse_names(table, line, path));
    if (!table->columns || (strcmp(table->names[0], "threshold") != 0 && strcmp(table->names[0], "part") != 0))
        return ssg_fail(SSGCAM_ERR_INPUT,
                        "%s: not something to report on; give a recipe, a folder that generate wrote, or what eval --json or --curve gave", path);
    while ((line = strtok_r(NULL, "\r\n", &rest))) SSG_TRY(parse_row(table, line, path));
    return SSGCAM_OK;
}
