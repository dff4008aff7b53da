/* ssgcam search: a recipe from a small labelled set. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/commands.h"
#include "host/cli/common.h"

typedef struct flags {
    common_flags common;
    data_flags data;
    preprocess_flags preprocess;
    const char *out, *holdout_split, *layers, *methods, *mix, *sigmas, *powers, *combine, *weighting, *grid, *cache, *fitness, *threshold,
        *adaptation, *shrink;
    double holdout_fraction, sparsity;
    int batch, bank_memory, seed, evaluations, population, stagnation, runs, folds, fresh;
} flags;

static const option table[] = {
    {"output", 'o', OPTION_TEXT, offsetof(flags, out), "FILE", "the recipe (recipe.json); log and checkpoint stand beside it"},
    {"holdout-split", 0, OPTION_TEXT, offsetof(flags, holdout_split), "NAME", "report the result on this split, which the search never sees"},
    {"holdout-fraction", 0, OPTION_REAL, offsetof(flags, holdout_fraction), "F",
     "or keep this share of the images from the search; groups (a column of data.csv) stay whole (0)"},
    DATA_OPTIONS(flags, data),
    {"mask-values", 0, OPTION_TEXT, offsetof(flags, data) + offsetof(data_flags, mask_values), "HOW",
     "true masks hold: classes, object, object>=N; or no masks: boxes, ellipses (what lies in a box, or in the ellipse in it) (classes)"},
    {NULL, 0, OPTION_HEADING, 0, NULL, "What may be mixed:"},
    {"layers", 'l', OPTION_TEXT, offsetof(flags, layers), "A,B", "layer names, or auto, all, last (auto)"},
    {"methods", 'm', OPTION_TEXT, offsetof(flags, methods), "A,B",
     "ssgcam, gradcam, gradcampp, xgradcam, layercam, hirescam, gradcam_elementwise; no others (ssgcam)"},
    {"mix", 0, OPTION_TEXT, offsetof(flags, mix), "A,B", "those of them that the recipe may use; the others are compared with (all)"},
    {"sigmas", 0, OPTION_TEXT, offsetof(flags, sigmas), "X,Y", "ssgcam: smoothing in pixels of the layer (0,1,2,4,8)"},
    {"combine", 0, OPTION_TEXT, offsetof(flags, combine), "HOW", "ssgcam: product, coherence, both (both)"},
    {"weighting", 0, OPTION_TEXT, offsetof(flags, weighting), "HOW", "ssgcam: element, or both element and channel (element)"},
    {"powers", 0, OPTION_TEXT, offsetof(flags, powers), "X,Y", "every map is offered raised to each (0.25,0.5,1)"},
    {"grid", 0, OPTION_TEXT, offsetof(flags, grid), "N|HxW", "size at which maps are mixed and scored (the network's input)"},
    {NULL, 0, OPTION_HEADING, 0, NULL, "The search:"},
    {"fitness", 0, OPTION_TEXT, offsetof(flags, fitness), "WHAT", "miou, foreground, object, image (miou)"},
    {"evaluations", 'n', OPTION_LEAST1, offsetof(flags, evaluations), "N", "candidates scored in a run (12800 divided by the number of runs)"},
    {"seed", 's', OPTION_COUNT, offsetof(flags, seed), "N", "of everything random (1)"},
    {"runs", 0, OPTION_LEAST1, offsetof(flags, runs), "N",
     "searches with seeds of their own, with folds for each of them; their mean is the recipe (2 with folds, else 1)"},
    {"folds", 0, OPTION_LEAST1, offsetof(flags, folds), "K",
     "each search leaves one fold out; gives cross-validated figures; groups stay whole; 1: none (4, from 8 images on, unless --runs)"},
    {"shrink", 0, OPTION_TEXT, offsetof(flags, shrink), "X",
     "share of naive stacking in the recipe, 0 to 1, or auto: as cross-validation says (auto)"},
    {"sparsity", 0, OPTION_REAL, offsetof(flags, sparsity), "X", "fitness that a layer must be worth (0)"},
    {"threshold", 't', OPTION_TEXT, offsetof(flags, threshold), "HOW", "solved for every candidate, or a gene (solved)"},
    {"adaptation", 0, OPTION_TEXT, offsetof(flags, adaptation), "NAME", "lshade, jso, jde, dither, fixed (lshade)"},
    {"population", 0, OPTION_LEAST1, offsetof(flags, population), "N", "members (as the adaptation wants, at most 128)"},
    {"stagnation", 0, OPTION_LEAST1, offsetof(flags, stagnation), "G", "end a run after G generations without a better best"},
    {"fresh", 0, OPTION_FLAG, offsetof(flags, fresh), NULL, "forget a checkpoint instead of continuing it"},
    {NULL, 0, OPTION_HEADING, 0, NULL, "The bank of maps:"},
    {"batch", 'b', OPTION_LEAST1, offsetof(flags, batch), "N", "images per network pass (4)"},
    {"bank-memory", 0, OPTION_LEAST1, offsetof(flags, bank_memory), "MIB", "a larger bank is mapped from its file (2048)"},
    {"cache", 0, OPTION_TEXT, offsetof(flags, cache), "DIR", "where banks are kept, or none ($XDG_CACHE_HOME/ssgcam)"},
    PREPROCESS_OPTIONS(flags, preprocess),
    COMMON_OPTIONS,
};
enum { ROWS = sizeof table / sizeof *table, MOST_VALUES = 32 };

/* ---- lists --------------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status parse_methods(const char *flag, const char *text, ssgcam_method *methods, size_t *count)
{
    char *copy = text ? strdup(text) : NULL, *rest = NULL;
    ssgcam_status status = text && !copy ? ssgcam_fail(SSGCAM_ERR_MEMORY, "out of memory while reading --%s", flag) : SSGCAM_OK;
    *count = 0;
    for (char *name = copy ? strtok_r(copy, ",", &rest) : NULL; name && status == SSGCAM_OK; name = strtok_r(NULL, ",", &rest))
        status = *count < MOST_VALUES ? ssgcam_method_parse(name, &methods[(*count)++]) : ssgcam_fail(SSGCAM_ERR_ARGUMENT, "--%s: too many", flag);
    free(copy);
    return status;
}

/* A list of numbers, each of [least, most]. */
static ssgcam_status parse_range(const char *flag, const char *text, double least, double most, double *numbers, size_t *count)
{
    ssgcam_status status = parse_numbers(flag, text, numbers, MOST_VALUES, count);
    for (size_t i = 0; status == SSGCAM_OK && i < *count; i++)
        if (!(numbers[i] >= least && numbers[i] <= most))
            status = ssgcam_fail(SSGCAM_ERR_ARGUMENT, "--%s %s: %g; it must be %g to %g", flag, text, numbers[i], least, most);
    return status;
}

/* Values that the options point to. */
typedef struct lists {
    double sigmas[MOST_VALUES], powers[MOST_VALUES], shrink[MOST_VALUES];
    ssgcam_method methods[MOST_VALUES], mixed[MOST_VALUES];
    char cache[4096];
} lists;

static void choose_cache(const flags *f, lists *l, ssgcam_search_options *o)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (f->cache)
        snprintf(l->cache, sizeof l->cache, "%s", strcmp(f->cache, "none") ? f->cache : "");
    else if (xdg && *xdg)
        snprintf(l->cache, sizeof l->cache, "%s/ssgcam", xdg);
    else if (home && *home)
        snprintf(l->cache, sizeof l->cache, "%s/.cache/ssgcam", home);
    o->cache = l->cache[0] ? l->cache : NULL;
}

/* "240" or "240x320". */
static int parse_grid(const char *text, int grid[2])
{
    char rest;
    if (sscanf(text, "%dx%d%c", &grid[0], &grid[1], &rest) != 2) {
        if (sscanf(text, "%d%c", &grid[0], &rest) != 1) return 0;
        grid[1] = grid[0];
    }
    return grid[0] >= 1 && grid[1] >= 1; /* the library's 0 is the default */
}

static ssgcam_status fill_options(const flags *f, lists *l, ssgcam_search_options *o)
{
    static const char *const combines[] = {"both", "product", "coherence", NULL}, *const weightings[] = {"element", "both", NULL};
    static const char *const thresholds[] = {"solved", "gene", NULL};
    int combine, weighting, threshold;
    ssgcam_status status = parse_range("sigmas", f->sigmas, 0, 64, l->sigmas, &o->sigma_count);
    if (status == SSGCAM_OK) status = parse_numbers("powers", f->powers, l->powers, MOST_VALUES, &o->power_count);
    if (status == SSGCAM_OK && f->shrink && strcmp(f->shrink, "auto") != 0) {
        size_t count;
        status = parse_range("shrink", f->shrink, 0, 1, l->shrink, &count);
        if (status == SSGCAM_OK && count != 1) status = ssgcam_fail(SSGCAM_ERR_ARGUMENT, "--shrink '%s': give one number or auto", f->shrink);
        o->shrink = l->shrink;
    }
    if (status == SSGCAM_OK) status = parse_methods("methods", f->methods, l->methods, &o->method_count);
    if (status == SSGCAM_OK) status = parse_methods("mix", f->mix, l->mixed, &o->mixed_count);
    if (status == SSGCAM_OK) status = choose(&combine, "combine", f->combine, combines);
    if (status == SSGCAM_OK) status = choose(&weighting, "weighting", f->weighting, weightings);
    if (status == SSGCAM_OK) status = choose(&threshold, "threshold", f->threshold, thresholds);
    if (status == SSGCAM_OK && f->adaptation) status = ssgcam_evolve_adaptation_parse(f->adaptation, &o->adaptation);
    if (status == SSGCAM_OK && f->fitness) status = ssgcam_fitness_parse(f->fitness, &o->fitness);
    if (status == SSGCAM_OK && f->population && (f->population < SSGCAM_EVOLVE_LEAST_POPULATION || f->population > SSGCAM_EVOLVE_MOST_POPULATION))
        status = ssgcam_fail(SSGCAM_ERR_ARGUMENT, "--population %d; it must be %d to %d; without it the adaptation decides", f->population,
                             SSGCAM_EVOLVE_LEAST_POPULATION, SSGCAM_EVOLVE_MOST_POPULATION);
    if (status == SSGCAM_OK && f->grid && !parse_grid(f->grid, o->grid))
        status = ssgcam_fail(SSGCAM_ERR_ARGUMENT, "--grid '%s': give one size, or height x width, each 1 to 4096, e.g. 240x320", f->grid);
    if (status != SSGCAM_OK) return status;
    o->sigmas = l->sigmas, o->powers = l->powers, o->methods = l->methods, o->mixed = l->mixed;
    o->product_only = combine == 1, o->coherence_only = combine == 2, o->channel_too = weighting;
    o->threshold = (ssgcam_threshold_mode)threshold;
    o->layers = f->layers;
    o->mask_values = f->data.mask_values;
    o->holdout_fraction = f->holdout_fraction;
    o->sparsity = f->sparsity;
    o->seed = (uint64_t)f->seed, o->evaluations = (uint64_t)f->evaluations, o->stagnation = (uint64_t)f->stagnation;
    o->population = (size_t)f->population;
    o->runs = f->runs, o->folds = f->folds;
    o->bank_memory = (size_t)f->bank_memory << 20;
    o->batch = f->batch;
    o->fresh = f->fresh;
    o->out = f->out ? f->out : "recipe.json";
    choose_cache(f, l, o);
    return parse_precision(&f->common, &o->precision);
}

/* ---- progress ------------------------------------------------------------------------------------------------------------------------- */

typedef struct screen {
    progress images;
    int quiet, images_ended, following;
    size_t followed; /* of runs side by side one is followed until it ends */
} screen;

static void on_image(void *context, size_t done, size_t total, const char *id, const char *failure)
{
    screen *s = context;
    progress_show(&s->images, done, total, id, failure);
}

static void on_generation(void *context, size_t run, size_t runs, const ssgcam_evolve_record *r)
{
    screen *s = context;
    if (!s->images_ended) progress_end(&s->images);
    s->images_ended = 1;
    if (s->quiet || !s->images.terminal) return;
    if (!s->following) s->followed = run;
    if (run != s->followed && r->stop == SSGCAM_EVOLVE_RUNNING) return;
    s->following = run != s->followed || r->stop == SSGCAM_EVOLVE_RUNNING;
    fprintf(stderr, "\r\033[K");
    if (runs > 1) fprintf(stderr, "run %zu of %zu, ", run + 1, runs);
    fprintf(stderr, "generation %llu, %llu scored: best %.2f %%, median %.2f %%", (unsigned long long)r->generation,
            (unsigned long long)r->evaluations, 100 * r->best, 100 * r->median);
    if (r->stop != SSGCAM_EVOLVE_RUNNING) fprintf(stderr, " (%s)\n", ssgcam_evolve_stop_name(r->stop));
    fflush(stderr);
}

/* ---- output --------------------------------------------------------------------------------------------------------------------------- */

static json_t *score_json(const ssgcam_search_score *s)
{
    return json_pack("{s:f,s:f,s:f,s:f,s:f}", "mean_iou", s->mean_iou, "foreground_iou", s->foreground_iou, "image_iou", s->image_iou, "object_miou",
                     s->object_miou, "object_iou", s->object_iou);
}

static json_t *gain_json(const ssgcam_search_gain *gain)
{
    return json_pack("[f,f,f]", gain->difference, gain->low, gain->high);
}

/* What `generate` takes to do without the recipe: one row, or the same one of all layers equally. */
static json_t *simpler_json(const ssgcam_recipe *simpler, const char *layers)
{
    const ssgcam_recipe_layer *first = &simpler->layers[0];
    const ssgcam_method_options *method = &first->method;
    char setting[96] = "", power[32] = "";
    if (method->method == SSGCAM_METHOD_SSGCAM)
        snprintf(setting, sizeof setting, " --sigma %g --combine %s%s", method->sigma, ssgcam_combine_name(method->combine),
                 method->weighting == SSGCAM_WEIGHTING_CHANNEL ? " --weighting channel" : "");
    if (first->power != 1) snprintf(power, sizeof power, " --power %g", first->power);
    if (!layers) layers = "auto";
    return json_sprintf("--layers %s --method %s%s%s --threshold %d", simpler->layer_count == 1 ? first->name : layers,
                        ssgcam_method_name(method->method), setting, power, simpler->threshold);
}

static ssgcam_status print_json(const ssgcam_search_result *r, const ssgcam_search_options *o)
{
    json_t *entries = json_array();
    for (size_t i = 0; i < r->entry_count; i++) {
        const ssgcam_search_entry *e = &r->entries[i];
        json_t *entry = json_pack("{s:s,s:s,s:I,s:i,s:o}", "name", e->name, "rows", e->rows, "layers", (json_int_t)e->layers, "threshold",
                                  e->threshold, "searched", score_json(&e->searched));
        if (r->heldout) json_object_set_new(entry, "heldout", score_json(&e->heldout));
        json_array_append_new(entries, entry);
    }
    json_t *root = json_pack("{s:s,s:s,s:I,s:I,s:o,s:[f,f],s:f,s:I,s:I,s:s,s:{s:I,s:I,s:b,s:b,s:f},s:f,s:b}", "recipe", o->out, "fitness",
                             ssgcam_fitness_name(o->fitness), "searched", (json_int_t)r->searched, "heldout", (json_int_t)r->heldout, "entries",
                             entries, "searched_interval", r->interval[0][0], r->interval[0][1], "shrink", r->shrink, "evaluations",
                             (json_int_t)r->evaluations, "generations", (json_int_t)r->generations, "stop", ssgcam_evolve_stop_name(r->stop), "bank",
                             "rows", (json_int_t)r->bank_rows, "bytes", (json_int_t)r->bank_bytes, "cached", r->bank_cached, "mapped", r->bank_mapped,
                             "ms", r->bank_ms, "search_ms", r->search_ms, "resumed", r->resumed);
    if (r->searched_groups) json_object_set_new(root, "searched_groups", json_integer((json_int_t)r->searched_groups));
    if (r->heldout_groups) json_object_set_new(root, "heldout_groups", json_integer((json_int_t)r->heldout_groups));
    if (r->heldout) {
        json_object_set_new(root, "heldout_interval", json_pack("[f,f]", r->interval[1][0], r->interval[1][1]));
        json_object_set_new(
            root, "heldout_gain",
            json_pack("{s:o,s:o,s:o}", "layer", gain_json(&r->over_layer), "naive", gain_json(&r->over_naive), "random", gain_json(&r->over_random)));
    }
    if (r->has_crossvalidation) {
        json_object_set_new(root, "crossvalidated", score_json(&r->crossvalidated));
        json_object_set_new(
            root, "crossvalidated_gain",
            json_pack("{s:o,s:o}", "layer", gain_json(&r->crossvalidated_over_layer), "naive", gain_json(&r->crossvalidated_over_naive)));
    }
    if (r->simpler) json_object_set_new(root, "simpler", simpler_json(r->simpler, o->layers));
    return print_json_root(root);
}

/* The two figures of a line, one of them what the search was for. */
typedef struct column {
    const char *heading;
    size_t offset; /* in a score */
} column;

static const column columns[][2] = {
    [SSGCAM_FITNESS_MEAN_IOU] = {{"mIoU %", offsetof(ssgcam_search_score, mean_iou)}, {"classes %", offsetof(ssgcam_search_score, foreground_iou)}},
    [SSGCAM_FITNESS_FOREGROUND_IOU] = {{"mIoU %", offsetof(ssgcam_search_score, mean_iou)},
                                       {"classes %", offsetof(ssgcam_search_score, foreground_iou)}},
    [SSGCAM_FITNESS_OBJECT] = {{"mIoU %", offsetof(ssgcam_search_score, object_miou)}, {"object %", offsetof(ssgcam_search_score, object_iou)}},
    [SSGCAM_FITNESS_IMAGE_IOU] = {{"image %", offsetof(ssgcam_search_score, image_iou)}, {"mIoU %", offsetof(ssgcam_search_score, mean_iou)}},
};

static void print_headings(ssgcam_fitness fitness)
{
    printf("%10s %10s", columns[fitness][0].heading, columns[fitness][1].heading);
}

static void print_score(const ssgcam_search_score *s, ssgcam_fitness fitness)
{
    for (int i = 0; i < 2; i++) printf(i ? " %10.2f" : "%10.2f", 100 * *(const double *)((const char *)s + columns[fitness][i].offset));
}

static void print_gain(const char *where, const ssgcam_search_gain *g)
{
    printf(" %s %+.2f (%+.2f to %+.2f)", where, 100 * g->difference, 100 * g->low, 100 * g->high);
}

/* crossvalidated: NULL where there is none. */
static void print_gains(const ssgcam_search_result *r, const char *rival, const ssgcam_search_gain *heldout, const ssgcam_search_gain *crossvalidated)
{
    if (!r->heldout && !crossvalidated) return;
    printf("\n  recipe minus %s:", rival);
    if (r->heldout) print_gain("held out", heldout);
    if (r->heldout && crossvalidated) printf(",");
    if (crossvalidated) print_gain("cross-validated", crossvalidated);
}

/* " (12 groups)", or nothing where images are not in groups. */
static void print_groups(size_t groups)
{
    if (groups) printf(" (%zu group%s)", groups, groups == 1 ? "" : "s");
}

/* "the images", or "the 12 groups of images". */
static void print_sampled(size_t groups)
{
    if (groups)
        printf("the %zu group%s of images", groups, groups == 1 ? "" : "s");
    else
        printf("the images");
}

/* What the samples are of is said for each side where images are in groups. */
static void print_intervals(const ssgcam_search_result *r)
{
    int grouped = r->searched_groups || r->heldout_groups;
    printf("\n  95 %% of bootstrap samples of ");
    print_sampled(r->searched_groups);
    printf(": %.2f to %.2f searched", 100 * r->interval[0][0], 100 * r->interval[0][1]);
    if (!r->heldout) return;
    printf("%s", grouped ? "; of " : ", ");
    if (grouped) print_sampled(r->heldout_groups);
    printf("%s%.2f to %.2f held out", grouped ? ": " : "", 100 * r->interval[1][0], 100 * r->interval[1][1]);
}

static void print_simpler(const ssgcam_search_result *r, const char *layers)
{
    int is_layer = r->simpler->layer_count == 1;
    const ssgcam_search_gain *crossvalidated = is_layer ? &r->crossvalidated_over_layer : &r->crossvalidated_over_naive;
    const char *name = is_layer ? "the best single layer" : "naive stacking";
    json_t *options = simpler_json(r->simpler, layers);
    if (r->has_crossvalidation && crossvalidated->difference > 0)
        printf("\n  %s is above the recipe where both were chosen, cross-validated it is not; to use it nevertheless:", name);
    else
        printf("\n  these figures do not put the recipe ahead of %s; to use that instead:", name);
    printf(" ssgcam generate MODEL %s", json_string_value(options));
    json_decref(options);
}

static void print_text(const ssgcam_search_result *r, const ssgcam_search_options *o)
{
    size_t widest = 8;
    for (size_t i = 0; i < r->entry_count; i++) widest = strlen(r->entries[i].name) > widest ? strlen(r->entries[i].name) : widest;
    printf("%zu images", r->searched);
    print_groups(r->searched_groups);
    printf(" searched, %zu", r->heldout);
    print_groups(r->heldout_groups);
    printf(" held out; bank of %zu rows, %.0f MiB, %s in %.1f s; %llu candidates in %.1f s\n\n", r->bank_rows, (double)r->bank_bytes / (1 << 20),
           r->bank_cached ? "read" : "made", r->bank_ms / 1000, (unsigned long long)r->evaluations, r->search_ms / 1000);
    printf("  %-*s  %21s  %s\n", (int)widest, "", "searched", r->heldout ? "             held out" : "");
    printf("  %-*s  ", (int)widest, "");
    print_headings(o->fitness);
    printf("  ");
    if (r->heldout) print_headings(o->fitness);
    printf("  tau  mix\n");
    for (size_t i = 0; i < r->entry_count; i++) {
        const ssgcam_search_entry *e = &r->entries[i];
        printf("  %-*s  ", (int)widest, e->name);
        print_score(&e->searched, o->fitness);
        printf("  ");
        if (r->heldout) print_score(&e->heldout, o->fitness);
        printf("  %3d  %s\n", e->threshold, e->rows);
    }
    print_intervals(r);
    if (r->has_crossvalidation) {
        printf("\n  cross-validated, each image scored by the search that did not see %s: ", r->searched_groups ? "its group" : "it");
        print_score(&r->crossvalidated, o->fitness);
    }
    print_gains(r, "best single layer", &r->over_layer, r->has_crossvalidation ? &r->crossvalidated_over_layer : NULL);
    print_gains(r, "naive stacking", &r->over_naive, r->has_crossvalidation ? &r->crossvalidated_over_naive : NULL);
    print_gains(r, "random search", &r->over_random, NULL);
    if (r->shrink > 0) printf("\n  share of naive stacking in the recipe: %g %%", 100 * r->shrink);
    if (r->simpler) print_simpler(r, o->layers);
    printf("\n  written: %s\n", o->out);
}

/* ---- the job -------------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status load_holdout(ssgcam_dataset **data, const flags *f, const ssgcam_model *model)
{
    data_flags other = f->data;
    other.split = f->holdout_split;
    other.limit = 0;
    if (!f->holdout_split) return SSGCAM_OK;
    if (!f->data.split) return ssgcam_fail(SSGCAM_ERR_ARGUMENT, "--holdout-split needs --split: say which images to search on");
    return load_data(data, &other, model);
}

static ssgcam_status work(const void *parsed, const text_list *arguments)
{
    const flags *f = parsed;
    ssgcam_device *device = NULL;
    ssgcam_model *model = NULL;
    ssgcam_dataset *data = NULL, *holdout = NULL;
    ssgcam_search_result result = {0};
    static lists l;
    ssgcam_search_options o = {.stop = &stop_requested, .on_image = on_image, .on_generation = on_generation};
    screen s = {.quiet = f->common.quiet};
    ssgcam_status status = fill_options(f, &l, &o);
    if (status == SSGCAM_OK) status = ssgcam_output_check(o.out);
    if (status == SSGCAM_OK) status = open_device(&device, &f->common);
    if (status == SSGCAM_OK) status = load_model(&model, arguments->items[0], &f->preprocess);
    if (status == SSGCAM_OK) status = load_data(&data, &f->data, model);
    if (status == SSGCAM_OK) status = load_holdout(&holdout, f, model);
    if (status == SSGCAM_OK) {
        progress_start(&s.images, "images", &f->common);
        o.device = device, o.model = model, o.data = data, o.holdout = holdout, o.context = &s;
        status = ssgcam_search_run(&o, &result);
        if (!s.images_ended) progress_end(&s.images);
        if (status == SSGCAM_OK && f->common.json)
            status = print_json(&result, &o);
        else if (status == SSGCAM_OK)
            print_text(&result, &o);
    }
    ssgcam_search_clear(&result);
    ssgcam_dataset_destroy(&holdout);
    ssgcam_dataset_destroy(&data);
    ssgcam_model_destroy(&model);
    ssgcam_device_close(&device);
    return status;
}

int cmd_search(int count, char **arguments)
{
    static const command_spec command = {.name = "search",
                                         .usage = "search MODEL --data DIR --split NAME -o recipe.json [options]",
                                         .table = table,
                                         .rows = ROWS,
                                         TAKES_A_MODEL,
                                         .polls = 1,
                                         .work = work};
    flags f = {.seed = 1};
    return run_command(&command, count, arguments, &f);
}
