/* test_precision_gpu.c - bf16 and fp16 on a real GPU; bf16 where it has compute capability 8.0. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/device.h"
#include "tests/support/precision.h"

static int has(ssg_precision precision)
{
    size_t count;
    precision_errors e;
    ssg_device *device;
    operator_case *cases = cases_load(SSG_FIXTURES "/operators.bin.gz", &count);
    cr_assert_eq(ssgcam_device_open(&device, TEST_DEVICE, 2), SSGCAM_OK, "%s", ssgcam_last_error());
    ssgcam_status status = precision_run(&e, device, &cases[0], precision);
    if (status != SSGCAM_OK) {
        cr_assert(strstr(ssgcam_last_error(), "needs a GPU of compute capability 8.0 or newer"), "%s", ssgcam_last_error());
        fprintf(stderr, "skipped: %s\n", ssgcam_last_error());
    }
    cases_free(cases, count);
    ssgcam_device_close(&device);
    return status == SSGCAM_OK;
}

Test(precision, bf16_is_as_close_as_pytorch)
{
    if (has(SSG_PRECISION_BF16)) precision_compare_with_pytorch(PRECISION_BF16);
}

Test(precision, fp16_is_as_close_as_pytorch)
{
    if (has(SSG_PRECISION_F16)) precision_compare_with_pytorch(PRECISION_FP16);
}

Test(precision, maps_of_every_method_are_close)
{
    if (has(SSG_PRECISION_BF16)) precision_compare_methods(PRECISION_BF16);
}
