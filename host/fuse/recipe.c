#include <ssgcam/recipe.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "host/base/nearest_name.h"
#include "host/base/status.h"
#include "host/data/atomic_file.h"
#include "host/fuse/weights.h"

enum { MOST_BYTES = 1 << 20 };

/* ---- making ------------------------------------------------------------------------------------------------------------------ */

ssgcam_status ssgcam_recipe_create(ssgcam_recipe **out, const ssgcam_method_options *method, const char *const *layers, const double *weights,
                                   size_t count, int threshold)
{
    *out = NULL;
    SSG_TRY(ssgcam_method_check(method));
    if (count < 1 || count > SSG_MIXTURE_MOST) return ssg_fail(SSGCAM_ERR_ARGUMENT, "%zu layers; a recipe mixes 1 to %d", count, SSG_MIXTURE_MOST);
    if (threshold < 0 || threshold > 255) return ssg_fail(SSGCAM_ERR_ARGUMENT, "threshold %d; it must be 0 to 255", threshold);
    double raw[SSG_MIXTURE_MOST];
    uint8_t mixed[SSG_MIXTURE_MOST];
    for (size_t i = 0; i < count; i++) {
        raw[i] = weights ? weights[i] : 1;
        if (!(raw[i] >= 0) || !isfinite(raw[i]))
            return ssg_fail(SSGCAM_ERR_ARGUMENT, "weight %g of layer '%s'; weights must not be negative", raw[i], layers[i]);
    }
    ssg_mixture_weights(mixed, raw, count);
    ssgcam_recipe *recipe = ssg_calloc(1, sizeof *recipe);
    if (!recipe) return SSG_OUT_OF_MEMORY;
    recipe->threshold = threshold;
    ssgcam_status status = (recipe->layers = ssg_calloc(count, sizeof *recipe->layers)) ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    for (size_t i = 0; status == SSGCAM_OK && i < count; i++) {
        if (mixed[i] == 0) continue;
        ssgcam_recipe_layer *layer = &recipe->layers[recipe->layer_count++];
        *layer = (ssgcam_recipe_layer){ssg_strdup(layers[i]), mixed[i], 1, *method};
        if (!layer->name) status = SSG_OUT_OF_MEMORY;
    }
    if (status == SSGCAM_OK && recipe->layer_count == 0) status = ssg_fail(SSGCAM_ERR_ARGUMENT, "all weights are zero");
    if (status != SSGCAM_OK) ssgcam_recipe_destroy(&recipe);
    *out = recipe;
    return status;
}

void ssgcam_recipe_destroy(ssgcam_recipe **recipe)
{
    if (!recipe || !*recipe) return;
    for (size_t i = 0; i < (*recipe)->layer_count; i++) ssg_free((*recipe)->layers[i].name);
    ssg_free((*recipe)->layers);
    ssg_free((*recipe)->provenance);
    ssg_free(*recipe);
    *recipe = NULL;
}

void ssgcam_text_free(char *text)
{
    ssg_free(text);
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------ */

/* Where in the file we are, for messages: "recipe.json: layers[2]". */
typedef struct place {
    const char *path;
    char field[96];
} place;

static ssgcam_status wrong(const place *p, const char *name, const char *what)
{
    return ssg_fail(SSGCAM_ERR_INPUT, "%s: %s%s%s: %s", p->path, p->field, p->field[0] ? "." : "", name, what);
}

static ssgcam_status only_known(const place *p, const json_t *object, const char *const *known, size_t count)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        size_t i = 0;
        while (i < count && strcmp(known[i], key) != 0) i++;
        if (i < count) continue;
        const char *nearest = ssg_nearest_name(key, known, count);
        if (nearest)
            return ssg_fail(SSGCAM_ERR_INPUT, "%s: %s%s%s is not a field of a recipe; did you mean '%s'?", p->path, p->field, p->field[0] ? "." : "",
                            key, nearest);
        return wrong(p, key, "not a field of a recipe; docs/recipe.md lists the fields");
    }
    return SSGCAM_OK;
}

static ssgcam_status integer(const place *p, const json_t *object, const char *name, int low, int high, int otherwise, int *value)
{
    const json_t *found = json_object_get(object, name);
    *value = otherwise;
    if (!found) return otherwise >= low ? SSGCAM_OK : wrong(p, name, "is missing");
    if (!json_is_integer(found) || json_integer_value(found) < low || json_integer_value(found) > high) {
        char range[64];
        snprintf(range, sizeof range, "must be a whole number from %d to %d", low, high);
        return wrong(p, name, range);
    }
    *value = (int)json_integer_value(found);
    return SSGCAM_OK;
}

static ssgcam_status real(const place *p, const json_t *object, const char *name, double *value)
{
    const json_t *found = json_object_get(object, name);
    if (!found) return SSGCAM_OK;
    if (!json_is_number(found)) return wrong(p, name, "must be a number");
    *value = json_number_value(found);
    return SSGCAM_OK;
}

static ssgcam_status word(const place *p, const json_t *object, const char *name, const char **value)
{
    const json_t *found = json_object_get(object, name);
    *value = NULL;
    if (!found) return SSGCAM_OK;
    if (!json_is_string(found)) return wrong(p, name, "must be text");
    *value = json_string_value(found);
    return SSGCAM_OK;
}

static ssgcam_status parse_method(const place *p, const json_t *object, ssgcam_method_options *method)
{
    const char *text;
    ssgcam_method kind = SSGCAM_METHOD_SSGCAM;
    int seed;
    SSG_TRY(word(p, object, "method", &text));
    if (text && ssgcam_method_parse(text, &kind) != SSGCAM_OK) return ssg_fail_prefix(SSGCAM_ERR_INPUT, "%s: %s", p->path, p->field);
    *method = ssgcam_method_defaults(kind);
    SSG_TRY(real(p, object, "sigma", &method->sigma));
    SSG_TRY(word(p, object, "combine", &text));
    if (text && ssgcam_combine_parse(text, &method->combine) != SSGCAM_OK) return ssg_fail_prefix(SSGCAM_ERR_INPUT, "%s: %s", p->path, p->field);
    SSG_TRY(word(p, object, "weighting", &text));
    if (text && ssgcam_weighting_parse(text, &method->weighting) != SSGCAM_OK) return ssg_fail_prefix(SSGCAM_ERR_INPUT, "%s: %s", p->path, p->field);
    SSG_TRY(word(p, object, "second_order", &text));
    if (text && ssgcam_second_order_parse(text, &method->second_order) != SSGCAM_OK)
        return ssg_fail_prefix(SSGCAM_ERR_INPUT, "%s: %s", p->path, p->field);
    SSG_TRY(word(p, object, "target", &text));
    if (text && ssgcam_target_parse(text, &method->target) != SSGCAM_OK) return ssg_fail_prefix(SSGCAM_ERR_INPUT, "%s: %s", p->path, p->field);
    SSG_TRY(integer(p, object, "probes", 1, 100000, method->probes, &method->probes));
    SSG_TRY(integer(p, object, "samples", 1, 100000, method->samples, &method->samples));
    SSG_TRY(real(p, object, "noise", &method->noise));
    SSG_TRY(integer(p, object, "seed", 0, INT32_MAX, 0, &seed));
    method->seed = (uint64_t)seed;
    if (ssgcam_method_check(method) != SSGCAM_OK) return ssg_fail_prefix(SSGCAM_ERR_INPUT, "%s: %s", p->path, p->field);
    return SSGCAM_OK;
}

static ssgcam_status parse_layer(const place *p, const json_t *object, ssgcam_recipe_layer *layer)
{
    static const char *const known[] = {"name",         "weight", "power",  "method",  "sigma", "combine", "weighting",
                                        "second_order", "target", "probes", "samples", "noise", "seed"};
    const char *name;
    if (!json_is_object(object)) return wrong(p, "", "must be an object");
    SSG_TRY(only_known(p, object, known, sizeof known / sizeof *known));
    SSG_TRY(word(p, object, "name", &name));
    if (!name || !name[0]) return wrong(p, "name", "is missing");
    layer->power = 1;
    SSG_TRY(integer(p, object, "weight", 1, SSGCAM_WEIGHT_SUM, 0, &layer->weight));
    SSG_TRY(real(p, object, "power", &layer->power));
    if (!(layer->power > 0 && layer->power <= 16)) return wrong(p, "power", "must be above 0 and at most 16");
    SSG_TRY(parse_method(p, object, &layer->method));
    layer->name = ssg_strdup(name);
    return layer->name ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
}

static ssgcam_status parse_layers(const char *path, const json_t *root, ssgcam_recipe *recipe)
{
    place top = {.path = path};
    const json_t *layers = json_object_get(root, "layers");
    size_t count = json_array_size(layers);
    int sum = 0;
    if (!json_is_array(layers) || count < 1 || count > SSG_MIXTURE_MOST) return wrong(&top, "layers", "must be a list of 1 to 64 layers");
    if (!(recipe->layers = ssg_calloc(count, sizeof *recipe->layers))) return SSG_OUT_OF_MEMORY;
    recipe->layer_count = count;
    for (size_t i = 0; i < count; i++) {
        place p = {.path = path};
        snprintf(p.field, sizeof p.field, "layers[%zu]", i);
        SSG_TRY(parse_layer(&p, json_array_get(layers, i), &recipe->layers[i]));
        sum += recipe->layers[i].weight;
    }
    if (sum != SSGCAM_WEIGHT_SUM) return ssg_fail(SSGCAM_ERR_INPUT, "%s: the weights sum to %d; they must sum to %d", path, sum, SSGCAM_WEIGHT_SUM);
    return SSGCAM_OK;
}

static ssgcam_status parse_recipe(const char *path, const json_t *root, ssgcam_recipe *recipe)
{
    static const char *const known[] = {"ssgcam_recipe", "threshold", "grid", "model_digest", "layers", "search"};
    place p = {.path = path};
    int version;
    const char *digest;
    if (!json_is_object(root)) return ssg_fail(SSGCAM_ERR_INPUT, "%s: a recipe is a JSON object", path);
    if (!json_object_get(root, "ssgcam_recipe")) return wrong(&p, "ssgcam_recipe", "is missing: this is not a recipe");
    SSG_TRY(integer(&p, root, "ssgcam_recipe", 0, INT32_MAX, -1, &version));
    if (version != SSGCAM_RECIPE_VERSION)
        return ssg_fail(SSGCAM_ERR_INPUT, "%s: recipe version %d; this program reads version %d: search again, or use a newer program", path, version,
                        SSGCAM_RECIPE_VERSION);
    SSG_TRY(only_known(&p, root, known, sizeof known / sizeof *known));
    SSG_TRY(integer(&p, root, "threshold", 0, 255, -1, &recipe->threshold));
    const json_t *grid = json_object_get(root, "grid");
    if (grid) {
        if (!json_is_array(grid) || json_array_size(grid) != 2) return wrong(&p, "grid", "must be [height, width]");
        for (size_t i = 0; i < 2; i++) {
            json_int_t extent = json_integer_value(json_array_get(grid, i));
            if (extent < 1 || extent > 4096) return wrong(&p, "grid", "must hold numbers from 1 to 4096");
            recipe->grid[i] = (int)extent;
        }
    }
    SSG_TRY(word(&p, root, "model_digest", &digest));
    if (digest && strlen(digest) != 32) return wrong(&p, "model_digest", "must have 32 characters");
    if (digest) memcpy(recipe->model_digest, digest, 33);
    const json_t *search = json_object_get(root, "search");
    if (search) {
        char *text = json_dumps(search, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17) | JSON_ENCODE_ANY);
        recipe->provenance = text ? ssg_strdup(text) : NULL;
        free(text);
        if (!recipe->provenance) return ssg_out_of_memory("reading a recipe");
    }
    return parse_layers(path, root, recipe);
}

ssgcam_status ssgcam_recipe_parse(ssgcam_recipe **out, const char *text, size_t size, const char *path)
{
    *out = NULL;
    json_error_t error;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!root) return ssg_fail(SSGCAM_ERR_INPUT, "%s:%d:%d: not JSON: %s", path, error.line, error.column, error.text);
    ssgcam_recipe *recipe = ssg_calloc(1, sizeof *recipe);
    ssgcam_status status = recipe ? parse_recipe(path, root, recipe) : SSG_OUT_OF_MEMORY;
    if (status != SSGCAM_OK) ssgcam_recipe_destroy(&recipe);
    json_decref(root);
    *out = recipe;
    return status;
}

ssgcam_status ssgcam_recipe_load(ssgcam_recipe **out, const char *path)
{
    *out = NULL;
    char *text;
    size_t size;
    SSG_TRY(ssg_file_read(&text, &size, path, MOST_BYTES));
    ssgcam_status status = ssgcam_recipe_parse(out, text, size, path);
    ssg_free(text);
    return status;
}

/* ---- writing ------------------------------------------------------------------------------------------------------------------ */

/* Only what a method uses and what differs from its defaults, so that a file shows what matters. */
static json_t *print_layer(const ssgcam_recipe_layer *layer)
{
    const ssgcam_method_options *m = &layer->method;
    ssgcam_method_options plain = ssgcam_method_defaults(m->method);
    json_t *object = json_object();
    int smooth = m->method == SSGCAM_METHOD_SMOOTHGRADCAMPP;
    json_object_set_new(object, "name", json_string(layer->name));
    json_object_set_new(object, "weight", json_integer(layer->weight));
    json_object_set_new(object, "method", json_string(ssgcam_method_name(m->method)));
    if (m->method == SSGCAM_METHOD_SSGCAM) {
        json_object_set_new(object, "sigma", json_real(m->sigma));
        json_object_set_new(object, "combine", json_string(ssgcam_combine_name(m->combine)));
        json_object_set_new(object, "weighting", json_string(ssgcam_weighting_name(m->weighting)));
        if (m->second_order != plain.second_order) {
            json_object_set_new(object, "second_order", json_string(ssgcam_second_order_name(m->second_order)));
            json_object_set_new(object, "probes", json_integer(m->probes));
        }
    }
    if (m->target != plain.target) json_object_set_new(object, "target", json_string(ssgcam_target_name(m->target)));
    if (smooth) json_object_set_new(object, "samples", json_integer(m->samples));
    if (smooth) json_object_set_new(object, "noise", json_real(m->noise));
    if (m->seed) json_object_set_new(object, "seed", json_integer((json_int_t)m->seed));
    if (layer->power != 1) json_object_set_new(object, "power", json_real(layer->power));
    return object;
}

ssgcam_status ssgcam_recipe_print(const ssgcam_recipe *recipe, char **text)
{
    *text = NULL;
    json_t *root = json_object(), *layers = json_array();
    json_object_set_new(root, "ssgcam_recipe", json_integer(SSGCAM_RECIPE_VERSION));
    if (recipe->model_digest[0]) json_object_set_new(root, "model_digest", json_string(recipe->model_digest));
    if (recipe->grid[0]) json_object_set_new(root, "grid", json_pack("[i,i]", recipe->grid[0], recipe->grid[1]));
    json_object_set_new(root, "threshold", json_integer(recipe->threshold));
    for (size_t i = 0; i < recipe->layer_count; i++) json_array_append_new(layers, print_layer(&recipe->layers[i]));
    json_object_set_new(root, "layers", layers);
    if (recipe->provenance) json_object_set_new(root, "search", json_loads(recipe->provenance, JSON_DECODE_ANY, NULL));
    char *dumped = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    json_decref(root);
    if (dumped) *text = ssg_format("%s\n", dumped);
    free(dumped);
    return *text ? SSGCAM_OK : ssg_out_of_memory("printing a recipe");
}

ssgcam_status ssgcam_recipe_save(const ssgcam_recipe *recipe, const char *path)
{
    char *text;
    SSG_TRY(ssgcam_recipe_print(recipe, &text));
    ssgcam_status status = ssg_file_write(path, text, strlen(text));
    ssg_free(text);
    return status;
}
