#include "host/pipeline/journal.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "host/base/utf8.h"
#include "host/data/atomic_file.h"

enum { VERSION = 1 };
static const size_t most_bytes = (size_t)4 << 30;

struct ssg_journal {
    char *folder, *path;
    json_t *done; /* id -> [path, bytes, checksum] */
    FILE *file;
};

static void checksum(char text[17], const void *bytes, size_t size)
{
    snprintf(text, 17, "%016llx", (unsigned long long)XXH3_64bits(bytes, size));
}

static ssgcam_status out_of_memory(void)
{
    return ssg_out_of_memory("writing the journal");
}

/* NULL: out of memory. */
static json_t *header_of(const ssg_journal_setting *settings, size_t count)
{
    json_t *header = json_pack("{s:i}", "ssgcam_journal", VERSION);
    for (size_t i = 0; header && i < count; i++) {
        if (json_object_set_new(header, settings[i].name, json_string(settings[i].value)) == 0) continue;
        json_decref(header);
        header = NULL;
    }
    return header;
}

static ssgcam_status same_header(const ssg_journal *j, const json_t *found, const ssg_journal_setting *settings, size_t count)
{
    if (json_integer_value(json_object_get(found, "ssgcam_journal")) != VERSION)
        return ssg_fail(SSGCAM_ERR_INPUT, "%s: not a journal of this program's version; choose another folder, or start over with --fresh", j->path);
    for (size_t i = 0; i < count; i++) {
        const char *value = json_string_value(json_object_get(found, settings[i].name));
        if (value && strcmp(value, settings[i].value) == 0) continue;
        if (strcmp(settings[i].name, "data") == 0) /* two digests would tell nobody anything */
            return ssg_fail(
                SSGCAM_ERR_INPUT,
                "%s: the work in this folder was done on another list of images, or with other labels (--split and --limit must be those of "
                "then); choose another folder, or start over with --fresh",
                j->path);
        return ssg_fail(SSGCAM_ERR_INPUT,
                        "%s: the work in this folder was done with another %s (%s, now %s); choose another folder, or start over with --fresh",
                        j->path, settings[i].name, value ? value : "none", settings[i].value);
    }
    return SSGCAM_OK;
}

/* Takes over the finished items of an earlier run. Lines behind the first that cannot be read are dropped: the run was killed while writing it. */
static ssgcam_status read_lines(ssg_journal *j, char *text, const ssg_journal_setting *settings, size_t count)
{
    char *rest = NULL;
    int first = 1;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest), first = 0) {
        json_t *object = json_loads(line, 0, NULL);
        ssgcam_status status = SSGCAM_OK;
        if (first) {
            status = object ? same_header(j, object, settings, count)
                            : ssg_fail(SSGCAM_ERR_INPUT, "%s: not a journal; choose another folder, or start over with --fresh", j->path);
        } else if (object) {
            const char *id = json_string_value(json_object_get(object, "id"));
            /* What failed is tried again. */
            if (id && json_object_get(object, "file") && json_object_set(j->done, id, object) != 0) status = ssg_out_of_memory("reading the journal");
        }
        json_decref(object);
        SSG_TRY(status);
        if (!object) break;
    }
    return SSGCAM_OK;
}

/* NULL where there is no object or no memory. */
static char *line_of(const json_t *object)
{
    char *dumped = json_dumps(object, JSON_COMPACT), *line = dumped ? ssg_format("%s\n", dumped) : NULL;
    free(dumped);
    return line;
}

/* Writes the header and what is kept as a whole new file, so that no torn line stays. */
static ssgcam_status rewrite(ssg_journal *j, const json_t *header)
{
    char *text = line_of(header);
    size_t used = text ? strlen(text) : 0;
    ssgcam_status status = text ? SSGCAM_OK : out_of_memory();
    const char *id;
    json_t *item;
    json_object_foreach(j->done, id, item)
    {
        char *line = status == SSGCAM_OK ? line_of(item) : NULL;
        size_t length = line ? strlen(line) : 0;
        if (status == SSGCAM_OK) status = line ? ssg_grow(&text, used + length + 1, 1) : out_of_memory();
        if (status == SSGCAM_OK) memcpy(text + used, line, length + 1);
        used += length;
        ssg_free(line);
    }
    if (status == SSGCAM_OK) status = ssg_file_write(j->path, text, used);
    ssg_free(text);
    return status;
}

static ssgcam_status start(ssg_journal *j, const ssg_journal_setting *settings, size_t count, int fresh)
{
    char *text = NULL;
    size_t size;
    ssgcam_status status = fresh ? SSGCAM_ERR_NOT_FOUND : ssg_file_read(&text, &size, j->path, most_bytes);
    if (status == SSGCAM_OK && size) status = read_lines(j, text, settings, count);
    ssg_free(text);
    if (status != SSGCAM_OK && status != SSGCAM_ERR_NOT_FOUND) return status;
    json_t *header = header_of(settings, count);
    status = rewrite(j, header);
    json_decref(header);
    SSG_TRY(status);
    j->file = fopen(j->path, "ab");
    return j->file ? SSGCAM_OK : ssg_fail(SSGCAM_ERR_IO, "%s: cannot be written: %s", j->path, strerror(errno));
}

ssgcam_status ssg_journal_open(ssg_journal **out, const char *folder, const char *name, const ssg_journal_setting *settings, size_t count, int fresh)
{
    *out = NULL;
    ssg_journal *j = ssg_calloc(1, sizeof *j);
    if (!j) return SSG_OUT_OF_MEMORY;
    j->folder = ssg_strdup(folder);
    j->path = ssg_path_join(folder, name);
    j->done = json_object();
    ssgcam_status status = j->folder && j->path && j->done ? start(j, settings, count, fresh) : out_of_memory();
    if (status != SSGCAM_OK) ssg_journal_close(&j);
    *out = j;
    return status;
}

int ssg_journal_has(const ssg_journal *journal, const char *id, const char *path)
{
    const json_t *item = json_object_get(journal->done, id);
    const char *recorded = json_string_value(json_object_get(item, "file")), *sum = json_string_value(json_object_get(item, "xxh3"));
    if (!recorded || !sum || strcmp(recorded, path) != 0) return 0;
    char *full = ssg_path_join(journal->folder, path), *bytes = NULL, now[17] = "";
    size_t size = 0;
    if (full && ssg_file_read(&bytes, &size, full, most_bytes) == SSGCAM_OK) checksum(now, bytes, size);
    ssg_free(full);
    ssg_free(bytes);
    return strcmp(now, sum) == 0 && (json_int_t)size == json_integer_value(json_object_get(item, "bytes"));
}

/* Takes `item`, which may be NULL where memory did not suffice. */
static ssgcam_status add_line(ssg_journal *journal, json_t *item)
{
    char *line = item ? line_of(item) : NULL;
    json_decref(item);
    if (!line) return out_of_memory();
    ssgcam_status status = SSGCAM_OK;
    if (fputs(line, journal->file) == EOF || fflush(journal->file) != 0)
        status = ssg_fail(SSGCAM_ERR_IO, "%s: cannot be written: %s; free some space and run the same command again", journal->path, strerror(errno));
    ssg_free(line);
    return status;
}

int ssg_journal_classes(const ssg_journal *journal, const char *id, int *classes, int most)
{
    const json_t *list = json_object_get(json_object_get(journal->done, id), "classes");
    int count = (int)json_array_size(list);
    for (int c = 0; c < count && c < most; c++) classes[c] = (int)json_integer_value(json_array_get(list, (size_t)c));
    return count;
}

ssgcam_status ssg_journal_add(ssg_journal *journal, const char *id, const char *path, const uint8_t *bytes, size_t size, const int *classes,
                              int class_count)
{
    char sum[17];
    json_t *list = json_array();
    checksum(sum, bytes, size);
    for (int c = 0; c < class_count && list; c++)
        if (json_array_append_new(list, json_integer(classes[c])) != 0) {
            json_decref(list);
            list = NULL;
        }
    return add_line(journal, json_pack("{s:s,s:s,s:I,s:s,s:o}", "id", id, "file", path, "bytes", (json_int_t)size, "xxh3", sum, "classes", list));
}

ssgcam_status ssg_journal_fail(ssg_journal *journal, const char *id, const char *why)
{
    char *text = ssg_strdup(why); /* it names a path, which may be any bytes */
    if (!text) return SSG_OUT_OF_MEMORY;
    ssg_utf8_mend(text);
    ssgcam_status status = add_line(journal, json_pack("{s:s,s:s}", "id", id, "failed", text));
    ssg_free(text);
    return status;
}

void ssg_journal_close(ssg_journal **journal)
{
    if (!journal || !*journal) return;
    if ((*journal)->file) fclose((*journal)->file);
    json_decref((*journal)->done);
    ssg_free((*journal)->folder);
    ssg_free((*journal)->path);
    ssg_free(*journal);
    *journal = NULL;
}
