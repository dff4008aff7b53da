/* SSG-CAM of eight channels at a time, and the choice between that and sixteen. */
#define LANES 8
#define RUN   ssg_smooth_eight
#include "kernels/cpu/ssgcam.inc"

#ifdef SSG_SIXTEEN
static ssg_smooth_lanes *const sixteen = ssg_smooth_sixteen;
#else
static ssg_smooth_lanes *const sixteen = NULL;
#endif

void ssg_smooth_init(ssg_smooth *s, double sigma, const ssg_features *a, const ssg_features *g, const float *second)
{
    *s = (ssg_smooth){.a = a, .g = g, .second = second, .wide = a->block != SSG_LANES && sixteen};
    s->radius = (size_t)ssg_gaussian_taps(s->taps + PAD, sigma);
}

size_t ssg_smooth_ring_lines(size_t height, size_t radius)
{
    size_t window = 2 * radius + AT_ONCE;
    return window < height ? window : height;
}

/* For the largest radius: buffers for six lines (g, h, and A for four outputs), two extended tile lines, two rings. */
size_t ssg_smooth_area_floats(const ssg_features *a)
{
    size_t extended = TILE + 2 * SSG_GAUSSIAN_MOST_RADIUS, ring = ssg_smooth_ring_lines(a->height, SSG_GAUSSIAN_MOST_RADIUS) * TILE;
    return ((2 + AT_ONCE) * a->width + 2 * extended + 2 * ring) * SSG_SMOOTH_CHANNELS;
}

/* The mean of W over space weighs the channel. */
static void add_weighted(const ssg_smooth *s, size_t row, size_t first, const double sums[SSG_SMOOTH_CHANNELS], float *buffer, float *map)
{
    float weights[SSG_SMOOTH_CHANNELS];
    for (size_t l = 0; l < SSG_SMOOTH_CHANNELS; l++) weights[l] = (float)(sums[l] / (double)(s->a->height * s->a->width));
    for (size_t l = 0; l < SSG_SMOOTH_CHANNELS && first + l < s->a->channels; l += SSG_LANES)
        ssg_add_weighted_chunk(s->a, row % s->a->rows, first + l, weights + l, buffer, map);
}

void ssg_smooth_chunk(const ssg_smooth *s, size_t row, size_t chunk, float *area, float *const maps[SSG_SMOOTH_OUTPUTS])
{
    double sums[2][SSG_SMOOTH_CHANNELS] = {{0}};
    size_t first = chunk * SSG_SMOOTH_CHANNELS, step = s->wide ? SSG_SMOOTH_CHANNELS : SSG_LANES;
    for (size_t l = 0; l < SSG_SMOOTH_CHANNELS && first + l < s->a->channels; l += step)
        (s->wide ? sixteen : ssg_smooth_eight)(s, row, first + l, area, maps, (double *[]){sums[0] + l, sums[1] + l});
    for (size_t i = 0; i < 2; i++)
        if (s->wanted[SSG_CHANNEL_PRODUCT + i]) add_weighted(s, row, first, sums[i], area, maps[SSG_CHANNEL_PRODUCT + i]);
}
