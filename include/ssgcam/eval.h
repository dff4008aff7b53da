/* ssgcam/eval.h - how good masks are, and boxes around what the maps show. */
#ifndef SSGCAM_EVAL_H
#define SSGCAM_EVAL_H

#include <stdint.h>

#include <ssgcam/generate.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssgcam_eval_options {
    const ssgcam_dataset *data; /* items without a mask (or boxes) are left out */
    /* How the true masks are read: "classes" (default: 0 background, c + 1 class c, 255 ignored), "object" (any other value is the image's one
     * label), "object>=N" (values from N on); or "boxes": no masks, every pixel of a box is of its class, where boxes overlap of the smaller one's;
     * or "ellipses": the same with the ellipse that fits into a box. */
    const char *mask_values;
    /* Either masks made before: FOLDER/ID.png with 0 background, c + 1 class c (255 is an error) ... */
    const char *predictions;
    /* ... or maps made before: FOLDER/ID.CLASS.npy, or FOLDER/ID.npy for an image with one label; two dimensions, any size, of the whole image
     * or of the part that FOLDER/input.json tells (ssgcam_generate_run writes it, docs/pixels.md). `threshold` 0..255 as a recipe has it ... */
    const char *maps;
    int threshold;
    /* ... or made now, from a recipe. With maps the whole threshold curve is known, and how well they rank pixels. */
    ssgcam_device *device;
    const ssgcam_model *model;
    const ssgcam_recipe *recipe;
    int batch; /* images per network pass; 0: 4, on a GPU 16 */
    ssgcam_precision precision;
    const int *stop;
    ssgcam_progress *progress;
    void *context;
    int threads; /* that score masks or maps made before, at most 1024; 0: all processors. From a model: those of `device` */
} ssgcam_eval_options;

enum { SSGCAM_THRESHOLDS = 256, SSGCAM_PIXEL_THRESHOLDS = 1001 };

/* Pixel counts are taken at each image's own size; truth 255 is ignored. */
typedef struct ssgcam_eval_result {
    size_t images, failed;
    size_t class_count;    /* labels are 0 (background) and c + 1 */
    uint64_t *confusion;   /* [truth][prediction], (class_count + 1) squared, at the threshold used */
    double *iou;           /* per label; NaN where the label occurs in neither truth nor prediction */
    double mean_iou;       /* over the labels that occur, background included (the usual mIoU) */
    double foreground_iou; /* the same without background */
    double object_iou;     /* of any class against background: one object, whatever it is called */
    double object_mean;    /* mean of that and the IoU of background: the mIoU of a two-label task */
    int threshold;         /* used; -1 for masks made before */
    int has_curve;
    double curve_mean[SSGCAM_THRESHOLDS], curve_foreground[SSGCAM_THRESHOLDS], curve_object_mean[SSGCAM_THRESHOLDS]; /* at every threshold */
    int best_threshold; /* of curve_mean, the lowest among equals */
    /* With a curve: maps of the image's classes, each scaled to 0..1 between its least and greatest value, against the pixels of that class; a pixel
     * is found at threshold k / 1000 where the map is at least that. One curve over all pixels of the set (docs/pixels.md). */
    double px_ap;                                                                     /* PxAP, 0 to 1; NaN if no pixel is of its map's class */
    double px_precision[SSGCAM_PIXEL_THRESHOLDS], px_recall[SSGCAM_PIXEL_THRESHOLDS]; /* precision NaN where nothing is found */
    ssgcam_generate_result work;
} ssgcam_eval_result;

/* SSGCAM_ERR_PARTIAL if some images could not be scored; the result covers the others. Free the result with ssgcam_eval_clear in all cases. */
SSGCAM_API ssgcam_status ssgcam_eval_masks(const ssgcam_eval_options *options, ssgcam_eval_result *result);

SSGCAM_API void ssgcam_eval_clear(ssgcam_eval_result *result);

/* ---- boxes: weakly supervised localisation ------------------------------------------------------------------------------------------------ */

typedef struct ssgcam_boxes_options {
    const ssgcam_dataset *data; /* items without boxes are left out */
    /* Either maps made before: FOLDER/ID.CLASS.npy, or FOLDER/ID.npy for an image with one class; two dimensions, any size; of the
     * whole image or of the part that FOLDER/input.json tells ... */
    const char *maps;
    /* ... or made now, from a recipe (its threshold plays no part). */
    ssgcam_device *device;
    const ssgcam_model *model;
    const ssgcam_recipe *recipe;
    int batch; /* images per network pass; 0: 4, on a GPU 16 */
    ssgcam_precision precision;
    const int *stop;
    ssgcam_progress *progress;
    void *context;
    int threads; /* that score maps made before, as above */
} ssgcam_boxes_options;

enum { SSGCAM_BOX_DELTAS = 3, SSGCAM_BOX_THRESHOLDS = 255 };

/* Index 0, 1, 2: a hit needs an IoU of at least 0.3, 0.5, 0.7. The threshold tau runs over 0..254 of a map scaled to 0..255 between its least and
 * greatest value. GT-known: the map is that of a true class, whatever the network would have answered. */
typedef struct ssgcam_boxes_result {
    size_t images, failed;
    size_t maps;                                                      /* pairs of an image and a class of it that has boxes */
    double largest[SSGCAM_BOX_DELTAS][SSGCAM_BOX_THRESHOLDS];         /* share of maps whose largest contour's box hits */
    double any[SSGCAM_BOX_DELTAS][SSGCAM_BOX_THRESHOLDS];             /* share of maps where any contour's box hits */
    int best_largest[SSGCAM_BOX_DELTAS], best_any[SSGCAM_BOX_DELTAS]; /* the threshold that suits best, the lowest among equals */
    int has_answers; /* maps made now: what the network answered is known, and the next two curves are filled */
    double top1[SSGCAM_BOX_THRESHOLDS], top5[SSGCAM_BOX_THRESHOLDS]; /* as `largest` at IoU 0.5, and the class is the network's first, or among
                                                                        its first five: Top-1 and Top-5 localisation */
    int best_top1, best_top5;
    double max_box_acc;    /* `largest` at IoU 0.5, at its best threshold: MaxBoxAcc, or GT-known localisation */
    double max_box_acc_v2; /* mean over the three IoUs of `any`, each at its best threshold: MaxBoxAccV2 */
    ssgcam_generate_result work;
} ssgcam_boxes_result;

/* As ssgcam_eval_masks; protocol and conventions: Choe et al., CVPR 2020 (docs/boxes.md). Thresholds are chosen on the truth, as that protocol has
 * it: choose on one split, report on another. */
SSGCAM_API ssgcam_status ssgcam_eval_boxes(const ssgcam_boxes_options *options, ssgcam_boxes_result *result);

/* ---- perturbation: does the network need what a map points at? -------------------------------------------------------------------------- */

typedef enum ssgcam_perturb_fill {
    SSGCAM_PERTURB_BLUR, /* the image smoothed by a Gaussian */
    SSGCAM_PERTURB_MEAN, /* the image's mean colour */
    SSGCAM_PERTURB_ZERO, /* zero after preprocessing: the mean colour of the training data where `mean` is set */
    SSGCAM_PERTURB_ROAD  /* what the pixels around say, with noise: remove and debias (Rong et al., ICML 2022) */
} ssgcam_perturb_fill;

typedef enum ssgcam_perturb_order {
    SSGCAM_PERTURB_MOST_FIRST, /* pixels by the map, the greatest value first; equal values in reading order */
    SSGCAM_PERTURB_LEAST_FIRST,
    SSGCAM_PERTURB_RANDOM /* whatever the map says: what the figures of a map that knows nothing would be */
} ssgcam_perturb_order;

enum { SSGCAM_PERTURB_STEPS_MOST = 100 };

typedef struct ssgcam_perturb_options {
    const ssgcam_dataset *data; /* every label of every image; images without labels are left out */
    const char *maps; /* FOLDER/ID.CLASS.npy, or FOLDER/ID.npy for an image with one label; any size, of what the network sees (a FOLDER/input.json
                         that tells of something else is refused) */
    ssgcam_device *device;
    const ssgcam_model *model;
    ssgcam_perturb_fill fill;
    ssgcam_perturb_order order;
    double blur;   /* sigma in pixels of the network's input; 0: 10 */
    double noise;  /* of SSGCAM_PERTURB_ROAD: standard deviation, in the unit of the preprocessed image; 0: 0.01, below 0: none */
    int steps;     /* 1 (SSGCAM_PERTURB_ROAD: 2) to SSGCAM_PERTURB_STEPS_MOST; 0: 10 */
    uint64_t seed; /* of the random order and the noise */
    ssgcam_precision precision;
    const int *stop;
    ssgcam_progress *progress;
    void *context;
} ssgcam_perturb_options;

/* Entry i: with i / steps of the pixels replaced (deletion), or with only they kept (insertion). Probability: softmax of the class scores. */
typedef struct ssgcam_perturb_curve {
    double probability[SSGCAM_PERTURB_STEPS_MOST + 1]; /* mean, of the label's class */
    double accuracy[SSGCAM_PERTURB_STEPS_MOST + 1];    /* share of maps whose class is the network's first answer */
    double area;                                       /* under `probability`, by trapezoids: 0 to 1 */
} ssgcam_perturb_curve;

typedef struct ssgcam_perturb_result {
    size_t images, failed, maps; /* maps: pairs of an image and a label */
    int steps;
    ssgcam_perturb_curve deletion, insertion; /* a good map: deletion falls early (small area), insertion rises early (large area) */
    double road;                              /* with SSGCAM_PERTURB_ROAD: half of insertion less deletion, the mean over all parts but 0 and 1 */
    double average_drop;     /* of the probability when the image is multiplied by the map: mean of max(0, before - after) / before */
    double average_increase; /* share of maps with which the probability is greater than without */
    /* What was asked for, defaults filled in: figures of other settings cannot be compared. */
    ssgcam_perturb_fill fill;
    ssgcam_perturb_order order;
    double blur, noise; /* 0 unless `fill` uses it */
    uint64_t seed;
} ssgcam_perturb_result;

/* Deletion and insertion curves (Petsiuk et al., RISE, BMVC 2018) with a choice of what pixels are replaced by; deletion with blur is the accuracy
 * that is left when the highlighted region is blurred. Average drop and increase: Chattopadhay et al., Grad-CAM++, WACV 2018; the map is scaled to
 * 0..1 between its least and greatest value. Formulas: docs/perturb.md. Returns as ssgcam_eval_masks. */
SSGCAM_API ssgcam_status ssgcam_eval_perturb(const ssgcam_perturb_options *options, ssgcam_perturb_result *result);

/* ---- files ---------------------------------------------------------------------------------------------------------------------------------- */

typedef struct ssgcam_curve {
    const char *name; /* of the column */
    const double *values;
} ssgcam_curve;

/* Writes curves of `rows` points as CSV, whole or not at all (SSGCAM_ERR_IO). The first column is called `first` and holds row * unit. */
SSGCAM_API ssgcam_status ssgcam_curves_write(const char *path, const char *first, double unit, size_t rows, const ssgcam_curve *curves, size_t count);

#ifdef __cplusplus
}
#endif
#endif
