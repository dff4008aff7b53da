/* common.h - what most commands share: their flags; loading the model, the data and the recipe from them; progress. */
#ifndef SSG_CLI_COMMON_H
#define SSG_CLI_COMMON_H

#include <math.h>
#include <ssgcam/ssgcam.h>
#include <stddef.h>

#include "host/cli/options.h"
#include "host/cli/run.h"

/* Flags of every command; the first member of each command's struct. */
typedef struct common_flags {
    const char *device, *precision;
    int threads, json, quiet, verbose, help;
} common_flags;

#define COMMON_OPTIONS                                                                                                                     \
    {NULL, 0, OPTION_HEADING, 0, NULL, "Everywhere:"},                                                                                     \
        {"device", 0, OPTION_TEXT, offsetof(common_flags, device), "NAME", "auto, cpu, cuda, cuda:N; several: cuda:0,1, cuda:all (auto)"}, \
        {"threads", 0, OPTION_COUNT, offsetof(common_flags, threads), "N", "threads on the CPU, at most 1024; 0: all processors (0)"},     \
        {"precision", 0,                                                                                                                   \
         OPTION_TEXT, offsetof(common_flags, precision),                                                                                   \
         "P",         "fp32; on GPUs tf32, bf16, fp16; on processors that have it bf16, winograd (fp32)"},                                 \
        {"json", 0, OPTION_FLAG, offsetof(common_flags, json), NULL, "print the result as JSON"},                                          \
        {"quiet", 'q', OPTION_FLAG, offsetof(common_flags, quiet), NULL, "no progress, no remarks"},                                       \
        {"verbose", 'v', OPTION_FLAG, offsetof(common_flags, verbose), NULL, "say more"},                                                  \
    {                                                                                                                                      \
        "help", 'h', OPTION_FLAG, offsetof(common_flags, help), NULL, "this text"                                                          \
    }

/* Flags that change how images become inputs. */
typedef struct preprocess_flags {
    const char *size, *resize, *mean, *std, *scale, *channels, *classes;
} preprocess_flags;

#define PREPROCESS_OPTIONS(type, member)                                                                                                         \
    {NULL, 0, OPTION_HEADING, 0, NULL, "Preprocessing (default: MODEL.json beside the model):"},                                                 \
        {"size", 0, OPTION_TEXT, offsetof(type, member) + offsetof(preprocess_flags, size), "HxW", "input size, e.g. 224 or 240x320"},           \
        {"resize", 0, OPTION_TEXT, offsetof(type, member) + offsetof(preprocess_flags, resize), "HOW", "stretch, crop, none (stretch)"},         \
        {"mean", 0, OPTION_TEXT, offsetof(type, member) + offsetof(preprocess_flags, mean), "A,B,C", "subtracted (0)"},                          \
        {"std", 0, OPTION_TEXT, offsetof(type, member) + offsetof(preprocess_flags, std), "A,B,C", "divided by (1)"},                            \
        {"scale", 0, OPTION_TEXT, offsetof(type, member) + offsetof(preprocess_flags, scale), "S", "pixels are multiplied by it first (1/255)"}, \
        {"channels", 0, OPTION_TEXT, offsetof(type, member) + offsetof(preprocess_flags, channels), "ORDER", "rgb, bgr, grey (rgb)"},            \
    {                                                                                                                                            \
        "class-names", 0, OPTION_TEXT, offsetof(type, member) + offsetof(preprocess_flags, classes), "FILE", "names of the classes, one a line"  \
    }

/* Flags that say which data. */
typedef struct data_flags {
    const char *data, *images, *labels, *voc, *split, *mask_values;
    int limit;
} data_flags;

#define DATA_OPTIONS(type, member)                                                                                                                   \
    {NULL, 0, OPTION_HEADING, 0, NULL, "Data (one of --data, --images, --voc):"}, {"data",                                                           \
                                                                                   0,                                                                \
                                                                                   OPTION_TEXT,                                                      \
                                                                                   offsetof(type, member) + offsetof(data_flags, data),              \
                                                                                   "DIR",                                                            \
                                                                                   "folder with data.csv (and classes.txt), or a csv file"},         \
        {"images", 0, OPTION_TEXT, offsetof(type, member) + offsetof(data_flags, images), "DIR", "folder of images"},                                \
        {"labels", 0, OPTION_TEXT, offsetof(type, member) + offsetof(data_flags, labels), "CSV", "their labels: image,labels (else the top class)"}, \
        {"voc", 0, OPTION_TEXT, offsetof(type, member) + offsetof(data_flags, voc), "DIR", "root of a data set laid out like PASCAL VOC"},           \
        {"split", 0, OPTION_TEXT, offsetof(type, member) + offsetof(data_flags, split), "NAME", "only this split"},                                  \
    {                                                                                                                                                \
        "limit", 0, OPTION_LEAST1, offsetof(type, member) + offsetof(data_flags, limit), "N", "only the first N images"                              \
    }

/* Flags that say what to compute. */
typedef struct method_flags {
    const char *recipe, *method, *layers, *weights, *combine, *weighting, *second_order, *target;
    double power, sigma, noise;
    int threshold, probes, samples, seed;
} method_flags;

enum { DEFAULT_THRESHOLD = 96, WEIGHTS_MOST = 64, MOST_POWER = 16 }; /* a recipe has no more layers, and no larger power */

/* What no option can be given as, so that it means: not given. */
#define METHOD_FLAGS_INIT                                                     \
    {                                                                         \
        .power = NAN, .sigma = NAN, .noise = NAN, .threshold = -1, .seed = -1 \
    }

#define METHOD_OPTIONS(type, member)                                                                                                                   \
    {NULL, 0, OPTION_HEADING, 0, NULL, "What to compute:"},                                                                                            \
        {"recipe", 'r', OPTION_TEXT, offsetof(type, member) + offsetof(method_flags, recipe), "FILE", "a recipe; or else:"},                           \
        {"method",    'm',                                                                                                                             \
         OPTION_TEXT, offsetof(type, member) + offsetof(method_flags, method),                                                                         \
         "NAME",      "ssgcam, gradcam, gradcampp, xgradcam, layercam, hirescam, gradcam_elementwise, smoothgradcampp, scorecam (ssgcam)"},            \
        {"layers", 'l', OPTION_TEXT, offsetof(type, member) + offsetof(method_flags, layers), "A,B", "layer names, or auto, all, last (auto)"},        \
        {"weights", 0, OPTION_TEXT, offsetof(type, member) + offsetof(method_flags, weights), "X,Y", "a weight for each layer (equal)"},               \
        {"power",     0,                                                                                                                               \
         OPTION_REAL, offsetof(type, member) + offsetof(method_flags, power),                                                                          \
         "X",         "every layer's map is raised to it before they are mixed (1)"},                                                                  \
        {"threshold", 't',                                                                                                                             \
         OPTION_BYTE, offsetof(type, member) + offsetof(method_flags, threshold),                                                                      \
         "T",         "0..255: a class claims where 255 f > T max f (96)"},                                                                            \
        {"sigma", 0, OPTION_REAL, offsetof(type, member) + offsetof(method_flags, sigma), "S", "ssgcam: smoothing in pixels of the layer (2)"},        \
        {"combine", 0, OPTION_TEXT, offsetof(type, member) + offsetof(method_flags, combine), "HOW", "ssgcam: product, coherence (product)"},          \
        {"weighting", 0, OPTION_TEXT, offsetof(type, member) + offsetof(method_flags, weighting), "HOW", "ssgcam: element, channel (element)"},        \
        {"second-order", 0, OPTION_TEXT, offsetof(type, member) + offsetof(method_flags, second_order), "HOW", "ssgcam: square, exact (square)"},      \
        {"probes", 0, OPTION_LEAST1, offsetof(type, member) + offsetof(method_flags, probes), "N", "exact second order: Hessian-vector products (8)"}, \
        {"target",    0,                                                                                                                               \
         OPTION_TEXT, offsetof(type, member) + offsetof(method_flags, target),                                                                         \
         "WHAT",      "what is differentiated: logit, logsoftmax, softmax, rest (logit)"},                                                             \
        {"samples", 0, OPTION_LEAST1, offsetof(type, member) + offsetof(method_flags, samples), "N", "smoothgradcampp: noisy inputs (8)"},             \
        {"noise",     0,                                                                                                                               \
         OPTION_REAL, offsetof(type, member) + offsetof(method_flags, noise),                                                                          \
         "S",         "smoothgradcampp: deviation, as a part of the input's range (0.15)"},                                                            \
    {                                                                                                                                                  \
        "seed", 0, OPTION_COUNT, offsetof(type, member) + offsetof(method_flags, seed), "S", "of probes and noise (0)"                                 \
    }

/* What most commands work on. */
typedef struct inputs {
    ssgcam_device *device;
    ssgcam_model *model;
    ssgcam_recipe *recipe;
    ssgcam_dataset *data;
    ssgcam_precision precision;
} inputs;

/* Opens and loads what is asked for, in that order: `path` NULL: no device, model and recipe; `method` NULL: no recipe; `data`
 * NULL: no data set. Close in all cases. */
ssgcam_status inputs_open(inputs *in, const char *path, const common_flags *common, const preprocess_flags *preprocess, const method_flags *method,
                          const data_flags *data);
void inputs_close(inputs *in);

/* Each opens or loads one thing and fails with the library's sentence. */
ssgcam_status open_device(ssgcam_device **device, const common_flags *flags);
ssgcam_status load_model(ssgcam_model **model, const char *path, const preprocess_flags *flags);
ssgcam_status load_data(ssgcam_dataset **data, const data_flags *flags, const ssgcam_model *model);
ssgcam_status load_method(ssgcam_method_options *method, const method_flags *flags);
ssgcam_status load_recipe(ssgcam_recipe **recipe, const method_flags *flags, const ssgcam_model *model);
ssgcam_status parse_precision(const common_flags *flags, ssgcam_precision *precision);

/* "1,2.5,3" of --FLAG, at most `most` numbers; NULL: none. */
ssgcam_status parse_numbers(const char *flag, const char *text, double *numbers, size_t most, size_t *count);

/* Where the text of --FLAG is among `names`, which end with NULL; a text of NULL is the first. */
ssgcam_status choose(int *chosen, const char *flag, const char *text, const char *const *names);

/* A progress line: one that is rewritten on a terminal, one a minute elsewhere; failures are listed at once. */
typedef struct progress {
    const char *unit; /* "images" */
    int quiet, terminal, shown;
    double started, last;
} progress;

void progress_start(progress *p, const char *unit, const common_flags *flags);
void progress_show(void *context, size_t done, size_t total, const char *id, const char *failure); /* an ssgcam_progress */
void progress_end(progress *p);

#endif
