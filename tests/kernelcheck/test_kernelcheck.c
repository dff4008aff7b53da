/* test_kernelcheck.c - all bodies of all operations against the specification. With CUDA sources in the build, the device form runs too: on the
 * simulated device, or on a real one. */
#include <criterion/criterion.h>

#include "tests/kernelcheck/checks.h"

static void check_all(const body *b)
{
    int cases = 0;
    cr_expect_eq(check_maps(b, &cases), 0);
    cr_expect_eq(check_maps_together(b, &cases), 0);
    cr_expect_eq(check_weighted(b, &cases), 0);
    cr_expect_eq(check_samples(b, &cases), 0);
    cr_expect_eq(check_normalise(b, &cases), 0);
    cr_expect_eq(check_resize(b, &cases), 0);
    cr_expect_eq(check_integers(b, &cases), 0);
    cr_log_info("%s: %d cases", b->name, cases);
}

static void check_set(ssg_cpu_level level)
{
    body b = body_cpu(level);
    if (!b.name) cr_skip_test("this processor lacks the instruction set");
    check_all(&b);
}

Test(kernelcheck, the_vectorised_form)
{
    check_set(SSG_CPU_BASELINE);
}

Test(kernelcheck, the_vectorised_form_for_avx2)
{
    check_set(SSG_CPU_AVX2);
}

Test(kernelcheck, the_vectorised_form_for_avx512)
{
    check_set(SSG_CPU_AVX512);
}

#ifdef KERNELCHECK_CUDA
static void check_device(size_t shared_limit, void (*checks)(const body *))
{
    body b = body_cuda(shared_limit);
    cr_assert(b.name, "there is no GPU");
    checks(&b);
    body_cuda_close(&b);
}

static void check_device_form(const body *b)
{
    int cases = 0;
    cr_expect_eq(check_narrow_maps(b, &cases), 0);
    check_all(b);
}

static void check_without_room(const body *b)
{
    int cases = 0;
    cr_expect_eq(check_smoothing_without_room(b, &cases), 0);
}

static void check_large(const body *b)
{
    int cases = 0;
    cr_expect_eq(check_large_layer(b, &cases), 0);
}

#ifdef KERNELCHECK_SIMULATED
#include "tests/cudasim/sim.h"

static void no_faults(void)
{
    const char *text;
    cudasim_check_leaks();
    for (size_t i = 0; i < cudasim_fault_count(); i++) {
        cudasim_fault_at(i, &text);
        cr_expect(0, "%s", text);
    }
}

Test(kernelcheck, the_device_form_in_reverse_order)
{
    cudasim_set_order(CUDASIM_REVERSE, 1);
    check_device(0, check_device_form);
    no_faults();
}

Test(kernelcheck, the_device_form_in_a_shuffled_order)
{
    cudasim_set_order(CUDASIM_SHUFFLED, 2);
    check_device(0, check_device_form);
    no_faults();
}
#else
static void no_faults(void)
{
}
#endif

Test(kernelcheck, the_device_form)
{
    check_device(0, check_device_form);
    no_faults();
}

Test(kernelcheck, the_device_form_of_a_large_layer)
{
#ifdef KERNELCHECK_SIMULATED
    cudasim_set_trace(0); /* smaller ones are looked at access by access */
#endif
    check_device(0, check_large);
    no_faults();
}

Test(kernelcheck, the_device_form_with_little_shared_memory)
{
    check_device(48 << 10, check_without_room);
    no_faults();
}
#endif
