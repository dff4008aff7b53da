/* test_precision_gpu.c - bf16 and fp16 on a real GPU; bf16 where it has compute capability 8.0. */
#include <criterion/criterion.h>

#include "tests/support/precision.h"

static int has(ssg_precision precision)
{
    return precision_is_here(precision, "needs a GPU of compute capability 8.0 or newer");
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
