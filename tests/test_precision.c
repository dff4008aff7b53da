/* test_precision.c - bf16 on the CPU, where the processor has it (AVX512-BF16 or AMX). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/device.h"
#include "tests/support/precision.h"

/* Otherwise the refusal is what there is to test. */
static int has_bf16(void)
{
    size_t count;
    precision_errors e;
    ssg_device *device;
    operator_case *cases = cases_load(SSG_FIXTURES "/operators.bin.gz", &count);
    cr_assert_eq(ssgcam_device_open(&device, TEST_DEVICE, 2), SSGCAM_OK, "%s", ssgcam_last_error());
    ssgcam_status status = precision_run(&e, device, &cases[0], SSG_PRECISION_BF16);
    if (status != SSGCAM_OK) {
        cr_assert(strstr(ssgcam_last_error(), "this processor does not compute in bf16; use --precision fp32"), "%s", ssgcam_last_error());
        fprintf(stderr, "bf16 on the CPU: skipped, this processor does not have it\n");
    }
    ssgcam_device_close(&device);
    cases_free(cases, count);
    return status == SSGCAM_OK;
}

Test(precision, bf16_is_as_close_as_pytorch)
{
    if (has_bf16()) precision_compare_with_pytorch(PRECISION_BF16);
}

Test(precision, maps_of_every_method_are_close)
{
    if (has_bf16()) precision_compare_methods(PRECISION_BF16);
}
