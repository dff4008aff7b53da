/* test_precision.c - bf16 on the CPU, where the processor has it (AVX512-BF16 or AMX). */
#include <criterion/criterion.h>

#include "tests/support/precision.h"

static int has_bf16(void)
{
    return precision_is_here(SSG_PRECISION_BF16, "this processor does not compute in bf16; use --precision fp32");
}

Test(precision, bf16_is_as_close_as_pytorch)
{
    if (has_bf16()) precision_compare_with_pytorch(PRECISION_BF16);
}

Test(precision, maps_of_every_method_are_close)
{
    if (has_bf16()) precision_compare_methods(PRECISION_BF16);
}
