/* ssgcam/device.h - where the arithmetic runs. */
#ifndef SSGCAM_DEVICE_H
#define SSGCAM_DEVICE_H

#include <ssgcam/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssg_device ssgcam_device;

/* Opens "cpu", "cuda" (the first GPU), "cuda:N", or "auto" (a usable GPU, else the CPU; NULL is auto); or several: "cuda:0,1", "cuda:all", "cpu,cpu"
 * (which divides the threads). Several share the images of ssgcam_generate_run, of evaluation from a model and of a search's bank, and change no byte
 * of the result; everything else runs on the first. threads: at most 1024; 0 uses all processors. A device may be shared by models; calls on one
 * device must not overlap. */
SSGCAM_API ssgcam_status ssgcam_device_open(ssgcam_device **out, const char *name, int threads);

SSGCAM_API void ssgcam_device_close(ssgcam_device **device);

/* In what the heavy operators compute; all sums are float32. A device that lacks one refuses it with a sentence. */
typedef enum ssgcam_precision {
    SSGCAM_PRECISION_FP32,    /* CPU with AVX-512: gradients of 3 x 3 convolutions by Winograd's transform (Lavin, Gray 2016) */
    SSGCAM_PRECISION_BF16,    /* CPU, where the processor has it; GPU tensor cores from compute capability 8.0 on */
    SSGCAM_PRECISION_TF32,    /* GPU tensor cores on float32 data */
    SSGCAM_PRECISION_FP16,    /* GPU tensor cores; a value beyond 65504 makes the image fail */
    SSGCAM_PRECISION_WINOGRAD /* CPU with AVX-512: float32, with that transform forward too: another 1.6 times as fast on VGG16, but max pools choose
                                 otherwise among values that are equal but for rounding */
} ssgcam_precision;

/* "fp32", "bf16", "tf32", "fp16", "winograd" and back; SSGCAM_ERR_ARGUMENT for another name. */
SSGCAM_API ssgcam_status ssgcam_precision_parse(const char *name, ssgcam_precision *precision);
SSGCAM_API const char *ssgcam_precision_name(ssgcam_precision precision);

/* What this machine and build offer, as JSON: processors and their instruction sets, GPUs, libraries with versions. Free with ssgcam_text_free
 * (recipe.h). */
SSGCAM_API ssgcam_status ssgcam_device_describe(char **json);

#ifdef __cplusplus
}
#endif
#endif
