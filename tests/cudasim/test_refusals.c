/* test_refusals.c - the library on the simulated device when that refuses: memory that is short, devices that are not there or not fit, calls that
 * fail. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <ssgcam/ssgcam.h>

#include "host/device/device.h"
#include "tests/cudasim/sim.h"
#include "tests/support/device_inputs.h"

/* ---- memory ---------------------------------------------------------------------------------------------------------------------------------- */

/* The same device must not differ at all when memory makes it take fewer images at a time. */
Test(refusals, masks_do_not_change_where_memory_is_short, .timeout = 240)
{
    make_work();
    open_inputs();
    look_closely(0);
    cr_assert_eq(generate("cuda", folder("cuda"), 4), SSGCAM_OK, "%s", ssgcam_last_error());
    size_t enough = (size_t)1 << 30, little = enough;
    while (little > 1 << 10) { /* down to where not even one image fits */
        cudasim_set_machine(1, 13000, little);
        ssgcam_status status = generate("cuda", folder("short"), 4);
        if (status != SSGCAM_OK) {
            cr_expect_eq(status, SSGCAM_ERR_MEMORY, "%s", ssgcam_last_error());
            break;
        }
        cr_expect_eq(different(folder("cuda"), folder("short")), 0, "%zu bytes", little);
        no_faults("short of memory");
        little = little * 4 / 5;
    }
    cr_expect_gt(little, 1 << 10);
    close_inputs();
    remove_work();
}

/* ---- refusals ------------------------------------------------------------------------------------------------------------------------------------
 */

Test(refusals, what_is_missing_is_said)
{
    ssgcam_device *device;
    cudasim_set_machine(1, 0, 1 << 20);
    cr_expect_eq(ssgcam_device_open(&device, "cuda", 1), SSGCAM_ERR_DEVICE);
    cr_expect(strstr(ssgcam_last_error(), "no NVIDIA driver"), "%s", ssgcam_last_error());
    cr_expect_eq(ssgcam_device_open(&device, "auto", 1), SSGCAM_OK); /* the CPU */
    ssgcam_device_close(&device);
    cudasim_set_machine(1, 11080, 1 << 20);
    cr_expect_eq(ssgcam_device_open(&device, "cuda", 1), SSGCAM_ERR_DEVICE);
    cr_expect(strstr(ssgcam_last_error(), "supports CUDA 11.8"), "%s", ssgcam_last_error());
    cudasim_set_machine(0, 13000, 1 << 20);
    cr_expect_eq(ssgcam_device_open(&device, "cuda:0", 1), SSGCAM_ERR_DEVICE);
    cr_expect(strstr(ssgcam_last_error(), "no NVIDIA GPU"), "%s", ssgcam_last_error());
    cudasim_set_machine(2, 13000, 1 << 20);
    cr_expect_eq(ssgcam_device_open(&device, "cuda:7", 1), SSGCAM_ERR_DEVICE);
    cr_expect(strstr(ssgcam_last_error(), "'cuda:7' does not exist: there are 2 GPUs"), "%s", ssgcam_last_error());
    cr_expect_eq(ssgcam_device_open(&device, "cuda:x", 1), SSGCAM_ERR_ARGUMENT);
    no_faults("missing devices");
}

/* Found out when the device is opened, not by its first kernel: `auto` can then take the CPU. */
static void expect_unfit(const char *what)
{
    ssgcam_device *device;
    cr_expect_eq(ssgcam_device_open(&device, "cuda", 1), SSGCAM_ERR_DEVICE, "%s", what);
    cr_expect(strstr(ssgcam_last_error(), what), "%s", ssgcam_last_error());
    cr_expect_null(device);
    cr_assert_eq(ssgcam_device_open(&device, "auto", 1), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_expect_str_eq(device->interface->name, "cpu");
    ssgcam_device_close(&device);
    no_faults(what);
}

Test(refusals, a_gpu_that_cannot_do_the_work_is_refused)
{
    cudasim_set_capability(6, 1);
    expect_unfit("device 'cuda:0': simulated device has compute capability 6.1, for which this build has no code (it has 75");
    cudasim_set_capability(7, 5);
    cudasim_without_memory_pools(1);
    expect_unfit("device 'cuda:0': simulated device has no memory pools");
    cudasim_without_memory_pools(0);
    ssgcam_device *device;
    cr_assert_eq(ssgcam_device_open(&device, "auto", 1), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_expect_str_eq(device->interface->name, "cuda");
    ssgcam_device_close(&device);
}

/* Every call to CUDA, cuDNN and cuBLAS fails once, as memory that has run out or as a device that is lost from then on: an error with a sentence, and
 * nothing left behind. */
static void fail_each(int lost, long step)
{
    ssgcam_method_options method = ssgcam_method_defaults(SSGCAM_METHOD_SSGCAM);
    maps right;
    cr_assert_eq(explain("cuda", &method, 1, &right), SSGCAM_OK, "%s", ssgcam_last_error());
    long n = 1;
    for (;; n += step) {
        maps all;
        cudasim_fail_call(n, lost);
        long before = cudasim_call_count();
        ssgcam_status status = explain("cuda", &method, 1, &all);
        long calls = cudasim_call_count() - before;
        cudasim_fail_call(0, 0);
        if (status == SSGCAM_OK) { /* what failed was a release, or was asked for again: the maps are the right ones all the same */
            cr_expect_eq(all.count, right.count);
            for (size_t i = 0; i < all.count && i < right.count; i++)
                cr_expect_eq(memcmp(all.map[i], right.map[i], right.pixels * sizeof(float)), 0, "call %ld failed unseen", n);
        }
        free_maps(&all);
        if (status != SSGCAM_OK)
            cr_expect(status == SSGCAM_ERR_MEMORY || status == SSGCAM_ERR_DEVICE || status == SSGCAM_ERR_PARTIAL, "call %ld: status %d, %s", n,
                      (int)status, ssgcam_last_error());
        cr_expect(strlen(ssgcam_last_error()) > 0 || status == SSGCAM_OK);
        const char *text;
        for (size_t i = 0; i < cudasim_fault_count(); i++) {
            cudasim_fault_at(i, &text);
            cr_expect(0, "call %ld: %s", n, text);
        }
        cudasim_faults_clear();
        if (calls < n) break;
    }
    cr_expect_gt(n, 100);
    free_maps(&right);
}

Test(refusals, any_call_may_fail, .timeout = 280)
{
    open_inputs();
    look_closely(0);
    fail_each(0, 1);
    close_inputs();
}

Test(refusals, the_device_may_be_lost, .timeout = 280)
{
    open_inputs();
    look_closely(0);
    fail_each(1, 7);
    close_inputs();
}
