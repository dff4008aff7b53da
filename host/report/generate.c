#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/report/read.h"
#include "host/report/report.h"

enum { MOST_FAILURES = 50 };

/* What the journals of a folder say: a run has one, a run in shards one for each. */
typedef struct run {
    const char *folder;
    json_t *header; /* of the first journal */
    json_t *items;  /* id -> line; the last line of an id counts */
    int first;      /* the next line is a header */
    size_t journals;
} run;

/* ---- reading ----------------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status take_line(void *context, json_t *line, const char *where)
{
    run *r = context;
    if (r->first) {
        r->first = 0;
        if (!json_object_get(line, "ssgcam_journal"))
            return ssg_fail(SSGCAM_ERR_INPUT, "%s: not a journal; give the folder that ssgcam generate -o wrote", where);
        if (!r->header) r->header = json_incref(line);
        return SSGCAM_OK;
    }
    const char *id = json_string_value(json_object_get(line, "id"));
    if (!id || strchr(id, '\n') || (!json_object_get(line, "file") && !json_is_string(json_object_get(line, "failed"))))
        return ssg_fail(SSGCAM_ERR_INPUT, "%s: neither a mask nor a failure; run ssgcam generate again with --fresh", where);
    return json_object_set(r->items, id, line) == 0 ? SSGCAM_OK : ssg_out_of_memory("reading a journal");
}

static int is_journal(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return strncmp(entry->d_name, "journal.", 8) == 0 && length > 6 && strcmp(entry->d_name + length - 6, ".jsonl") == 0;
}

static ssgcam_status read_journals(run *r)
{
    struct dirent **found = NULL;
    int count = scandir(r->folder, &found, is_journal, alphasort);
    ssgcam_status status = count < 0 ? ssg_fail(SSGCAM_ERR_NOT_FOUND, "%s: cannot be listed: %s", r->folder, strerror(errno)) : SSGCAM_OK;
    if (count == 0)
        status = ssg_fail(SSGCAM_ERR_INPUT, "%s: no journal.jsonl in this folder; give the folder that ssgcam generate -o wrote", r->folder);
    for (int i = 0; i < count; i++) {
        char *path = status == SSGCAM_OK ? ssg_format("%s/%s", r->folder, found[i]->d_name) : NULL;
        r->first = 1;
        if (status == SSGCAM_OK) status = path ? ssg_read_lines(path, take_line, r) : SSG_OUT_OF_MEMORY;
        ssg_free(path);
        free(found[i]);
    }
    free(found);
    r->journals = count > 0 ? (size_t)count : 0;
    return status;
}

/* ---- output ------------------------------------------------------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The ids with and without a mask, each in the order of their names, one after the other. */
static const char **sort_ids(const run *r, size_t *masks, size_t *failures)
{
    size_t all = json_object_size(r->items);
    const char **ids = ssg_calloc(all + 1, sizeof *ids), *id;
    json_t *line;
    *masks = *failures = 0;
    if (!ids) return NULL;
    json_object_foreach(r->items, id, line)
    {
        if (json_object_get(line, "failed"))
            ids[all - ++*failures] = id;
        else
            ids[(*masks)++] = id;
    }
    qsort(ids, *masks, sizeof *ids, by_name);
    qsort(ids + *masks, *failures, sizeof *ids, by_name);
    return ids;
}

static void put_failures(ssg_html *h, const run *r, const char *const *ids, size_t count)
{
    if (!count) return;
    ssg_report_table_begin(h, "Images that failed");
    ssg_html_put(h, "<thead><tr><th scope=\"col\">image</th><th scope=\"col\">why</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < count && i < MOST_FAILURES; i++)
        ssg_html_put(h, "<tr><th scope=\"row\">%s</th><td class=\"long\">%s</td></tr>\n", ids[i],
                     json_string_value(json_object_get(json_object_get(r->items, ids[i]), "failed")));
    ssg_html_put(h, "</tbody>");
    ssg_report_table_end(h);
    if (count > MOST_FAILURES) ssg_html_put(h, "<p class=\"note\">and %zu more</p>\n", count - MOST_FAILURES);
}

static void put_settings(ssg_html *h, const run *r)
{
    const char *name;
    json_t *value;
    ssg_report_table_begin(h, "What they were made with");
    ssg_html_put(h, "<tbody>\n");
    json_object_foreach(r->header, name, value)
    {
        if (!json_is_string(value) || (r->journals > 1 && strcmp(name, "shard") == 0)) continue;
        ssg_html_put(h, "<tr><th scope=\"row\">%s</th><td class=\"long\">%s</td></tr>\n", name, json_string_value(value));
    }
    ssg_html_put(h, "</tbody>");
    ssg_report_table_end(h);
}

static ssgcam_status put_run(ssg_html *h, const run *r)
{
    size_t masks, failures;
    const char **ids = sort_ids(r, &masks, &failures);
    if (!ids) return SSG_OUT_OF_MEMORY;
    ssg_report_tiles_begin(h);
    ssg_report_tile(h, "masks complete", (double)masks, 0, "", NULL);
    ssg_report_tile(h, "images failed", (double)failures, 0, "", NULL);
    if (r->journals > 1) ssg_report_tile(h, "shards", (double)r->journals, 0, "", NULL);
    ssg_report_tiles_end(h);
    put_failures(h, r, ids + masks, failures);
    ssgcam_status status = masks ? ssg_report_gallery(h, r->folder, ids, masks) : SSGCAM_OK;
    if (status == SSGCAM_OK && r->header) put_settings(h, r);
    ssg_free(ids);
    return status;
}

ssgcam_status ssg_report_generate(ssg_html *html, const char *folder)
{
    run r = {.folder = folder, .items = json_object()};
    ssgcam_status status = r.items ? read_journals(&r) : ssg_out_of_memory("reading a journal");
    if (status == SSGCAM_OK) status = put_run(html, &r);
    json_decref(r.header);
    json_decref(r.items);
    return status;
}
