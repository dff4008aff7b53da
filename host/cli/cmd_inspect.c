/* ssgcam inspect: what a model is made of. */
#include <stdio.h>
#include <string.h>

#include "host/cli/commands.h"
#include "host/cli/common.h"

typedef struct flags {
    common_flags common;
    preprocess_flags preprocess;
    const char *layers;
} flags;

static const option table[] = {
    {"layers", 'l', OPTION_TEXT, offsetof(flags, layers), "WHICH", "auto (candidates), activations, all image tensors (activations)"},
    PREPROCESS_OPTIONS(flags, preprocess),
    COMMON_OPTIONS,
};
enum { ROWS = sizeof table / sizeof *table };

static void print_triple(const char *name, const double v[3])
{
    if (v[0] == v[1] && v[1] == v[2])
        printf(", %s %g", name, v[0]);
    else
        printf(", %s %g %g %g", name, v[0], v[1], v[2]);
}

static void print_head(const char *path, const ssgcam_model *model)
{
    const ssgcam_preprocess *p = ssgcam_model_preprocess(model);
    int height, width, nhwc;
    ssgcam_model_input(model, &height, &width, &nhwc);
    printf("%s\n  input       %d x %d (height x width), %s\n  preprocess  resize %s, %s, scale %.6g", path, height, width, nhwc ? "NHWC" : "NCHW",
           ssgcam_resize_name(p->resize), ssgcam_channels_name(p->channels), p->scale);
    print_triple("mean", p->mean);
    print_triple("std", p->std);
    printf("\n  classes     %zu", ssgcam_model_class_count(model));
    for (size_t i = 0; i < p->class_count && i < 8; i++) printf("%s%s", i ? ", " : ": ", p->classes[i]);
    printf("%s\n  score       %s%s\n", p->class_count > 8 ? ", ..." : "",
           ssgcam_model_head(model) ? "the logits, before the final " : "the model's output",
           ssgcam_model_head(model) ? ssgcam_model_head(model) : "");
}

static void print_layers(const ssgcam_model *model, const char *which)
{
    int width = 5;
    size_t count = ssgcam_model_layer_count(model);
    for (size_t i = 0; i < count; i++) {
        int length = (int)strlen(ssgcam_model_layer(model, i)->name);
        if (length > width) width = length;
    }
    printf("\n  %-*s  %-18s %5s  %9s\n", width, "layer", "operator", "K", "H x W");
    for (size_t i = 0; i < count; i++) {
        const ssgcam_layer *l = ssgcam_model_layer(model, i);
        if (which[0] != 'a' || (!strcmp(which, "auto") && !l->candidate) || (!strcmp(which, "activations") && !l->activation)) continue;
        printf("%s %-*s  %-18s %5d  %4d x %d\n", l->candidate ? " *" : "  ", width, l->name, l->op, l->channels, l->height, l->width);
    }
    printf("\n  * candidate: the last activation before a change of resolution; what --layers auto takes\n");
}

static ssgcam_status work(const void *parsed, const text_list *arguments)
{
    const flags *f = parsed;
    const char *path = arguments->items[0];
    if (strcmp(f->layers, "auto") && strcmp(f->layers, "activations") && strcmp(f->layers, "all"))
        return ssgcam_fail(SSGCAM_ERR_ARGUMENT, "--layers '%s'; it must be auto, activations or all", f->layers);
    ssgcam_model *model = NULL;
    char *json = NULL;
    ssgcam_status status = load_model(&model, path, &f->preprocess);
    if (status == SSGCAM_OK && f->common.json) status = ssgcam_model_describe(model, &json);
    if (status == SSGCAM_OK && json) {
        puts(json);
    } else if (status == SSGCAM_OK) {
        print_head(path, model);
        print_layers(model, f->layers);
    }
    ssgcam_text_free(json);
    ssgcam_model_destroy(&model);
    return status;
}

int cmd_inspect(int count, char **arguments)
{
    static const command_spec command = {
        .name = "inspect", .usage = "inspect MODEL [options]", .table = table, .rows = ROWS, TAKES_A_MODEL, .work = work};
    flags f = {.layers = "activations"};
    return run_command(&command, count, arguments, &f);
}
