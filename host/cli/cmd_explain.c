/* ssgcam explain: where the model looks in a few images. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "host/cli/commands.h"
#include "host/cli/common.h"
#include "host/cli/sheets.h"

typedef struct flags {
    common_flags common;
    method_flags method;
    preprocess_flags preprocess;
    text_list classes;
    const char *out, *save, *preset, *sheet;
    int keep_sign;
} flags;

static const option table[] = {
    {"class", 'c', OPTION_TEXTS, offsetof(flags, classes), "CLASS", "name, number or top; may be given several times (top)"},
    {"output", 'o', OPTION_TEXT, offsetof(flags, out), "DIR", "where the files go (.)"},
    {"save", 0, OPTION_TEXT, offsetof(flags, save), "LIST", "overlay, heatmap, npy, layers, tensors, none (overlay)"},
    {"sheet", 0, OPTION_TEXT, offsetof(flags, sheet), "WHAT", "one captioned picture: layers, or methods such as gradcam,layercam,ssgcam"},
    {"keep-sign", 0, OPTION_FLAG, offsetof(flags, keep_sign), NULL, "saved layer maps keep their negative values"},
    {"preset", 0, OPTION_TEXT, offsetof(flags, preset), "NAME", "own, or pgc: fuse layers as pytorch-grad-cam does (own)"},
    METHOD_OPTIONS(flags, method),
    PREPROCESS_OPTIONS(flags, preprocess),
    COMMON_OPTIONS,
};
enum { ROWS = sizeof table / sizeof *table };

static ssgcam_status parse_save(const char *text, unsigned *save)
{
    static const struct {
        const char *name;
        unsigned bit;
    } known[] = {{"overlay", SSGCAM_SAVE_OVERLAY}, {"heatmap", SSGCAM_SAVE_HEATMAP}, {"npy", SSGCAM_SAVE_NPY},
                 {"layers", SSGCAM_SAVE_LAYERS},   {"tensors", SSGCAM_SAVE_TENSORS}, {"none", 0}};
    *save = 0;
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, ","), i = 0, count = sizeof known / sizeof *known;
        while (i < count && (strlen(known[i].name) != length || strncmp(known[i].name, at, length))) i++;
        if (i == count)
            return ssgcam_fail(SSGCAM_ERR_ARGUMENT, "--save '%.*s'; it must be of overlay, heatmap, npy, layers, tensors, none", (int)length, at);
        *save |= known[i].bit;
        at += length + (at[length] == ',');
    }
    return SSGCAM_OK;
}

static ssgcam_status parse_preset(const char *text, ssgcam_preset *preset)
{
    *preset = text && strcmp(text, "pgc") == 0 ? SSGCAM_PRESET_PGC : SSGCAM_PRESET_OWN;
    if (!text || strcmp(text, "pgc") == 0 || strcmp(text, "own") == 0) return SSGCAM_OK;
    return ssgcam_fail(SSGCAM_ERR_ARGUMENT, "--preset '%s'; it must be own or pgc", text);
}

/* ---- output ------------------------------------------------------------------------------------------------------------------------------ */

typedef struct report {
    json_t *list; /* with --json */
    int lost;     /* an entry of it could not be made */
    int quiet;
} report;

static json_t *lines_of(const char *files)
{
    json_t *list = json_array();
    while (*files) {
        size_t length = strcspn(files, "\n");
        json_array_append_new(list, json_stringn(files, length));
        files += length + (files[length] == '\n');
    }
    return list;
}

static void show(void *context, const ssgcam_explanation *e, const char *files)
{
    report *r = context;
    if (r->list) {
        r->lost |= json_array_append_new(r->list, json_pack("{s:s,s:I,s:I,s:s?,s:f,s:o,s:b,s:b,s:o}", "input", e->input, "image",
                                                            (json_int_t)e->image, "class", (json_int_t)e->label, "name", e->label_name, "score",
                                                            e->score, "probability", isnan(e->probability) ? json_null() : json_real(e->probability),
                                                            "constant", e->constant, "not_a_number", e->not_a_number, "files", lines_of(files)));
        return;
    }
    if (e->constant || e->not_a_number)
        fprintf(stderr, "ssgcam explain: %s, class %zu: %s\n", e->input, e->label,
                e->not_a_number ? "a layer's map held values that are no numbers; it was left out"
                                : "the map is empty: nothing in these layers speaks for this class");
    if (r->quiet) return;
    printf("%s", e->input);
    if (e->image) printf(" [%zu]", e->image);
    printf(": class %zu", e->label);
    if (e->label_name) printf(" (%s)", e->label_name);
    printf(", score %.4g", e->score);
    if (!isnan(e->probability)) printf(", probability %.1f %%", 100 * e->probability);
    printf("\n");
    while (*files) {
        int length = (int)strcspn(files, "\n");
        printf("  %.*s\n", length, files);
        files += length + (files[length] == '\n');
    }
}

static void show_failure(void *context, size_t done, size_t total, const char *id, const char *failure)
{
    report *r = context;
    (void)done, (void)total;
    fprintf(stderr, "ssgcam explain: %s\n", failure);
    if (r->list) r->lost |= json_array_append_new(r->list, json_pack("{s:s,s:s}", "input", id, "failed", failure));
}

/* In JSON a sheet is one more file of its image and class. */
static void show_sheet(void *context, const char *input, size_t image, size_t label, const char *path)
{
    report *r = context;
    size_t i;
    json_t *entry;
    if (!r->list && !r->quiet) printf("%s\n", path);
    json_array_foreach(r->list, i, entry)
    {
        json_t *files = json_object_get(entry, "files");
        if (!files || strcmp(json_string_value(json_object_get(entry, "input")), input) != 0 ||
            json_integer_value(json_object_get(entry, "image")) != (json_int_t)image ||
            json_integer_value(json_object_get(entry, "class")) != (json_int_t)label)
            continue;
        r->lost |= json_array_append_new(files, json_string(path));
    }
}

static ssgcam_status print_list(const report *r)
{
    return print_json_root(r->lost ? NULL : json_incref(r->list));
}

/* ---- the job ------------------------------------------------------------------------------------------------------------------------------ */

static ssgcam_status work(const void *parsed, const text_list *arguments)
{
    const flags *f = parsed;
    inputs in = {0};
    report r = {.list = f->common.json ? json_array() : NULL, .quiet = f->common.quiet};
    ssgcam_explain_options o = {.inputs = arguments->items + 1,
                                .input_count = (size_t)arguments->count - 1,
                                .classes = f->classes.items,
                                .class_count = (size_t)f->classes.count,
                                .out = f->out,
                                .keep_sign = f->keep_sign,
                                .stop = &stop_requested,
                                .callback = show,
                                .context = &r};
    ssgcam_status status = parse_save(f->save ? f->save : f->sheet ? "none" : "overlay", &o.save);
    if (status == SSGCAM_OK) status = parse_preset(f->preset, &o.preset);
    if (status == SSGCAM_OK && f->sheet) status = check_sheets(f->sheet, &f->method);
    if (status == SSGCAM_OK) status = inputs_open(&in, arguments->items[0], &f->common, &f->preprocess, &f->method, NULL);
    if (status == SSGCAM_OK) {
        o.device = in.device;
        o.model = in.model;
        o.recipe = in.recipe;
        o.precision = in.precision;
        status = ssgcam_explain_run(&o, o.input_count > 1 ? show_failure : NULL); /* of a single one the status says it all */
        if (f->sheet && (status == SSGCAM_OK || status == SSGCAM_ERR_PARTIAL))
            status = status_after(status, write_sheets(f->sheet, &o, &f->method, show_sheet, &r));
    }
    if (f->common.json && (status == SSGCAM_OK || status == SSGCAM_ERR_PARTIAL)) status = status_after(status, print_list(&r));
    json_decref(r.list);
    inputs_close(&in);
    return status;
}

int cmd_explain(int count, char **arguments)
{
    static const command_spec command = {.name = "explain",
                                         .usage = "explain MODEL INPUT... [options]   (INPUT: an image, or a .npy of the network's input)",
                                         .table = table,
                                         .rows = ROWS,
                                         .least = 2,
                                         .most = ANY_NUMBER,
                                         .missing = "a model and at least one image are needed",
                                         .polls = 1,
                                         .work = work};
    flags f = {.method = METHOD_FLAGS_INIT};
    return run_command(&command, count, arguments, &f);
}
