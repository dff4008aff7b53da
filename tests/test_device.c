/* test_device.c - the library on a device beside the CPU: the same maps, masks, scores and recipes. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <ssgcam/ssgcam.h>

#include "host/device/device.h"
#include "tests/support/device_inputs.h"

/* ---- maps ---------------------------------------------------------------------------------------------------------------------------------- */

static void compare_method(ssgcam_method_options method)
{
    maps cpu, gpu;
    cr_assert_eq(explain("cpu", &method, 2, &cpu), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(explain(TEST_DEVICE, &method, 2, &gpu), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(cpu.count, gpu.count);
    for (size_t i = 0; i < cpu.count; i++)
        for (size_t p = 0; p < cpu.pixels; p++)
            cr_assert_float_eq(gpu.map[i][p], cpu.map[i][p], 1e-4, "%s, map %zu, pixel %zu: %g on the device, %g on the CPU",
                               ssgcam_method_name(method.method), i, p, (double)gpu.map[i][p], (double)cpu.map[i][p]);
    free_maps(&cpu);
    free_maps(&gpu);
    no_faults(ssgcam_method_name(method.method));
}

Test(device, every_method_gives_the_maps_of_the_cpu, .timeout = 240)
{
    open_inputs();
    for (int m = SSGCAM_METHOD_SSGCAM; m <= SSGCAM_METHOD_SCORECAM; m++) {
        ssgcam_method_options method = ssgcam_method_defaults((ssgcam_method)m);
        method.samples = 2;
        compare_method(method);
    }
    ssgcam_method_options coherence = ssgcam_method_defaults(SSGCAM_METHOD_SSGCAM), channel = coherence, exact = coherence;
    coherence.combine = SSGCAM_COMBINE_COHERENCE;
    channel.weighting = SSGCAM_WEIGHTING_CHANNEL;
    exact.second_order = SSGCAM_SECOND_ORDER_EXACT;
    exact.target = SSGCAM_TARGET_LOGSOFTMAX;
    exact.probes = 2;
    compare_method(coherence);
    compare_method(channel);
    compare_method(exact);
    close_inputs();
}

/* ---- masks ------------------------------------------------------------------------------------------------------------------------------------ */

/* Two devices may differ by one level in a few pixels. */
Test(device, masks_are_those_of_the_cpu, .timeout = 240)
{
    make_work();
    open_inputs();
    look_closely(0);
    cr_assert_eq(generate("cpu", folder("cpu"), 4), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(generate(TEST_DEVICE, folder("device"), 4), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_expect_leq(different(folder("cpu"), folder("device")), 0.002);
    no_faults("masks");
    close_inputs();
    remove_work();
}

/* ---- scores -----------------------------------------------------------------------------------------------------------------------------------
 */

/* Of masks that differ in so few pixels: every count by as many, every threshold's figures by little. */
Test(device, scores_from_a_model_are_those_of_the_cpu, .timeout = 240)
{
    make_work();
    open_inputs();
    look_closely(0);
    ssgcam_dataset *labelled = labelled_data();
    ssgcam_eval_result cpu, device;
    cr_assert_eq(evaluate("cpu", labelled, &cpu), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(evaluate(TEST_DEVICE, labelled, &device), SSGCAM_OK, "%s", ssgcam_last_error());
    size_t labels = cpu.class_count + 1;
    uint64_t all = 0;
    cr_expect_eq(device.images, data->count);
    cr_assert_eq(device.class_count, cpu.class_count);
    for (size_t i = 0; i < labels * labels; i++) all += cpu.confusion[i];
    for (size_t i = 0; i < labels * labels; i++)
        cr_expect_leq(llabs((long long)(device.confusion[i] - cpu.confusion[i])), (long long)(all / 500), "%zu: %zu, not %zu", i,
                      (size_t)device.confusion[i], (size_t)cpu.confusion[i]);
    cr_expect(device.has_curve && cpu.has_curve);
    for (size_t t = 0; t < SSGCAM_THRESHOLDS; t++)
        cr_expect_float_eq(device.curve_mean[t], cpu.curve_mean[t], 0.005, "threshold %zu: %g, not %g", t, device.curve_mean[t], cpu.curve_mean[t]);
    cr_expect_float_eq(device.px_ap, cpu.px_ap, 0.005);
    cr_expect_gt(cpu.mean_iou, 0.1);
    ssgcam_eval_clear(&cpu);
    ssgcam_eval_clear(&device);
    ssgcam_dataset_destroy(&labelled);
    no_faults("scores");
    close_inputs();
    remove_work();
}

/* ---- search --------------------------------------------------------------------------------------------------------------------------------------
 */

/* Scored by the device, then by the host, over the same bank: that of the device's network. */
static void search_both(ssgcam_search_options o, const char *what)
{
    char *recipe[2];
    for (int on_host = 0; on_host < 2; on_host++) {
        ssgcam_search_result result;
        cr_assert_eq(ssgcam_device_open(&o.device, TEST_DEVICE, 2), SSGCAM_OK, "%s", ssgcam_last_error());
        cr_assert_not_null(o.device->scoring);
        if (on_host) o.device->scoring = NULL;
        o.out = folder(on_host ? "host.json" : "device.json");
        cr_assert_eq(ssgcam_search_run(&o, &result), SSGCAM_OK, "%s: %s", what, ssgcam_last_error());
        recipe[on_host] = read_text(o.out);
        ssgcam_search_clear(&result);
        ssgcam_device_close(&o.device);
    }
    cr_expect_str_eq(recipe[0], recipe[1], "%s", what);
    free(recipe[0]);
    free(recipe[1]);
    no_faults(what);
}

Test(device, a_search_finds_the_recipe_of_the_cpu, .timeout = 240)
{
    static const double sigmas[] = {0, 2};
    make_work();
    open_inputs();
    look_closely(0);
    ssgcam_dataset *labelled = labelled_data();
    ssgcam_search_options o = {.model = model, .data = labelled, .mask_values = "object", .layers = "all", .sigmas = sigmas, .sigma_count = 2};
    o.evaluations = 400;
    o.fresh = 1;
    search_both(o, "thresholds solved");
    o.fitness = SSGCAM_FITNESS_FOREGROUND_IOU;
    search_both(o, "thresholds solved, foreground");
    o.threshold = SSGCAM_THRESHOLD_GENE;
    search_both(o, "thresholds as genes");
    o.fitness = SSGCAM_FITNESS_IMAGE_IOU;
    search_both(o, "counts of every image");
    o.threshold = SSGCAM_THRESHOLD_SOLVED;
    search_both(o, "thresholds solved, mean over images");
    o.fitness = SSGCAM_FITNESS_OBJECT;
    o.folds = 2, o.runs = 1;
    search_both(o, "folds");
    ssgcam_dataset_destroy(&labelled);
    close_inputs();
    remove_work();
}
