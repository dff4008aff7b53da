/* ssgcam/eval.h - how good masks are. */
#ifndef SSGCAM_EVAL_H
#define SSGCAM_EVAL_H

#include <stdint.h>

#include <ssgcam/generate.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssgcam_eval_options {
    const ssgcam_dataset *data; /* items without a mask are left out */
    const char *mask_values;    /* how the true masks are read: "classes" (default), "object", "object>=N" (dataset.h, README) */
    /* Either masks made before: FOLDER/ID.png with 0 background, c + 1 class c (255 is an error) ... */
    const char *predictions;
    /* ... or made now, from a recipe; then the whole threshold curve is known. */
    ssgcam_device *device;
    const ssgcam_model *model;
    const ssgcam_recipe *recipe;
    int batch;
    ssgcam_precision precision;
    const int *stop;
    ssgcam_progress *progress;
    void *context;
} ssgcam_eval_options;

enum { SSGCAM_THRESHOLDS = 256 };

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
    int threshold;         /* used: the recipe's; -1 for masks made before */
    int has_curve;
    double curve_mean[SSGCAM_THRESHOLDS], curve_foreground[SSGCAM_THRESHOLDS], curve_object_mean[SSGCAM_THRESHOLDS]; /* at every threshold */
    int best_threshold; /* of curve_mean, the lowest among equals */
    ssgcam_generate_result work;
} ssgcam_eval_result;

/* SSGCAM_ERR_PARTIAL if some images could not be scored; the result covers the others. Free the result with ssgcam_eval_clear in all cases. */
SSGCAM_API ssgcam_status ssgcam_eval_masks(const ssgcam_eval_options *options, ssgcam_eval_result *result);

SSGCAM_API void ssgcam_eval_clear(ssgcam_eval_result *result);

#ifdef __cplusplus
}
#endif
#endif
