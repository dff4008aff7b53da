#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "host/base/log.h"
#include "host/base/nearest_name.h"
#include "host/data/dataset_build.h"

enum { MOST_BYTES = 1 << 30, MOST_COLUMNS = 64 };
enum { IMAGE, LABELS, MASK, BOXES, SPLIT, GROUP, COLUMNS };
static const char *const column_names[COLUMNS] = {"image", "labels", "mask", "boxes", "split", "group"};

typedef struct reader {
    ssg_dataset_builder *builder;
    const char *path;
    char *folder;                      /* that paths are relative to */
    int column[MOST_COLUMNS];          /* position in the file -> our column, -1 for another one */
    const char *nearest[MOST_COLUMNS]; /* of a column that is not ours: which it may be meant to be, or NULL */
    char *fields[COLUMNS];             /* of the row being read; owned */
    int position, columns;             /* fields of the row so far, and of the first row; 0: it is being read */
    size_t line;                       /* of the file, from 1; where a quoted field spans several, the last one */
    ssgcam_status status;
} reader;

static ssgcam_status header_field(reader *r, const char *text)
{
    if (r->position >= MOST_COLUMNS) return ssg_fail(SSGCAM_ERR_INPUT, "%s:%zu: more than %d columns", r->path, r->line, MOST_COLUMNS);
    int *column = &r->column[r->position];
    for (int c = 0; c < COLUMNS; c++)
        if (strcmp(column_names[c], text) == 0) *column = c;
    if (strcmp(text, "label") == 0) *column = LABELS; /* tables with one label an image */
    if (strcmp(text, "patient") == 0) *column = GROUP;
    r->nearest[r->position] = *column < 0 ? ssg_nearest_name(text, column_names, COLUMNS) : NULL;
    return SSGCAM_OK;
}

static ssgcam_status check_header(const reader *r)
{
    int have[COLUMNS] = {0};
    for (int i = 0; i < r->position; i++)
        if (r->column[i] >= 0) have[r->column[i]]++;
    for (int c = IMAGE; c <= LABELS; c++)
        if (!have[c])
            return ssg_fail(SSGCAM_ERR_INPUT, "%s:%zu: column '%s' is missing; the first line must name the columns, e.g. image,labels,mask,split",
                            r->path, r->line, column_names[c]);
    if (r->builder->options->split && !have[SPLIT])
        return ssg_fail(SSGCAM_ERR_INPUT, "%s:%zu: there is no column 'split', but split '%s' is asked for", r->path, r->line,
                        r->builder->options->split);
    if (have[GROUP] > 1)
        return ssg_fail(SSGCAM_ERR_INPUT, "%s:%zu: 'group' (or 'patient') is there twice; keep the column that says which images belong together",
                        r->path, r->line);
    for (int c = MASK; c < COLUMNS; c++)
        for (int i = 0; i < r->position && !have[c]; i++)
            if (r->nearest[i] == column_names[c])
                ssg_log(SSG_LOG_NORMAL, "%s:%zu: column %d is not read; is '%s' meant by its name?", r->path, r->line, i + 1, column_names[c]);
    return SSGCAM_OK;
}

/* "x0 y0 x1 y1" or "label x0 y0 x1 y1", half-open; the label may hold spaces. */
static ssgcam_status parse_box(const reader *r, char *text, const char *where, ssgcam_box *box)
{
    int numbers[4];
    char *at = text + strlen(text);
    for (int i = 3; i >= 0; i--) {
        while (at > text && at[-1] == ' ') *--at = '\0';
        while (at > text && at[-1] != ' ') at--;
        char *end;
        long number = strtol(at, &end, 10);
        if (end == at || *end || number < 0 || number > 1 << 20)
            return ssg_fail(SSGCAM_ERR_INPUT, "%s: a box is 'x0 y0 x1 y1' in whole pixels, perhaps behind a label", where);
        numbers[i] = (int)number;
        *at = '\0';
    }
    *box = (ssgcam_box){-1, numbers[0], numbers[1], numbers[2], numbers[3]};
    if (box->x0 >= box->x1 || box->y0 >= box->y1)
        return ssg_fail(SSGCAM_ERR_INPUT, "%s: an empty box (%d %d %d %d)", where, box->x0, box->y0, box->x1, box->y1);
    at = text + strlen(text);
    while (at > text && at[-1] == ' ') *--at = '\0';
    return *text ? ssg_dataset_class(r->builder, text, where, &box->label) : SSGCAM_OK;
}

static char *trim(char *text)
{
    while (*text == ' ') text++;
    for (char *end = text + strlen(text); end > text && end[-1] == ' ';) *--end = '\0';
    return text;
}

static ssgcam_status fill_item(reader *r, ssgcam_item *item, const char *where)
{
    char *rest = NULL;
    for (char *part = r->fields[LABELS] ? strtok_r(r->fields[LABELS], ";", &rest) : NULL; part; part = strtok_r(NULL, ";", &rest)) {
        int label;
        if (!*trim(part)) continue;
        SSG_TRY(ssg_dataset_class(r->builder, trim(part), where, &label));
        SSG_TRY(ssg_item_add_label(item, label));
    }
    if (r->fields[MASK] && r->fields[MASK][0] && !(item->mask = ssg_path_join(r->folder, r->fields[MASK]))) return SSG_OUT_OF_MEMORY;
    char *group = r->fields[GROUP] ? trim(r->fields[GROUP]) : NULL;
    if (group && *group && !(item->group = ssg_strdup(group))) return SSG_OUT_OF_MEMORY;
    for (char *part = r->fields[BOXES] ? strtok_r(r->fields[BOXES], ";", &rest) : NULL; part; part = strtok_r(NULL, ";", &rest)) {
        ssgcam_box box;
        if (!*trim(part)) continue;
        SSG_TRY(parse_box(r, trim(part), where, &box));
        SSG_TRY(ssg_item_add_box(item, &box));
    }
    return SSGCAM_OK;
}

static ssgcam_status add_row(reader *r)
{
    char where[512];
    snprintf(where, sizeof where, "%s:%zu", r->path, r->line);
    const char *split = r->builder->options->split;
    if (!r->fields[IMAGE] || !r->fields[IMAGE][0]) return ssg_fail(SSGCAM_ERR_INPUT, "%s: no image in this line", where);
    if (split && (!r->fields[SPLIT] || strcmp(r->fields[SPLIT], split) != 0)) return SSGCAM_OK;
    char *path = ssg_path_join(r->folder, r->fields[IMAGE]);
    ssgcam_item *item;
    ssgcam_status status = path ? ssg_dataset_add(r->builder, path, where, &item) : SSG_OUT_OF_MEMORY;
    ssg_free(path);
    return status == SSGCAM_OK ? fill_item(r, item, where) : status;
}

/* ---- libcsv's callbacks ----------------------------------------------------------------------------------------------------------- */

static void on_field(void *text, size_t length, void *context)
{
    reader *r = context;
    if (r->status != SSGCAM_OK) return;
    char *field = ssg_calloc(length + 1, 1);
    if (!field) {
        r->status = SSG_OUT_OF_MEMORY;
        return;
    }
    if (length) memcpy(field, text, length);
    if (!r->columns) {
        char *name = r->position == 0 && strncmp(field, "\xef\xbb\xbf", 3) == 0 ? field + 3 : field; /* spreadsheets write a byte order mark */
        r->status = header_field(r, trim(name));
    } else if (r->position < MOST_COLUMNS && r->column[r->position] >= 0) {
        char **place = &r->fields[r->column[r->position]];
        ssg_free(*place);
        *place = field;
        field = NULL;
    }
    r->position++;
    ssg_free(field);
}

static void on_row(int terminator, void *context)
{
    (void)terminator;
    reader *r = context;
    if (r->status != SSGCAM_OK) return;
    if (!r->columns) {
        r->status = check_header(r);
        r->columns = r->position;
    } else if (r->position > r->columns) {
        r->status = ssg_fail(SSGCAM_ERR_INPUT, "%s:%zu: %d fields, but the first line names %d columns; put text with a comma in quotes", r->path,
                             r->line, r->position, r->columns);
    } else {
        r->status = add_row(r);
    }
    r->position = 0;
    for (int c = 0; c < COLUMNS; c++) {
        ssg_free(r->fields[c]);
        r->fields[c] = NULL;
    }
}

/* Bytes up to and with the end of the first line, which libcsv takes a \r for as well. */
static size_t line_length(const char *text, size_t size)
{
    size_t length = 0;
    while (length < size && text[length] != '\n' && text[length] != '\r') length++;
    if (length + 1 < size && text[length] == '\r' && text[length + 1] == '\n') length++;
    return length < size ? length + 1 : size;
}

/* Line by line, for libcsv's rows do not count them: it passes over empty lines, and a quoted field may hold several. */
static ssgcam_status parse(reader *r, struct csv_parser *parser, const char *text, size_t size)
{
    int good = 1;
    while (good && size && r->status == SSGCAM_OK) {
        size_t length = line_length(text, size);
        r->line++;
        good = csv_parse(parser, text, length, on_field, on_row, r) == length;
        text += length, size -= length;
    }
    if (good && r->status == SSGCAM_OK) good = csv_fini(parser, on_field, on_row, r) == 0;
    if (r->status != SSGCAM_OK) return r->status;
    if (!good && csv_error(parser) == CSV_ENOMEM) return ssg_out_of_memory("reading a table");
    if (!good)
        return ssg_fail(SSGCAM_ERR_INPUT,
                        "%s:%zu: a quotation mark that does not end its field, or is never followed by another; within quotes double it", r->path,
                        r->line);
    if (r->columns) return SSGCAM_OK;
    return ssg_fail(SSGCAM_ERR_INPUT, "%s: empty; the first line must name the columns, e.g. image,labels,mask,split", r->path);
}

ssgcam_status ssg_dataset_read_csv(ssg_dataset_builder *b, const char *path, const char *folder)
{
    char *text;
    size_t size;
    struct csv_parser parser;
    SSG_TRY(ssg_file_read(&text, &size, path, MOST_BYTES));
    const char *slash = strrchr(path, '/');
    reader r = {.builder = b, .path = path};
    r.folder = folder ? ssg_strdup(folder) : ssg_format("%.*s", slash ? (int)(slash - path) : 0, path);
    for (int i = 0; i < MOST_COLUMNS; i++) r.column[i] = -1;
    if (!r.folder || csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        r.status = ssg_out_of_memory("reading a table");
    } else {
        r.status = parse(&r, &parser, text, size);
        csv_free(&parser);
    }
    for (int c = 0; c < COLUMNS; c++) ssg_free(r.fields[c]);
    ssg_free(r.folder);
    ssg_free(text);
    return r.status;
}
