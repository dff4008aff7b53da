/* ssgcam/search.h - DE-SSG-CAM: find the mix of layers that labels a small set of images best.
 *
 * Once per labelled set the network runs and a bank of 8-bit maps is built: for every image, class and layer one map per row of a grid of methods. A
 * candidate picks per layer a row and an integer weight; differential evolution looks for the best one. Scoring is integer arithmetic, so the result
 * is a function of the bank, the options and the seed: any number of threads and every processor finds the same recipe. docs/search.md explains what
 * the figures mean and how to keep a recipe from overfitting. */
#ifndef SSGCAM_SEARCH_H
#define SSGCAM_SEARCH_H

#include <ssgcam/dataset.h>
#include <ssgcam/device.h>
#include <ssgcam/evolve.h>
#include <ssgcam/generate.h>
#include <ssgcam/model.h>
#include <ssgcam/recipe.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ssgcam_fitness {
    SSGCAM_FITNESS_MEAN_IOU,       /* counts of all images added up, mean over labels, background included */
    SSGCAM_FITNESS_FOREGROUND_IOU, /* the same without background */
    SSGCAM_FITNESS_OBJECT,         /* mean of background and object, all classes taken together as one object: steadier where classes are rare */
    SSGCAM_FITNESS_IMAGE_IOU       /* mean over images of each image's mean IoU */
} ssgcam_fitness;

typedef enum ssgcam_threshold_mode {
    SSGCAM_THRESHOLD_SOLVED, /* every candidate is scored at its best of all 256 thresholds */
    SSGCAM_THRESHOLD_GENE    /* the threshold is one gene more; only results are solved */
} ssgcam_threshold_mode;

/* Called after every generation of every run; runs may go side by side on threads of the library, but one call at a time. */
typedef void ssgcam_search_progress(void *context, size_t run, size_t runs, const ssgcam_evolve_record *record);

/* Zero means the default. */
typedef struct ssgcam_search_options {
    ssgcam_device *device;
    const ssgcam_model *model;
    const ssgcam_dataset
        *data; /* searched; items without a mask (or boxes) or without a label are an error. Groups of it stay whole (docs/search.md) */
    const ssgcam_dataset *holdout; /* only reported on; may be NULL */
    double holdout_fraction;       /* without `holdout`: this share of `data`, whole groups drawn by the seed, is kept from the search; below 1 */
    const char *mask_values;       /* "classes" (default), "object", "object>=N", "boxes", "ellipses" (as in eval.h) */

    /* The grid: every method over every layer. */
    const char *layers;           /* "auto" (default), "all", "last", or names separated by commas; at most 64 */
    const ssgcam_method *methods; /* default: SSG-CAM. All but Smooth Grad-CAM++ and Score-CAM, which take network passes of their own */
    size_t method_count;
    const ssgcam_method *mixed; /* those of the methods that the recipe may use, the others are only compared with; default all */
    size_t mixed_count;
    const double *sigmas; /* SSG-CAM; default 0, 1, 2, 4, 8 */
    size_t sigma_count;
    const double *powers; /* every row is offered with each; default 0.25, 0.5, 1 */
    size_t power_count;
    int product_only, coherence_only; /* SSG-CAM: default both combinations */
    int channel_too;                  /* SSG-CAM: offer channel weighting beside element weighting */
    int grid[2];                      /* height, width of the maps; default the network's input */
    int batch;                        /* images per network pass; 0: 4 */
    ssgcam_precision precision;
    size_t bank_memory; /* bytes; a larger bank is mapped from a file. Default 2 GiB */
    const char *cache;  /* folder where banks are kept; NULL: keep none */

    /* The search. */
    ssgcam_fitness fitness;
    ssgcam_threshold_mode threshold;
    uint64_t seed;
    uint64_t evaluations; /* per run; default 12800 divided by the number of runs */
    uint64_t stagnation;  /* end a run after that many generations without a better best; default none */
    ssgcam_evolve_adaptation adaptation;
    size_t population; /* default: as the adaptation wants, at most 128 and a twentieth of the evaluations, at least 16 */
    int runs; /* searches with seeds of their own; the recipe is the average of their best. With folds: for each of them. Default 2 with folds, else 1
               */
    /* Each run leaves one out; gives cross-validated figures. 1: none. At most as many as images, or as groups where images are in groups. Default,
     * if runs is 0 and 8 images or more are searched: 4, or the number of groups where that is less. */
    int folds;
    const double *shrink; /* 0 to 1, the share of naive stacking in the recipe. NULL: 0, 1/8 or 1/4, which cross-validates best; without folds 0 */
    /* Taken off a candidate's fitness for every layer in use. Each run's best mixture is then pruned on the run's images: while its fitness does not
     * fall, the layer that is worth least is dropped. Default 0: within a run fewer layers win ties. The mean of several runs has the rows of all of
     * them; only with a sparsity above 0 it is pruned too, on all searched images. */
    double sparsity;

    /* Files. */
    const char *out; /* the recipe; OUT without ".json" + ".log.jsonl" and ".checkpoint" stand beside it. NULL: no file is written */
    int fresh;       /* forget a checkpoint instead of continuing it */

    const int *stop;           /* polled; nonzero: write the checkpoint and return SSGCAM_ERR_INTERRUPTED. May be NULL */
    ssgcam_progress *on_image; /* while the bank is built; may be NULL */
    ssgcam_search_progress *on_generation;
    void *context;
} ssgcam_search_options;

typedef struct ssgcam_search_score {
    double mean_iou, foreground_iou, image_iou; /* as the fitness of that name */
    double object_miou, object_iou;             /* all classes as one object: mean of background and object, and the object's alone */
} ssgcam_search_score;

/* One line of the comparison. */
typedef struct ssgcam_search_entry {
    char *name;    /* "layer L", "best gradcam layer" (of a method), "naive gradcam, all layers", "best pair", "random search", "recipe" */
    char *rows;    /* what it mixes, e.g. "features.28 ssgcam sigma 4 product" */
    size_t layers; /* rows mixed */
    int threshold; /* best on the searched images */
    ssgcam_search_score searched, heldout;
} ssgcam_search_entry;

/* How far the recipe lies above what needs no search, in the figure that was optimised (for SSGCAM_FITNESS_IMAGE_IOU the data set's mean IoU): the
 * difference, and 95 % of it over 2000 bootstrap samples of the images, or of whole groups of them, both sides on the same sample. */
typedef struct ssgcam_search_gain {
    double difference, low, high;
} ssgcam_search_gain;

typedef struct ssgcam_search_result {
    ssgcam_recipe *recipe;
    ssgcam_search_entry *entries; /* the last one is the recipe, the one before the best of as many random candidates as the runs scored */
    size_t entry_count;
    size_t searched, heldout;               /* images; without held-out ones the heldout scores are zero */
    size_t searched_groups, heldout_groups; /* that the images are in; 0: none of them names a group */
    double interval[2][2];   /* 95 % bootstrap intervals of the recipe's figure that was optimised (see ssgcam_search_gain): searched, held out */
    double shrink;           /* the share of naive stacking in the recipe */
    int has_crossvalidation; /* folds: each image scored by the search that did not see it, nor its group */
    ssgcam_search_score crossvalidated;
    /* Over the best single layer and the best naive stacking of the mixed methods, both chosen on searched images: on held-out images, and (folds) on
     * searched ones by what was chosen without them. */
    ssgcam_search_gain over_layer, over_naive, crossvalidated_over_layer, crossvalidated_over_naive;
    uint64_t evaluations, generations; /* of all runs */
    ssgcam_evolve_stop stop;           /* why the last run ended */
    size_t bank_rows, bank_bytes;
    int bank_cached, bank_mapped, resumed;
    double bank_ms, search_ms, total_ms;
    ssgcam_search_gain over_random; /* on held-out images, over the random search's best candidate on the searched ones */
    /* The best single layer or naive stacking, if the recipe is not above it cross-validated (folds), or else on the searched images; of the two the
     * one that the recipe fares worse against. NULL: it is above both. */
    ssgcam_recipe *simpler;
} ssgcam_search_result;

/* Free the result with ssgcam_search_clear in all cases. Unusable data, an unreadable image or a checkpoint of another search: SSGCAM_ERR_INPUT;
 * options that make no sense: SSGCAM_ERR_ARGUMENT. */
SSGCAM_API ssgcam_status ssgcam_search_run(const ssgcam_search_options *options, ssgcam_search_result *result);

SSGCAM_API void ssgcam_search_clear(ssgcam_search_result *result);

SSGCAM_API ssgcam_status ssgcam_fitness_parse(const char *name, ssgcam_fitness *fitness); /* "miou", "foreground", "object", "image" */
SSGCAM_API const char *ssgcam_fitness_name(ssgcam_fitness fitness);

#ifdef __cplusplus
}
#endif
#endif
