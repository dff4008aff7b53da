/* ssgcam/explain.h - where the model looks in a few images. */
#ifndef SSGCAM_EXPLAIN_H
#define SSGCAM_EXPLAIN_H

#include <stdint.h>

#include <ssgcam/device.h>
#include <ssgcam/generate.h>
#include <ssgcam/model.h>
#include <ssgcam/recipe.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What to write, or'd. STEM is the input's file name without suffix, I the number of the image where an array holds several, CLASS a number; in LAYER
 * every character outside A-Za-z0-9._- is '_'. */
enum {
    SSGCAM_SAVE_OVERLAY = 1, /* STEM[.I].CLASS.overlay.png: the map in colour over the image, at the image's size */
    SSGCAM_SAVE_HEATMAP = 2, /* STEM[.I].CLASS.heatmap.png: the map alone, in colour, at the image's size */
    SSGCAM_SAVE_NPY = 4,     /* STEM[.I].CLASS.npy: the fused float32 map in [0, 1] at the network's input size */
    SSGCAM_SAVE_LAYERS = 8,  /* STEM[.I].CLASS.LAYER.npy: the raw map of each layer, before normalisation */
    /* STEM[.I].CLASS.LAYER.A.npy and .g.npy: activation and gradient, (K, H, W); with exact second order also .h.npy, the second derivatives */
    SSGCAM_SAVE_TENSORS = 16
};

/* The order and constants in which layer maps become one. */
typedef enum ssgcam_preset {
    SSGCAM_PRESET_OWN, /* normalise each layer, resize, power, weights, normalise */
    SSGCAM_PRESET_PGC  /* pytorch-grad-cam 1.5: relu, min-max with 1e-7, resize, plain mean over layers, min-max with 1e-7 */
} ssgcam_preset;

/* One finished map. Pointers are valid during the call only. */
typedef struct ssgcam_explanation {
    const char *input;
    size_t image;           /* within the input */
    size_t label;           /* the class */
    const char *label_name; /* NULL where the model has no names */
    float score;            /* the class score: the logit */
    float probability;      /* softmax over the scores; NaN where the graph does not end in a Softmax */
    const float *map;       /* height x width, in [0, 1] */
    size_t height, width;
    int constant;     /* the map is empty: no layer gave a map that varies */
    int not_a_number; /* a layer's map held NaN and was left out */
} ssgcam_explanation;

/* `files`: the names written for it, separated by newlines. */
typedef void ssgcam_explain_callback(void *context, const ssgcam_explanation *explanation, const char *files);

typedef struct ssgcam_explain_options {
    ssgcam_device *device;
    const ssgcam_model *model;
    const ssgcam_recipe *recipe; /* layers, methods and weights */
    ssgcam_precision precision;
    ssgcam_preset preset;
    const char *const *inputs; /* images, or .npy arrays of floats of the graph's input shape, fed as they are */
    size_t input_count;
    const char *const *classes; /* names, numbers, or "top" (the highest score); none: "top" */
    size_t class_count;
    const char *out; /* folder; made if missing. NULL: "." */
    unsigned save;
    int keep_sign;                     /* raw layer maps keep negative values */
    const int *stop;                   /* polled between images; may be NULL */
    ssgcam_explain_callback *callback; /* may be NULL */
    void *context;
    /* Instead of `inputs`: image_count arrays in memory, one after the other, each of the network's input shape C H W (or H W C, see
     * ssgcam_model_input) with this height and width (0 0: the network's own), fed as they are. They stay the caller's. In explanations and names of
     * files the input is "images". */
    const float *images;
    size_t image_count;
    int image_size[2];
} ssgcam_explain_options;

/* An input that cannot be used is reported to `failed` (may be NULL) and the rest goes on: SSGCAM_ERR_PARTIAL. A class or layer that does not exist
 * ends the call. */
SSGCAM_API ssgcam_status ssgcam_explain_run(const ssgcam_explain_options *options, ssgcam_progress *failed);

#ifdef __cplusplus
}
#endif
#endif
