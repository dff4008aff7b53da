/* ssgcam/device.h - where the arithmetic runs. */
#ifndef SSGCAM_DEVICE_H
#define SSGCAM_DEVICE_H

#include <ssgcam/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssg_device ssgcam_device;

/* Opens "cpu", "cuda", "cuda:N" or "auto" (a usable GPU, else the CPU; NULL is auto). threads: 0 uses all processors. A device may be shared by
 * models; calls on one device must not overlap. */
SSGCAM_API ssgcam_status ssgcam_device_open(ssgcam_device **out, const char *name, int threads);

SSGCAM_API void ssgcam_device_close(ssgcam_device **device);

/* What this machine and build offer, as JSON: processors and their instruction sets, GPUs, libraries with versions. Free with ssgcam_text_free
 * (recipe.h). */
SSGCAM_API ssgcam_status ssgcam_device_describe(char **json);

#ifdef __cplusplus
}
#endif
#endif
