/* test_parity.c - preset pgc against pytorch-grad-cam 1.5.7 (make_parity.py): seven methods, one and two layers, two images, two classes, six
 * architectures as torch exports them. At most 1e-5 of a map in [0, 1]. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cam/engine.h"
#include "host/fuse/float_fusion.h"
#include "tests/support/packed.h"

enum { IMAGES = 2, CLASSES = 2, LAYERS = 2, COARSE = 8, EVERY = 7, METHODS = 7 };

static const ssgcam_method methods[METHODS] = {SSGCAM_METHOD_GRADCAM,  SSGCAM_METHOD_GRADCAMPP, SSGCAM_METHOD_XGRADCAM,
                                               SSGCAM_METHOD_LAYERCAM, SSGCAM_METHOD_HIRESCAM,  SSGCAM_METHOD_GRADCAM_ELEMENTWISE,
                                               SSGCAM_METHOD_SCORECAM};

static float *coarse_image(packed_file *file, size_t side)
{
    float *coarse = packed_bytes(file, IMAGES * 3 * COARSE * COARSE * sizeof *coarse), *image = malloc(IMAGES * 3 * side * side * sizeof *image);
    for (size_t plane = 0; plane < IMAGES * 3; plane++)
        for (size_t i = 0; i < side * side; i++)
            image[plane * side * side + i] = coarse[(plane * COARSE + i / side * COARSE / side) * COARSE + i % side * COARSE / side];
    free(coarse);
    return image;
}

/* The fused map of one class and image from the layers [first, LAYERS) of a method, compared with what the file says next. */
static double compare(packed_file *file, const ssg_cam *cam, int method, int first, size_t batch_row, size_t side)
{
    ssg_fusion_layer layers[LAYERS];
    float *fused = malloc(side * side * sizeof *fused);
    for (int l = first; l < LAYERS; l++) {
        int h, w;
        const float *maps = ssg_cam_maps(cam, method * LAYERS + l, &h, &w);
        size_t pixels = (size_t)h * (size_t)w;
        layers[l] = (ssg_fusion_layer){.map = malloc(pixels * sizeof(float)), .height = (size_t)h, .width = (size_t)w};
        memcpy(layers[l].map, maps + batch_row * pixels, pixels * sizeof *maps);
    }
    cr_assert_eq(ssg_float_fusion(fused, side, side, layers + first, (size_t)(LAYERS - first), SSG_FUSION_PGC, 1), SSGCAM_OK);
    double worst = 0;
    for (size_t y = 0; y < side; y += EVERY)
        for (size_t x = 0; x < side; x += EVERY) {
            float expected;
            packed_read(file, &expected, sizeof expected);
            worst = fmax(worst, fabs((double)fused[y * side + x] - expected));
        }
    for (int l = first; l < LAYERS; l++) free(layers[l].map);
    free(fused);
    return worst;
}

static void check_network(packed_file *file, ssg_device *device)
{
    uint32_t size;
    char *name = packed_block(file, NULL), *layers[LAYERS];
    uint8_t *bytes = packed_block(file, &size);
    size_t side = packed_u32(file);
    float *image = coarse_image(file, side);
    int64_t chosen[CLASSES * IMAGES];
    for (int c = 0; c < CLASSES; c++) chosen[c * IMAGES] = chosen[c * IMAGES + 1] = packed_u32(file);
    cr_assert_eq(packed_u32(file), LAYERS);
    for (int l = 0; l < LAYERS; l++) layers[l] = packed_block(file, NULL);

    ssg_model *model;
    ssg_cam *cam;
    ssg_cam_row rows[METHODS * LAYERS];
    for (int i = 0; i < METHODS * LAYERS; i++) rows[i] = (ssg_cam_row){layers[i % LAYERS], ssgcam_method_defaults(methods[i / LAYERS])};
    ssg_cam_options options = {
        .input = {4, {IMAGES, 3, (int64_t)side, (int64_t)side}}, .rows = rows, .row_count = METHODS * LAYERS, .classes = CLASSES};
    cr_assert_eq(ssg_model_parse(&model, bytes, size, name), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(ssg_cam_create(&cam, device, model, &options), SSGCAM_OK, "%s: %s", name, ssgcam_last_error());
    cr_assert_eq(ssg_cam_forward(cam, image, NULL), SSGCAM_OK);
    cr_assert_eq(ssg_cam_backward(cam, chosen), SSGCAM_OK, "%s", ssgcam_last_error());
    for (int m = 0; m < METHODS; m++)
        for (int both = 0; both < 2; both++)
            for (size_t row = 0; row < CLASSES * IMAGES; row++) {
                double error = compare(file, cam, m, both ? 0 : 1, row, side);
                cr_expect_leq(error, 1e-5, "%s, %s, %s: class slot %zu, image %zu: %.2g", name, ssgcam_method_name(methods[m]),
                              both ? "two layers" : "one layer", row / IMAGES, row % IMAGES, error);
            }
    ssg_cam_destroy(&cam);
    ssg_model_destroy(&model);
    for (int l = 0; l < LAYERS; l++) free(layers[l]);
    free(image);
    free(bytes);
    free(name);
}

Test(parity, equals_pytorch_grad_cam)
{
    ssg_device *device;
    cr_assert_eq(ssgcam_device_open(&device, "cpu", 2), SSGCAM_OK);
    packed_file *file = packed_open(SSG_FIXTURES "/parity.bin.gz");
    for (uint32_t networks = packed_u32(file); networks > 0; networks--) check_network(file, device);
    packed_close(file);
    ssgcam_device_close(&device);
}
