/* test_conv.c - single convolutions on the simulated device: what its limits, its choices and its refusals make of them. */
#include <criterion/criterion.h>
#include <string.h>

#include "host/device/device.h"
#include "tests/cudasim/sim.h"

/* 3 x 3 with a border of 1: y has the size of x. */
typedef struct layer {
    int64_t images, in, side, out;
} layer;

static ssg_device *device;

static void open_device(void)
{
    cr_assert_eq(ssgcam_device_open(&device, "cuda", 1), SSGCAM_OK, "%s", ssgcam_last_error());
}

static void close_device(void)
{
    const char *text;
    ssgcam_device_close(&device);
    cudasim_check_leaks();
    for (size_t i = 0; i < cudasim_fault_count(); i++) cr_expect(0, "%s", (cudasim_fault_at(i, &text), text));
    cudasim_faults_clear();
}

static ssg_const *numbers(ssg_shape shape)
{
    ssg_const *made = ssg_const_create(SSG_CONST_F32, &shape);
    cr_assert_not_null(made);
    for (size_t i = 0; i < ssg_shape_count(&shape); i++) made->f32[i] = (float)((int)(i * 7 % 13) - 6) / 8;
    return made;
}

/* The step and what it answered; `backward` is 0 or 1. */
static ssgcam_status make(ssg_step **step, ssg_step_request *request, layer l, int backward, ssg_precision precision)
{
    ssg_op op = {.kind = backward ? SSG_OP_CONV_BACKWARD : SSG_OP_CONV,
                 .name = "conv",
                 .input_count = 1,
                 .weights = numbers((ssg_shape){4, {l.out, l.in, 3, 3}}),
                 .bias = numbers((ssg_shape){1, {l.out}}),
                 .function = SSG_FUNCTION_RELU,
                 .window = {.kernel = {3, 3}, .stride = {1, 1}, .dilation = {1, 1}, .pads = {1, 1, 1, 1}},
                 .groups = 1};
    ssg_placed x = {.shape = {4, {l.images, l.in, l.side, l.side}}}, y = {.shape = {4, {l.images, l.out, l.side, l.side}}};
    *request = (ssg_step_request){.op = &op, .precision = precision, .inputs = {backward ? y : x}, .output = backward ? x : y};
    ssgcam_status status = device->interface->step_create(device, request, step);
    request->op = NULL;
    ssg_const_release(op.weights);
    ssg_const_release(op.bias);
    return status;
}

/* The pass then takes fewer images, as where memory runs out. */
Test(conv, more_elements_than_cudnn_takes_are_too_little_memory)
{
    static const ssg_precision precisions[] = {SSG_PRECISION_F32, SSG_PRECISION_BF16, SSG_PRECISION_F16};
    ssg_step *step;
    ssg_step_request request;
    open_device();
    for (size_t i = 0; i < 3; i++)
        for (int backward = 0; backward < 2; backward++) {
            cr_expect_eq(make(&step, &request, (layer){668, 64, 224, 1}, backward, precisions[i]), SSGCAM_OK, "%s", ssgcam_last_error());
            device->interface->step_destroy(step);
            cr_expect_eq(make(&step, &request, (layer){700, 64, 224, 1}, backward, precisions[i]), SSGCAM_ERR_MEMORY, "%s", ssgcam_last_error());
            cr_expect(strstr(ssgcam_last_error(), "no tensor of more than 2147483647 elements"), "%s", ssgcam_last_error());
            cr_expect_null(step);
        }
    close_device();
}
