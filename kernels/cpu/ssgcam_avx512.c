/* SSG-CAM of 16 channels at a time, compiled for AVX-512. */
#define LANES 16
#define RUN   ssg_smooth_sixteen
#define VERSIONS
#include "kernels/cpu/ssgcam.inc"
