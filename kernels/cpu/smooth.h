/* smooth.h - SSG-CAM's maps of sixteen channels at a time, from one smoothing of their gradients. */
#ifndef SSG_KERNELS_CPU_SMOOTH_H
#define SSG_KERNELS_CPU_SMOOTH_H

#include "kernels/cpu/lines.h"
#include "kernels/gaussian.h"

/* What is made from one smoothing: element-wise weights give a map as strips of four lines, [strip][x][line]; channel-wise weights give it line by
 * line. */
enum { SSG_STRIP = 4, SSG_SMOOTH_CHANNELS = 16, SSG_SMOOTH_TILE = 32 };
enum { SSG_ELEMENT_PRODUCT, SSG_ELEMENT_COHERENCE, SSG_CHANNEL_PRODUCT, SSG_CHANNEL_COHERENCE, SSG_SMOOTH_OUTPUTS };

typedef struct ssg_smooth {
    const ssg_features *a, *g;
    const float *second; /* NULL: h = g g */
    int wanted[SSG_SMOOTH_OUTPUTS];
    int wide; /* sixteen channels side by side, not eight */
    size_t radius;
    float taps[SSG_GAUSSIAN_MOST_TAPS + 2 * (SSG_STRIP - 1)]; /* three zeros before and behind */
} ssg_smooth;

static inline size_t ssg_strips_floats(const ssg_features *a)
{
    return (a->height + SSG_STRIP - 1) / SSG_STRIP * SSG_STRIP * a->width;
}

void ssg_smooth_init(ssg_smooth *smooth, double sigma, const ssg_features *a, const ssg_features *g, const float *second);

/* Adds the chunk-th sixteen channels to the maps that are wanted. `area`: ssg_smooth_area_floats of memory. */
size_t ssg_smooth_area_floats(const ssg_features *a);
void ssg_smooth_chunk(const ssg_smooth *smooth, size_t row, size_t chunk, float *area, float *const maps[SSG_SMOOTH_OUTPUTS]);

/* Lines that are smoothed horizontally at once for four outputs. */
size_t ssg_smooth_ring_lines(size_t height, size_t radius);

/* ssgcam.inc: the channels from `first` on, 8 or 16 of them, into the maps of element-wise weights; sums of W by channel for the others. */
typedef void ssg_smooth_lanes(const ssg_smooth *smooth, size_t row, size_t first, float *area, float *const maps[SSG_SMOOTH_OUTPUTS],
                              double *const sums[2]);
ssg_smooth_lanes ssg_smooth_eight, ssg_smooth_sixteen;

#endif
