#include "host/search/outcome.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/flow/network.h"

enum { MOST_NAMED = 3, SAMPLES = 2000 };

/* ---- lines ----------------------------------------------------------------------------------------------------------------------------- */

/* "A" alone, "42 A + 85 B" for a few, "ssgcam sigma 4 product on 13 layers" for one method everywhere, else "9 rows". */
static char *rows_of(const ssg_grid *grid, const ssg_candidate *c)
{
    size_t count = ssg_candidate_layers(c), first = SSG_SCORE_LAYERS;
    int alike = 1;
    char *text = NULL;
    for (size_t t = 0; t < SSG_SCORE_LAYERS; t++) {
        if (!c->weight[t]) continue;
        if (first == SSG_SCORE_LAYERS) first = t;
        alike = alike && c->row[t] % grid->choices == c->row[first] % grid->choices;
    }
    if (count == 1) return ssg_grid_name(grid, c->row[first]);
    if (count > MOST_NAMED) {
        char *name = alike ? ssg_grid_name(grid, c->row[first]) : NULL,
             *method = name ? name + strlen(grid->layer[c->row[first] / grid->choices]) + 1 : NULL;
        text = method ? ssg_format("%s on %zu layers", method, count) : ssg_format("%zu rows", count);
        ssg_free(name);
        return text;
    }
    for (size_t t = first; t < SSG_SCORE_LAYERS; t++) {
        if (!c->weight[t]) continue;
        char *name = ssg_grid_name(grid, c->row[t]);
        char *longer = name ? ssg_format("%s%s%d %s", text ? text : "", text ? " + " : "", c->weight[t], name) : NULL;
        ssg_free(name);
        ssg_free(text);
        if (!(text = longer)) return NULL;
    }
    return text;
}

ssgcam_status ssg_outcome_add(ssgcam_search_result *result, const ssg_outcome_context *x, char *name, const ssg_candidate *candidate)
{
    char *rows = name ? rows_of(x->grid, candidate) : NULL;
    ssgcam_status status = rows ? ssg_grow(&result->entries, result->entry_count + 1, sizeof *result->entries) : SSG_OUT_OF_MEMORY;
    if (status != SSGCAM_OK) {
        ssg_free(name);
        ssg_free(rows);
        return status;
    }
    ssgcam_search_entry *entry = &result->entries[result->entry_count++];
    *entry = (ssgcam_search_entry){.name = name, .rows = rows, .layers = ssg_candidate_layers(candidate), .threshold = candidate->tau};
    SSG_TRY(ssg_problem_figures(x->searched, candidate, x->threads, NULL, &entry->searched));
    return ssg_problem_figures(x->heldout, candidate, x->threads, NULL, &entry->heldout);
}

/* ---- gains ------------------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status gain(ssgcam_search_gain *gain, const ssg_outcome_context *x, const ssg_groups *groups, const ssg_counts *recipe,
                          const ssg_counts *rival, size_t labels)
{
    ssgcam_search_score of_recipe, of_rival;
    ssgcam_fitness fitness = x->options->fitness == SSGCAM_FITNESS_IMAGE_IOU ? SSGCAM_FITNESS_MEAN_IOU : x->options->fitness;
    SSG_TRY(ssg_problem_score_of_images(&of_recipe, recipe, groups->images, labels));
    SSG_TRY(ssg_problem_score_of_images(&of_rival, rival, groups->images, labels));
    gain->difference = ssg_problem_fitness_of(&of_recipe, fitness) - ssg_problem_fitness_of(&of_rival, fitness);
    return ssg_groups_interval(&gain->low, &gain->high, groups, recipe, rival, labels, ssg_measure_function(ssg_problem_measure(fitness)), 0.95,
                               SAMPLES, x->options->seed);
}

static ssgcam_status gains_on_heldout(ssgcam_search_result *result, const ssg_outcome_context *x, const ssg_rivals *rivals,
                                      const ssg_candidate *random)
{
    const ssg_groups *groups = &x->labelled->held_groups;
    size_t images = x->heldout->image_count, labels = x->heldout->class_count + 1;
    const ssg_candidate *const others[] = {&rivals->layer, &rivals->naive, random};
    ssgcam_search_gain *const gains[] = {&result->over_layer, &result->over_naive, &result->over_random};
    ssg_counts *counts = ssg_calloc(2 * images, labels * sizeof *counts), *of_other = counts + images * labels;
    ssgcam_status status = counts ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    ssgcam_search_score score;
    if (status == SSGCAM_OK) status = ssg_problem_figures(x->heldout, &x->settled->recipe, x->threads, counts, &score);
    for (int i = 0; status == SSGCAM_OK && i < 3; i++) {
        status = ssg_problem_figures(x->heldout, others[i], x->threads, of_other, &score);
        if (status == SSGCAM_OK) status = gain(gains[i], x, groups, counts, of_other, labels);
    }
    ssg_free(counts);
    return status;
}

ssgcam_status ssg_outcome_gains(ssgcam_search_result *result, const ssg_outcome_context *x, const ssg_rivals *rivals, const ssg_candidate *random)
{
    const ssg_groups *groups = &x->labelled->searched_groups;
    size_t images = x->searched->image_count, labels = x->searched->class_count + 1;
    ssg_counts *const *unseen = x->settled->unseen;
    if (x->heldout->image_count) SSG_TRY(gains_on_heldout(result, x, rivals, random));
    if (!unseen[SSG_UNSEEN_RECIPE]) return SSGCAM_OK;
    result->has_crossvalidation = 1;
    SSG_TRY(ssg_problem_score_of_images(&result->crossvalidated, unseen[SSG_UNSEEN_RECIPE], images, labels));
    SSG_TRY(gain(&result->crossvalidated_over_layer, x, groups, unseen[SSG_UNSEEN_RECIPE], unseen[SSG_UNSEEN_LAYER], labels));
    return gain(&result->crossvalidated_over_naive, x, groups, unseen[SSG_UNSEEN_RECIPE], unseen[SSG_UNSEEN_NAIVE], labels);
}

/* ---- the recipe -------------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status to_recipe(ssgcam_recipe **out, const ssg_outcome_context *x, const ssg_candidate *c)
{
    const ssg_grid *grid = x->grid;
    ssgcam_recipe *recipe = *out = ssg_calloc(1, sizeof *recipe);
    if (!recipe) return SSG_OUT_OF_MEMORY;
    recipe->layers = ssg_calloc(ssg_candidate_layers(c), sizeof *recipe->layers);
    if (!recipe->layers) return SSG_OUT_OF_MEMORY;
    for (size_t t = 0; t < SSG_SCORE_LAYERS; t++) {
        if (!c->weight[t]) continue;
        size_t row = c->row[t];
        recipe->layers[recipe->layer_count] = (ssgcam_recipe_layer){ssg_strdup(grid->layer[row / grid->choices]), c->weight[t],
                                                                    grid->power[row % grid->powers], *ssg_grid_method(grid, row)};
        if (!recipe->layers[recipe->layer_count++].name) return SSG_OUT_OF_MEMORY;
    }
    recipe->threshold = c->tau;
    recipe->grid[0] = grid->height;
    recipe->grid[1] = grid->width;
    memcpy(recipe->model_digest, ssgcam_model_digest(x->options->model), sizeof recipe->model_digest);
    return SSGCAM_OK;
}

/* How far the recipe lies above each on the searched images. */
static ssgcam_status searched_leads(double lead[2], const ssgcam_search_entry *recipe, const ssg_outcome_context *x,
                                    const ssg_candidate *const rivals[2])
{
    for (int i = 0; i < 2; i++) {
        ssgcam_search_score score;
        SSG_TRY(ssg_problem_figures(x->searched, rivals[i], x->threads, NULL, &score));
        lead[i] = ssg_problem_fitness_of(&recipe->searched, x->options->fitness) - ssg_problem_fitness_of(&score, x->options->fitness);
    }
    return SSGCAM_OK;
}

/* Cross-validation comes first. Where it puts the recipe ahead, the mean of the folds' searches may still be below what they began with. */
ssgcam_status ssg_outcome_simpler(ssgcam_search_result *result, const ssg_outcome_context *x, const ssg_rivals *rivals)
{
    const ssgcam_search_entry *recipe = &result->entries[result->entry_count - 1];
    const ssg_candidate *const candidates[] = {&rivals->layer, &rivals->naive};
    double lead[] = {result->crossvalidated_over_layer.difference, result->crossvalidated_over_naive.difference};
    if (recipe->layers == 1 || x->settled->shrink == 1) return SSGCAM_OK; /* it is one of them */
    if (!result->has_crossvalidation || fmin(lead[0], lead[1]) > 0) SSG_TRY(searched_leads(lead, recipe, x, candidates));
    return fmin(lead[0], lead[1]) > 0 ? SSGCAM_OK : to_recipe(&result->simpler, x, candidates[lead[1] < lead[0]]);
}

/* [true positives, false positives, false negatives] of background and every class in play. */
static json_t *counts_json(const ssg_counts *per_image, size_t images, size_t labels)
{
    json_t *list = json_array();
    for (size_t l = 0; l < labels; l++) {
        ssg_counts sum = {0};
        for (size_t i = 0; i < images; i++) {
            const ssg_counts *c = &per_image[i * labels + l];
            ssg_counts_add(&sum, c);
        }
        json_array_append_new(list, json_pack("[I,I,I]", (json_int_t)sum.tp, (json_int_t)sum.fp, (json_int_t)sum.fn));
    }
    return list;
}

static json_t *set_json(const ssg_counts *per_image, const ssg_groups *groups, size_t labels, const ssgcam_search_score *score)
{
    size_t images = groups->images;
    json_t *set = json_pack("{s:I,s:o,s:f,s:f,s:f,s:f,s:f}", "images", (json_int_t)images, "counts", counts_json(per_image, images, labels),
                            "mean_iou", score->mean_iou, "foreground_iou", score->foreground_iou, "image_iou", score->image_iou, "object_miou",
                            score->object_miou, "object_iou", score->object_iou);
    if (set && groups->of) json_object_set_new(set, "groups", json_integer((json_int_t)groups->count));
    return set;
}

/* over_random: NULL where there is none. */
static json_t *gains_json(const ssgcam_search_gain *over_layer, const ssgcam_search_gain *over_naive, const ssgcam_search_gain *over_random)
{
    const ssgcam_search_gain *const gains[] = {over_layer, over_naive, over_random};
    static const char *const names[] = {"layer", "naive", "random"};
    json_t *object = json_object();
    for (int i = 0; i < 3; i++)
        if (gains[i]) json_object_set_new(object, names[i], json_pack("[f,f,f]", gains[i]->difference, gains[i]->low, gains[i]->high));
    return object;
}

static void add_name(json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), name) == 0) return;
    json_array_append_new(list, json_string(name));
}

/* Only what is the same on every machine and in every run: no time, no path, no thread count. */
static json_t *provenance(const ssg_outcome_context *x)
{
    const ssgcam_search_options *o = x->options;
    json_t *classes = json_array(), *mixed = json_array();
    for (size_t m = 0; m < x->grid->mixed_count; m++) add_name(mixed, ssgcam_method_name(ssg_grid_method(x->grid, x->grid->mixed[m])->method));
    for (size_t k = 0; k < x->labelled->class_count; k++) json_array_append_new(classes, json_integer(x->labelled->classes[k]));
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:f,s:f,s:o,s:o}", "bank", x->store->digest, "data", o->data->digest, "mask_values",
                     o->mask_values ? o->mask_values : "classes", "fitness", ssgcam_fitness_name(o->fitness), "threshold",
                     o->threshold == SSGCAM_THRESHOLD_GENE ? "gene" : "solved", "adaptation", ssgcam_evolve_adaptation_name(o->adaptation), "seed",
                     (json_int_t)o->seed, "evaluations", (json_int_t)o->evaluations, "runs", (json_int_t)o->runs, "folds", (json_int_t)o->folds,
                     "sparsity", o->sparsity, "shrink", x->settled->shrink, "classes", classes, "methods", mixed);
}

static ssgcam_status examine(json_t *into, const char *key, double interval[2], const ssg_outcome_context *x, const ssg_bank *bank,
                             const ssg_groups *groups)
{
    const ssg_candidate *c = &x->settled->recipe;
    size_t labels = bank->class_count + 1;
    ssgcam_search_score score;
    if (bank->image_count == 0) return SSGCAM_OK;
    ssg_counts *per_image = ssg_calloc(bank->image_count, labels * sizeof *per_image);
    ssgcam_status status = per_image ? ssg_problem_figures(bank, c, x->threads, per_image, &score) : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) json_object_set_new(into, key, set_json(per_image, groups, labels, &score));
    if (status == SSGCAM_OK)
        status = ssg_groups_interval(&interval[0], &interval[1], groups, per_image, NULL, labels,
                                     ssg_measure_function(ssg_problem_measure(x->options->fitness)), 0.95, SAMPLES, x->options->seed);
    ssg_free(per_image);
    return status;
}

/* What the searches that did not see an image make of it. */
static void add_crossvalidation(json_t *into, const ssgcam_search_result *result, const ssg_outcome_context *x)
{
    if (!result->has_crossvalidation) return;
    json_t *set =
        set_json(x->settled->unseen[SSG_UNSEEN_RECIPE], &x->labelled->searched_groups, x->searched->class_count + 1, &result->crossvalidated);
    json_object_set_new(set, "gain", gains_json(&result->crossvalidated_over_layer, &result->crossvalidated_over_naive, NULL));
    json_object_set_new(into, "crossvalidated", set);
}

ssgcam_status ssg_outcome_recipe(ssgcam_search_result *result, const ssg_outcome_context *x)
{
    SSG_TRY(to_recipe(&result->recipe, x, &x->settled->recipe));
    json_t *search = provenance(x);
    ssgcam_status status = examine(search, "searched", result->interval[0], x, x->searched, &x->labelled->searched_groups);
    if (status == SSGCAM_OK) status = examine(search, "heldout", result->interval[1], x, x->heldout, &x->labelled->held_groups);
    add_crossvalidation(search, result, x);
    if (x->heldout->image_count)
        json_object_set_new(json_object_get(search, "heldout"), "gain", gains_json(&result->over_layer, &result->over_naive, &result->over_random));
    char *text = status == SSGCAM_OK ? json_dumps(search, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(search);
    if (status == SSGCAM_OK && !text) status = ssg_out_of_memory("the recipe's provenance");
    if (status == SSGCAM_OK && !(result->recipe->provenance = ssg_strdup(text))) status = SSG_OUT_OF_MEMORY;
    free(text);
    return status;
}
