/* test_conv.c - single convolutions on the simulated device: what its limits, its choices and its refusals make of them. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "host/device/device.h"
#include "kernels/element.h"
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

/* Small numbers that no type rounds. */
static void *some_input(const ssg_placed *x)
{
    size_t count = ssg_shape_count(&x->shape);
    uint32_t bits;
    void *made = malloc(x->bytes);
    for (size_t i = 0; i < count; i++) {
        float number = (float)((int)(i * 5 % 17) - 8) / 4;
        memcpy(&bits, &number, sizeof bits);
        if (x->precision == SSG_PRECISION_BF16)
            ((uint16_t *)made)[i] = (uint16_t)(bits >> 16);
        else
            ((float *)made)[i] = number;
    }
    return made;
}

/* y, or dx, of the step in float; the caller frees it. */
static float *run(ssg_step *step, const ssg_step_request *request)
{
    const ssg_device_interface *d = device->interface;
    size_t in = request->inputs[0].bytes, out = request->output.bytes;
    size_t count = ssg_shape_count(&request->output.shape);
    void *from, *to, *scratch, *input = some_input(&request->inputs[0]), *raw = malloc(out);
    float *result = malloc(count * sizeof *result);
    cr_assert_eq(d->memory_create(device, in, &from), SSGCAM_OK);
    cr_assert_eq(d->memory_create(device, out, &to), SSGCAM_OK);
    cr_assert_eq(d->memory_create(device, request->scratch_bytes, &scratch), SSGCAM_OK);
    cr_assert_eq(d->upload(device, from, input, in), SSGCAM_OK);
    const void *inputs[] = {from};
    cr_expect_eq(d->step_run(step, inputs, to, NULL, scratch), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_expect_eq(d->download(device, raw, to, out), SSGCAM_OK, "%s", ssgcam_last_error());
    d->memory_destroy(device, from);
    d->memory_destroy(device, to);
    d->memory_destroy(device, scratch);
    for (size_t i = 0; i < count; i++) result[i] = ssg_element_at(raw, (ssg_element)request->output.precision, i);
    free(input);
    free(raw);
    return result;
}

/* The stand-in refuses an algorithm that is run with another arithmetic than the heuristics offered it with, and offers what must not be taken: TF32
 * in fp32, half anywhere. TF32 itself is not modelled: the numbers are those of float. */
Test(conv, algorithms_run_with_the_arithmetic_they_were_offered_with)
{
    open_device();
    for (int backward = 0; backward < 2; backward++) {
        float *results[2];
        ssg_step_request request;
        for (int tf32 = 0; tf32 < 2; tf32++) {
            ssg_step *step;
            cr_assert_eq(make(&step, &request, (layer){1, 2, 9, 3}, backward, tf32 ? SSG_PRECISION_TF32 : SSG_PRECISION_F32), SSGCAM_OK);
            results[tf32] = run(step, &request);
            device->interface->step_destroy(step);
        }
        cr_expect_eq(memcmp(results[0], results[1], request.output.bytes), 0);
        free(results[0]);
        free(results[1]);
    }
    close_device();
}

/* No documentation says which arithmetic offers name where CUDNN_FMA_MATH was asked for. */
Test(conv, offers_that_name_another_arithmetic_are_tried_in_float)
{
    open_device();
    for (int backward = 0; backward < 2; backward++) {
        float *results[2];
        ssg_step_request request;
        for (int relabelled = 0; relabelled < 2; relabelled++) {
            ssg_step *step;
            cudasim_relabel_offers(relabelled);
            cr_assert_eq(make(&step, &request, (layer){1, 2, 9, 3}, backward, SSG_PRECISION_F32), SSGCAM_OK, "%s", ssgcam_last_error());
            results[relabelled] = run(step, &request);
            device->interface->step_destroy(step);
        }
        cr_expect_eq(memcmp(results[0], results[1], request.output.bytes), 0);
        free(results[0]);
        free(results[1]);
    }
    cudasim_relabel_offers(0);
    close_device();
}

/* Convolution, bias and ReLU one after the other then; every run again, and in 16 bits with one rounding more. */
Test(conv, bias_and_relu_are_applied_apart_where_cudnn_does_not_fuse_them)
{
    static const ssg_precision precisions[] = {SSG_PRECISION_F32, SSG_PRECISION_BF16};
    open_device();
    for (size_t i = 0; i < 2; i++) {
        float *results[3];
        ssg_step *step;
        ssg_step_request request;
        for (int k = 0; k < 3; k++) {
            if (k < 2) cr_assert_eq(make(&step, &request, (layer){1, 8, 9, 8}, 0, precisions[i]), SSGCAM_OK, "%s", ssgcam_last_error());
            cudasim_without_fused_convolutions(k == 1);
            results[k] = run(step, &request);
            if (k != 1) device->interface->step_destroy(step);
        }
        cudasim_without_fused_convolutions(0);
        for (size_t e = 0; e < ssg_shape_count(&request.output.shape); e++) {
            double right = (double)results[0][e], bound = precisions[i] == SSG_PRECISION_F32 ? 1e-6 : (fabs(right) + 1) / 64;
            cr_expect_float_eq((double)results[1][e], right, bound);
            cr_expect_eq(results[1][e], results[2][e]); /* what was refused once is not asked for again */
        }
        for (int k = 0; k < 3; k++) free(results[k]);
    }
    close_device();
}

/* Large planes of float need as much workspace as they have bytes. */
Test(conv, tensor_cores_find_room_for_large_planes)
{
    ssg_step *step;
    ssg_step_request request;
    open_device();
    for (int backward = 0; backward < 2; backward++) {
        cr_expect_eq(make(&step, &request, (layer){32, 64, 224, 64}, backward, SSG_PRECISION_TF32), SSGCAM_OK, "%s", ssgcam_last_error());
        cr_expect_geq(request.scratch_bytes, (size_t)392 << 20);
        device->interface->step_destroy(step);
    }
    close_device();
}

/* Layers for which cuDNN has nothing on tensor cores within the bound run in float. */
Test(conv, tf32_falls_back_to_float)
{
    ssg_step *step;
    ssg_step_request request;
    open_device();
    cudasim_without_tensor_cores(1);
    for (int backward = 0; backward < 2; backward++) {
        cr_assert_eq(make(&step, &request, (layer){1, 2, 9, 3}, backward, SSG_PRECISION_TF32), SSGCAM_OK, "%s", ssgcam_last_error());
        free(run(step, &request));
        device->interface->step_destroy(step);
    }
    close_device();
}

/* Its own words, where it has some, in one line and once. */
Test(conv, what_cudnn_says_of_an_error_is_passed_on)
{
    int seen = 0;
    for (long n = 1; n < 40; n++) {
        cudasim_fail_call(n, 0);
        ssgcam_status status = ssgcam_device_open(&device, "cuda", 1);
        cudasim_fail_call(0, 0);
        ssgcam_device_close(&device);
        if (status == SSGCAM_OK || !strstr(ssgcam_last_error(), "cuDNN refused a handle")) continue;
        seen++;
        cr_expect_eq(status, SSGCAM_ERR_MEMORY);
        cr_expect(strstr(ssgcam_last_error(), " (told to fail: cudnnCreate)"), "%s", ssgcam_last_error());
    }
    cr_expect_eq(seen, 1);
    open_device();
    close_device();
}
