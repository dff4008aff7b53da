/* test_precision.c - bf16 and fp16 on the simulated device. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/cudasim/sim.h"
#include "tests/support/device.h"
#include "tests/support/precision.h"

Test(precision, bf16_is_as_close_as_pytorch, .timeout = 240)
{
    precision_compare_with_pytorch(PRECISION_BF16);
}

Test(precision, fp16_is_as_close_as_pytorch, .timeout = 240)
{
    cudasim_set_trace(0); /* the same kernels but for the type */
    precision_compare_with_pytorch(PRECISION_FP16);
}

/* Where cuDNN has nothing for 16 bits, convolutions run in float and only what lies between them is rounded. */
Test(precision, convolutions_fall_back_to_float)
{
    size_t count;
    operator_case *cases = cases_load(SSG_FIXTURES "/operators.bin.gz", &count);
    ssg_device *device;
    cudasim_set_trace(0);
    cudasim_without_tensor_cores(1);
    cr_assert_eq(ssgcam_device_open(&device, TEST_DEVICE, 2), SSGCAM_OK);
    int seen = 0;
    for (size_t i = 0; i < count; i++) {
        precision_errors e;
        if (strncmp(cases[i].name, "conv_", 5) != 0) continue;
        seen++;
        cr_assert_eq(precision_run(&e, device, &cases[i], SSG_PRECISION_BF16), SSGCAM_OK, "%s", ssgcam_last_error());
        cr_expect_leq(e.activation, 1e-5, "%s: %g", cases[i].name, e.activation);
    }
    cr_expect_gt(seen, 5);
    ssgcam_device_close(&device);
    cases_free(cases, count);
}

Test(precision, bf16_is_refused_by_a_gpu_without_it)
{
    size_t count;
    precision_errors e;
    operator_case *cases = cases_load(SSG_FIXTURES "/operators.bin.gz", &count);
    ssg_device *device;
    cudasim_set_capability(7, 5);
    cr_assert_eq(ssgcam_device_open(&device, TEST_DEVICE, 2), SSGCAM_OK);
    cr_expect_eq(precision_run(&e, device, &cases[0], SSG_PRECISION_BF16), SSGCAM_ERR_DEVICE);
    cr_expect(strstr(ssgcam_last_error(), "bf16 needs a GPU of compute capability 8.0 or newer, this one has 7.5"), "%s", ssgcam_last_error());
    cr_expect_eq(precision_run(&e, device, &cases[0], SSG_PRECISION_F16), SSGCAM_OK, "%s", ssgcam_last_error());
    ssgcam_device_close(&device);
    cases_free(cases, count);
}

Test(precision, maps_of_every_method_are_close, .timeout = 240)
{
    cudasim_set_trace(0);
    precision_compare_methods(PRECISION_BF16);
    precision_compare_methods(PRECISION_FP16);
}

/* Half ends at 65504. */
Test(precision, an_overflow_is_reported)
{
    precision_maps all;
    ssgcam_method_options method = ssgcam_method_defaults(SSGCAM_METHOD_SSGCAM);
    cudasim_set_trace(0);
    cr_expect_eq(precision_explain(&all, TEST_DEVICE, SSGCAM_PRECISION_FP16, &method, 1e6f), SSGCAM_ERR_INPUT);
    cr_expect(strstr(ssgcam_last_error(), "is not a number; fp16 ends at 65504, try --precision bf16 or fp32"), "%s", ssgcam_last_error());
    precision_free_maps(&all);
    cr_expect_eq(precision_explain(&all, TEST_DEVICE, SSGCAM_PRECISION_BF16, &method, 1e6f), SSGCAM_OK, "%s", ssgcam_last_error());
    precision_free_maps(&all);
}
