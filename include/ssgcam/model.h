/* ssgcam/model.h - a classifier: its layers, classes and preprocessing. */
#ifndef SSGCAM_MODEL_H
#define SSGCAM_MODEL_H

#include <stddef.h>

#include <ssgcam/preprocess.h>
#include <ssgcam/recipe.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssgcam_model ssgcam_model;

/* An image-shaped tensor of the network. Texts belong to the model. */
typedef struct ssgcam_layer {
    const char *name; /* ONNX value */
    const char *node; /* the node that makes it */
    const char *op;   /* its operator */
    int channels, height, width;
    int activation; /* the output of a nonlinearity */
    int candidate;  /* the last activation before a change of resolution: the default layers */
} ssgcam_layer;

/* Loads an ONNX classifier and the MODEL.json beside it. `preprocess` (may be NULL): settings that win over the file's, as ssgcam_preprocess_set
 * makes them; which fields were set is told by comparing with ssgcam_preprocess_init, so pass a struct changed from there. */
SSGCAM_API ssgcam_status ssgcam_model_load(ssgcam_model **out, const char *path, const ssgcam_preprocess *preprocess);
SSGCAM_API void ssgcam_model_destroy(ssgcam_model **model);

/* The preprocessing in force. */
SSGCAM_API const ssgcam_preprocess *ssgcam_model_preprocess(const ssgcam_model *model);

/* Height and width of the network's input, and whether it wants N H W C order. */
SSGCAM_API void ssgcam_model_input(const ssgcam_model *model, int *height, int *width, int *nhwc);

SSGCAM_API size_t ssgcam_model_layer_count(const ssgcam_model *model);
SSGCAM_API const ssgcam_layer *ssgcam_model_layer(const ssgcam_model *model, size_t index);

/* Classes: their number; a name (NULL where the model has none); the index of a name or number given as text. */
SSGCAM_API size_t ssgcam_model_class_count(const ssgcam_model *model);
SSGCAM_API const char *ssgcam_model_class_name(const ssgcam_model *model, size_t index);
SSGCAM_API ssgcam_status ssgcam_model_find_class(const ssgcam_model *model, const char *text, size_t *index);

/* The operator that ends the network behind the class scores ("Softmax", "Sigmoid"), or NULL. */
SSGCAM_API const char *ssgcam_model_head(const ssgcam_model *model);

/* XXH3-128 of the file, 32 hexadecimal characters. */
SSGCAM_API const char *ssgcam_model_digest(const ssgcam_model *model);

/* A recipe of one method over layers of the model, given as text: "auto" (the candidates), "all" (every activation), "last", or names separated by
 * commas. weights: one per picked layer in the model's order, or NULL for equal ones. */
SSGCAM_API ssgcam_status ssgcam_recipe_for_model(ssgcam_recipe **out, const ssgcam_model *model, const ssgcam_method_options *method,
                                                 const char *layers, const double *weights, size_t weight_count, int threshold);

/* Everything about the model as JSON text (what `ssgcam inspect --json` prints). Free with ssgcam_text_free. */
SSGCAM_API ssgcam_status ssgcam_model_describe(const ssgcam_model *model, char **json);

#ifdef __cplusplus
}
#endif
#endif
