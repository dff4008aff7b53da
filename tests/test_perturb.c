/* Which pixels a map puts first and what comes instead of them, against NumPy and SciPy (tests/fixtures/make_perturb.py). */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "host/eval/perturb_image.h"
#include "tests/support/packed.h"

static void check(const char *what, uint32_t number, const float *got, const float *expected, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_assert(fabsf(got[i] - expected[i]) <= 2e-6f, "case %u, %s, value %zu: %g, expected %g", number, what, i, (double)got[i],
                  (double)expected[i]);
}

Test(perturb, equal_to_numpy_and_scipy)
{
    packed_file *file = packed_open(SSG_FIXTURES "/perturb.bin.gz");
    uint32_t cases = packed_u32(file);
    for (uint32_t number = 0; number < cases; number++) {
        uint32_t height = packed_u32(file), width = packed_u32(file), nhwc = packed_u32(file), kind = packed_u32(file), count = packed_u32(file);
        size_t pixels = (size_t)height * width, floats = 3 * pixels;
        double sigma;
        packed_read(file, &sigma, sizeof sigma);
        float *map = packed_bytes(file, pixels * sizeof *map), *image = packed_bytes(file, floats * sizeof *image);
        float *fill = packed_bytes(file, floats * sizeof *fill), *expected = packed_bytes(file, floats * sizeof *expected);
        float *got = calloc(floats, sizeof *got), *own_fill = calloc(floats, sizeof *own_fill), *scratch = calloc(floats, sizeof *scratch);
        uint32_t *order = calloc(pixels, sizeof *order);
        uint64_t *keys = calloc(pixels, sizeof *keys);
        ssg_image_shape shape = {3, height, width, (int)nhwc};

        ssg_perturb_fill(own_fill, image, &shape, (ssgcam_perturb_fill)kind, sigma, scratch);
        check("fill", number, own_fill, fill, floats);
        ssg_pixel_order(order, keys, map, pixels);
        ssg_perturb_image(got, image, own_fill, &shape, order, count);
        check("image", number, got, expected, floats);

        free(map), free(image), free(fill), free(expected), free(got), free(own_fill), free(scratch), free(order), free(keys);
    }
    packed_close(file);
}
