/* ssgcam/preprocess.h - from an image file to what the network wants to see: MODEL.json beside the model, or flags. */
#ifndef SSGCAM_PREPROCESS_H
#define SSGCAM_PREPROCESS_H

#include <stddef.h>

#include <ssgcam/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SSGCAM_SIDE_MOST = 1 << 14 }; /* pixels of a side of a network's input, at most */

typedef enum ssgcam_channels { SSGCAM_CHANNELS_RGB, SSGCAM_CHANNELS_BGR, SSGCAM_CHANNELS_GREY } ssgcam_channels;

typedef enum ssgcam_resize {
    SSGCAM_RESIZE_STRETCH, /* to exactly `size`, ignoring the aspect ratio: every pixel of the image gets a label */
    SSGCAM_RESIZE_CROP,    /* the shorter side to size, then the centre */
    SSGCAM_RESIZE_NONE     /* the image must already have the size */
} ssgcam_resize;

/* value = (pixel * scale - mean[c]) / std[c], channel order as in `channels`. */
typedef struct ssgcam_preprocess {
    int size[2]; /* height, width; 0 0: what the model declares, else 224 224 */
    ssgcam_resize resize;
    ssgcam_channels channels;
    double scale; /* default 1/255 */
    double mean[3], std[3];
    char **classes; /* names, or NULL */
    size_t class_count;
} ssgcam_preprocess;

/* The defaults: stretch, RGB, 1/255, mean 0, std 1, no class names. */
SSGCAM_API void ssgcam_preprocess_init(ssgcam_preprocess *preprocess);

/* Reads MODEL.json beside `model_path` (model.onnx -> model.json) into an initialised struct; without such a file nothing changes. Fields: size (a
 * number or [height, width]), resize
 * ("stretch" | "crop" | "none"), mean, std (a number or a list), scale, channels ("rgb" | "bgr" | "grey"), classes (a list of names, or the name of a
 * text file beside it with one name a line). An unknown field or a wrong value is SSGCAM_ERR_INPUT with file, field and remedy. */
SSGCAM_API ssgcam_status ssgcam_preprocess_load(ssgcam_preprocess *preprocess, const char *model_path);

/* The same from JSON text; `path` is used in messages and to find a file of class names. */
SSGCAM_API ssgcam_status ssgcam_preprocess_parse(ssgcam_preprocess *preprocess, const char *text, size_t size, const char *path);

/* Sets one field from text as a flag gives it: "size" "240x240" or "224", "resize" "crop", "mean" "0.485,0.456,0.406", "std", "scale", "channels",
 * "classes" FILE. */
SSGCAM_API ssgcam_status ssgcam_preprocess_set(ssgcam_preprocess *preprocess, const char *field, const char *text);

/* "stretch", "crop", "none", and "rgb", "bgr", "grey", as MODEL.json has them; "unknown" for what is no value of the enum. */
SSGCAM_API const char *ssgcam_resize_name(ssgcam_resize resize);
SSGCAM_API const char *ssgcam_channels_name(ssgcam_channels channels);

/* Frees what the struct owns and leaves it initialised. */
SSGCAM_API void ssgcam_preprocess_clear(ssgcam_preprocess *preprocess);

#ifdef __cplusplus
}
#endif
#endif
