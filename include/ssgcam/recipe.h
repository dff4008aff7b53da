/* ssgcam/recipe.h - what to compute and how to mix it: layers, a method and an integer weight for each, and a threshold.
 *
 * A recipe is written by `ssgcam search`, by hand, or made from a method and a list of layers. The file is JSON; docs/recipe.md describes it and
 * docs/recipe.schema.json checks it. */
#ifndef SSGCAM_RECIPE_H
#define SSGCAM_RECIPE_H

#include <ssgcam/method.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SSGCAM_RECIPE_VERSION = 1, SSGCAM_WEIGHT_SUM = 127 };

typedef struct ssgcam_recipe_layer {
    char *name;   /* ONNX value (or node) name */
    int weight;   /* 1 to 127; all weights of a recipe sum to 127 */
    double power; /* the normalised layer map is raised to it; 1 is neutral */
    ssgcam_method_options method;
} ssgcam_recipe_layer;

typedef struct ssgcam_recipe {
    ssgcam_recipe_layer *layers;
    size_t layer_count;
    int threshold;         /* tau in 0..255: a class claims a pixel where 255 f > tau max f */
    int grid[2];           /* height and width on which the integer maps are mixed; 0 0: the network's input size */
    char model_digest[33]; /* of the model it was searched on; "" if it fits any */
    char *provenance;      /* the "search" object of the file as JSON text, or NULL; kept when a recipe is saved */
} ssgcam_recipe;

/* A recipe of `count` layers with one method. weights: non-negative numbers in any unit, or NULL for equal ones; layers that round to zero are left
 * out. */
SSGCAM_API ssgcam_status ssgcam_recipe_create(ssgcam_recipe **out, const ssgcam_method_options *method, const char *const *layers,
                                              const double *weights, size_t count, int threshold);

/* Reads and checks a recipe file. Unknown fields, another version, weights that do not sum to 127: SSGCAM_ERR_INPUT with file and field. */
SSGCAM_API ssgcam_status ssgcam_recipe_load(ssgcam_recipe **out, const char *path);

/* The same from text; `path` is used in messages. */
SSGCAM_API ssgcam_status ssgcam_recipe_parse(ssgcam_recipe **out, const char *text, size_t size, const char *path);

/* The file's text: the same recipe gives the same bytes on every machine. Free with ssgcam_text_free. */
SSGCAM_API ssgcam_status ssgcam_recipe_print(const ssgcam_recipe *recipe, char **text);

/* Writes the file atomically. */
SSGCAM_API ssgcam_status ssgcam_recipe_save(const ssgcam_recipe *recipe, const char *path);

SSGCAM_API void ssgcam_recipe_destroy(ssgcam_recipe **recipe);

SSGCAM_API void ssgcam_text_free(char *text);

#ifdef __cplusplus
}
#endif
#endif
