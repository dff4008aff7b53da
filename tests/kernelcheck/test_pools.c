/* test_pools.c - pools of planes, which blocks take from shared memory, on a device: bit for bit those of the same images with channels
 * side by side, which are taken from device memory (and compared with PyTorch elsewhere). */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cuda/net.h"
#include "tests/kernelcheck/bodies.h"
#ifdef KERNELCHECK_SIMULATED
#include "tests/cudasim/sim.h"
#endif

enum { IMAGES = 2, CHANNELS = 3, PLANES = IMAGES * CHANNELS };

static const struct {
    const char *what;
    int64_t H, W, kernel[2], stride[2], dilation[2], pads[4];
    int ceil_mode, include_pad;
} table[] = {
    {"halves", 56, 56, {2, 2}, {2, 2}, {1, 1}, {0}, 0, 0},
    {"neighbours", 28, 28, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 0, 0},
    {"odd, overlapping", 57, 43, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}, 0, 1},
    {"pads on one side", 15, 23, {3, 2}, {2, 1}, {1, 1}, {0, 1, 1, 0}, 0, 1},
    {"ceil_mode", 16, 22, {3, 3}, {2, 2}, {1, 1}, {1, 0, 1, 0}, 1, 1},
    {"ceil_mode, uncounted", 20, 17, {3, 2}, {3, 3}, {1, 1}, {1, 0, 1, 1}, 1, 0},
    {"thirds", 31, 29, {3, 3}, {3, 3}, {1, 1}, {0}, 0, 0},
    {"strides that differ", 33, 40, {5, 3}, {1, 4}, {1, 1}, {2, 1, 2, 1}, 0, 0},
    {"stride beyond the kernel", 40, 37, {2, 2}, {3, 3}, {1, 1}, {0}, 0, 0},
    {"dilated", 30, 26, {3, 2}, {1, 2}, {2, 3}, {2, 1, 2, 1}, 0, 0},
    {"windows outside", 20, 21, {2, 2}, {2, 1}, {1, 1}, {3, 4, 3, 4}, 0, 1},
    {"several parts", 150, 90, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 0, 0},
    {"several parts, strided", 131, 200, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}, 0, 1},
    {"a large window", 14, 14, {9, 9}, {1, 1}, {1, 1}, {4, 4, 4, 4}, 0, 0},
    {"the whole plane", 9, 9, {9, 9}, {1, 1}, {1, 1}, {0}, 0, 0},
    {"rows beyond shared memory", 5, 3000, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 0, 0},
    {"wider than any tile", 2, 4100, {2, 2}, {1, 1}, {1, 1}, {1, 0, 0, 0}, 0, 0},
    {"windows wider than any tile", 2, 40, {2, 2}, {1, 1}, {1, 4100}, {1, 4100, 0, 0}, 0, 0},
};
enum { SHAPES = sizeof table / sizeof *table };

static int64_t outputs(size_t shape, int axis)
{
    int64_t extent = (table[shape].kernel[axis] - 1) * table[shape].dilation[axis] + 1, stride = table[shape].stride[axis];
    int64_t room = (axis ? table[shape].W : table[shape].H) + table[shape].pads[axis] + table[shape].pads[2 + axis] - extent;
    return (room + (table[shape].ceil_mode ? stride - 1 : 0)) / stride + 1;
}

static ssg_net_pool pool_of(size_t shape, int last)
{
    ssg_net_pool p = {.H = table[shape].H,
                      .W = table[shape].W,
                      .h = outputs(shape, 0),
                      .w = outputs(shape, 1),
                      .planes = last ? IMAGES : PLANES,
                      .inner = last ? CHANNELS : 1,
                      .saved_planes = last ? 1 : CHANNELS, /* two classes of one image */
                      .count_include_pad = table[shape].include_pad};
    memcpy(p.kernel, table[shape].kernel, sizeof p.kernel);
    memcpy(p.stride, table[shape].stride, sizeof p.stride);
    memcpy(p.dilation, table[shape].dilation, sizeof p.dilation);
    memcpy(p.pads, table[shape].pads, sizeof p.pads);
    return p;
}

/* Bits of an element: many equal ones, zeros of both signs, stretches of minus infinity, a few that are not a number. */
static uint32_t bits_of(size_t i, ssg_element type)
{
    enum { ONE, TWO, LESS, ZERO, MINUS_ZERO, LEAST, NONE, KINDS };
    static const uint32_t special[][KINDS] = {
        [SSG_ELEMENT_F32] = {0x3f800000, 0x40000000, 0xbfa00000, 0, 0x80000000, 0xff800000, 0x7fc00000},
        [SSG_ELEMENT_BF16] = {0x3f80, 0x4000, 0xbfa0, 0, 0x8000, 0xff80, 0x7fc0},
        [SSG_ELEMENT_F16] = {0x3c00, 0x4000, 0xbd00, 0, 0x8000, 0xfc00, 0x7e00},
    };
    uint32_t random = (uint32_t)i * 2654435761u >> 8;
    if (i / 150 % 7 == 3) return special[type][LEAST];
    if (random % 501 == 0) return special[type][NONE];
    if (random % 3 == 0) return special[type][random / 3 % LEAST];
    return special[type][ONE] + random % (type == SSG_ELEMENT_F32 ? 1u << 20 : 100);
}

static size_t element_bytes(ssg_element type)
{
    return type == SSG_ELEMENT_F32 ? 4 : 2;
}

/* Planes of `pixels` to channels side by side. */
static void *turned(const void *planes, size_t pixels, size_t bytes)
{
    char *last = malloc(PLANES * pixels * bytes);
    for (size_t i = 0; i < PLANES * pixels; i++) {
        size_t image = i / pixels / CHANNELS, channel = i / pixels % CHANNELS, pixel = i % pixels;
        memcpy(last + ((image * pixels + pixel) * CHANNELS + channel) * bytes, (const char *)planes + i * bytes, bytes);
    }
    return last;
}

static void *elements(size_t pixels, ssg_element type)
{
    size_t bytes = element_bytes(type);
    char *planes = malloc(PLANES * pixels * bytes);
    for (size_t i = 0; i < PLANES * pixels; i++) {
        uint32_t bits = bits_of(i, type); /* the device is little-endian, and so is the host */
        memcpy(planes + i * bytes, &bits, bytes);
    }
    return planes;
}

/* What both passes of both pools give, on the host: planes, or channels side by side. */
enum { MAXIMA, POSITIONS, MAXIMA_BACK, MEANS, MEANS_BACK, RESULTS };
typedef struct results {
    void *of[RESULTS];
    size_t pixels[RESULTS], bytes[RESULTS];
} results;

static results run(const body *b, size_t shape, ssg_element type, const void *x, const void *dy, int last)
{
    ssg_net_pool p = pool_of(shape, last);
    size_t large = (size_t)(p.H * p.W), small = (size_t)(p.h * p.w), bytes = element_bytes(type);
    results r = {.pixels = {small, small, large, small, large}, .bytes = {bytes, sizeof(int32_t), bytes, bytes, bytes}};
    void *in = b->make(b, x, PLANES * large * bytes), *gradient = b->make(b, dy, PLANES * small * bytes), *out[RESULTS];
    for (int i = 0; i < RESULTS; i++) out[i] = b->make(b, NULL, PLANES * r.pixels[i] * r.bytes[i]);
    ssg_net_maxpool(&b->run, type, &p, out[MAXIMA], out[POSITIONS], in);
    ssg_net_maxpool_backward(&b->run, type, &p, out[MAXIMA_BACK], gradient, out[POSITIONS]);
    if (p.dilation[0] == 1 && p.dilation[1] == 1) { /* averages know no others */
        ssg_net_avgpool(&b->run, type, &p, out[MEANS], in);
        ssg_net_avgpool_backward(&b->run, type, &p, out[MEANS_BACK], gradient);
    }
    for (int i = 0; i < RESULTS; i++) {
        size_t size = PLANES * r.pixels[i] * r.bytes[i];
        r.of[i] = calloc(1, size);
        if (i < MEANS || (p.dilation[0] == 1 && p.dilation[1] == 1)) b->fetch(b, r.of[i], out[i], size);
        b->drop(b, out[i]);
    }
    b->drop(b, in);
    b->drop(b, gradient);
    return r;
}

static void check(const body *b, size_t shape, ssg_element type)
{
    static const char *const names[] = {"maxima", "positions", "their gradient", "averages", "their gradient"};
    ssg_net_pool p = pool_of(shape, 0);
    size_t large = (size_t)(p.H * p.W), small = (size_t)(p.h * p.w), bytes = element_bytes(type);
    void *x = elements(large, type), *dy = elements(small, type), *x_last = turned(x, large, bytes), *dy_last = turned(dy, small, bytes);
    results planes = run(b, shape, type, x, dy, 0), last = run(b, shape, type, x_last, dy_last, 1);
    for (int i = 0; i < RESULTS; i++) {
        void *expected = turned(planes.of[i], planes.pixels[i], planes.bytes[i]);
        cr_expect_eq(memcmp(expected, last.of[i], PLANES * planes.pixels[i] * planes.bytes[i]), 0, "%s, type %d: %s differ", table[shape].what, type,
                     names[i]);
        free(expected);
        free(planes.of[i]);
        free(last.of[i]);
    }
    free(x);
    free(dy);
    free(x_last);
    free(dy_last);
}

Test(pools, planes_have_the_bits_of_channels_side_by_side, .timeout = 240)
{
    body b = body_cuda(0);
    for (size_t i = 0; i < SHAPES; i++) check(&b, i, SSG_ELEMENT_F32);
#ifdef KERNELCHECK_SIMULATED
    cudasim_set_trace(0); /* the same kernels but for the type */
#endif
    for (size_t i = 0; i < SHAPES; i++) {
        check(&b, i, SSG_ELEMENT_BF16);
        check(&b, i, SSG_ELEMENT_F16);
    }
    body_cuda_close(&b);
}

#ifdef KERNELCHECK_SIMULATED
/* What shared memory is for: no sector is asked for much more than once, and banks hardly meet. */
Test(pools, planes_are_read_once)
{
    static const char *const wanted[] = {"halves", "neighbours", "several parts"};
    body b = body_cuda(0);
    for (size_t i = 0; i < SHAPES; i++) {
        int seen = 0;
        for (size_t k = 0; k < sizeof wanted / sizeof *wanted; k++) seen |= strcmp(table[i].what, wanted[k]) == 0;
        if (!seen) continue;
        seen = 0;
        cudasim_traffic_clear();
        check(&b, i, SSG_ELEMENT_F32);
        for (size_t k = 0; k < cudasim_traffic_count(); k++) {
            cudasim_traffic t = cudasim_traffic_at(k);
            if (!strstr(t.kernel, "staged")) continue;
            seen++;
            cr_expect_leq(10 * t.sectors, 11 * t.ideal, "%s, %s: %zu sectors, %zu at best", table[i].what, t.kernel, (size_t)t.sectors,
                          (size_t)t.ideal);
            cr_expect_leq(10 * t.waves, 11 * t.ideal_waves, "%s, %s: %zu passes, %zu at best", table[i].what, t.kernel, (size_t)t.waves,
                          (size_t)t.ideal_waves);
        }
        cr_expect_eq(seen, 4, "%s: %d kernels", table[i].what, seen);
    }
    body_cuda_close(&b);
}
#endif
