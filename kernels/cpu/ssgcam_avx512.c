/* SSG-CAM of 16 channels at a time, for the set of AVX-512. */
#define LANES 16
#define RUN   ssg_smooth_sixteen
#include "kernels/cpu/ssgcam.inc"
