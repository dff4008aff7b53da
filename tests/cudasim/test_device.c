/* test_device.c - the library on the simulated device beside the CPU: the same maps and masks; and what happens when the device refuses. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ssgcam/ssgcam.h>

#include "host/device/device.h"
#include "tests/cudasim/inputs.h"
#include "tests/cudasim/sim.h"

enum { MOST_MAPS = 64 };

/* ---- maps ---------------------------------------------------------------------------------------------------------------------------------- */

typedef struct maps {
    float *map[MOST_MAPS];
    size_t count, pixels;
} maps;

static void keep_map(void *context, const ssgcam_explanation *e, const char *files)
{
    (void)files;
    maps *all = context;
    all->pixels = e->height * e->width;
    cr_assert_lt(all->count, MOST_MAPS);
    all->map[all->count] = malloc(all->pixels * sizeof(float));
    memcpy(all->map[all->count++], e->map, all->pixels * sizeof(float));
}

static ssgcam_status explain(const char *device_name, const ssgcam_method_options *method, size_t images, maps *all)
{
    ssgcam_device *device;
    ssgcam_recipe *recipe = NULL;
    const char *inputs[IMAGES], *classes[] = {"0", "2"};
    for (size_t i = 0; i < images; i++) inputs[i] = data->items[i].image;
    *all = (maps){.count = 0};
    ssgcam_status status = ssgcam_device_open(&device, device_name, 2);
    if (status != SSGCAM_OK) return status;
    status = ssgcam_recipe_for_model(&recipe, model, method, "all", NULL, 0, 100);
    ssgcam_explain_options o = {.device = device,
                                .model = model,
                                .recipe = recipe,
                                .inputs = inputs,
                                .input_count = images,
                                .classes = classes,
                                .class_count = 2,
                                .callback = keep_map,
                                .context = all};
    if (status == SSGCAM_OK) status = ssgcam_explain_run(&o, NULL);
    ssgcam_recipe_destroy(&recipe);
    ssgcam_device_close(&device);
    return status;
}

static void free_maps(maps *all)
{
    for (size_t i = 0; i < all->count; i++) free(all->map[i]);
}

static void compare_method(ssgcam_method_options method)
{
    maps cpu, gpu;
    cr_assert_eq(explain("cpu", &method, 2, &cpu), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(explain("cuda", &method, 2, &gpu), SSGCAM_OK, "%s", ssgcam_last_error());
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

/* Two devices may differ by one level in a few pixels; the same device must not differ at all when memory makes it take fewer images at a time. */
Test(device, masks_are_those_of_the_cpu_also_where_memory_is_short, .timeout = 240)
{
    make_work();
    open_inputs();
    cudasim_set_trace(0);
    cr_assert_eq(generate("cpu", folder("cpu"), 4), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(generate("cuda", folder("cuda"), 4), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_expect_leq(different(folder("cpu"), folder("cuda")), 0.002);
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

/* ---- search --------------------------------------------------------------------------------------------------------------------------------------
 */

/* The demo's pictures and masks with labels of the tiny model, in a folder of their own. */
static ssgcam_dataset *labelled_data(void)
{
    static const char *const classes[] = {"red", "green", "blue"};
    char path[512], command[2048];
    snprintf(path, sizeof path, "%s/data.csv", work);
    FILE *table = fopen(path, "w");
    cr_assert_not_null(table);
    fprintf(table, "image,labels,mask\n");
    for (size_t i = 0; i < data->count; i++) {
        const ssgcam_item *item = &data->items[i];
        snprintf(command, sizeof command, "cp '%s' '%s/../masks/%s.png' '%s/'", item->image, SSG_DEMO_IMAGES, item->id, work);
        cr_assert_eq(system(command), 0);
        fprintf(table, "%s,%s,%s.png\n", strrchr(item->image, '/') + 1, classes[i % 3], item->id);
    }
    fclose(table);
    ssgcam_dataset *made;
    ssgcam_dataset_options options = {.data = work, .classes = classes, .class_count = 3};
    cr_assert_eq(ssgcam_dataset_load(&made, &options), SSGCAM_OK, "%s", ssgcam_last_error());
    return made;
}

static char *read_text(const char *path)
{
    char *text = calloc(1, 1 << 20);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    cr_assert_gt(fread(text, 1, (1 << 20) - 1, file), 100);
    fclose(file);
    return text;
}

/* Scored by the device, then by the host, over the same bank: that of the device's network. */
static void search_both(ssgcam_search_options o, const char *what)
{
    char *recipe[2];
    for (int on_host = 0; on_host < 2; on_host++) {
        ssgcam_search_result result;
        cr_assert_eq(ssgcam_device_open(&o.device, "cuda", 2), SSGCAM_OK, "%s", ssgcam_last_error());
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
    cudasim_set_trace(0);
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

/* ---- refusals ------------------------------------------------------------------------------------------------------------------------------------
 */

Test(device, what_is_missing_is_said)
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

Test(device, a_gpu_that_cannot_do_the_work_is_refused)
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

Test(device, any_call_may_fail, .timeout = 280)
{
    open_inputs();
    cudasim_set_trace(0);
    fail_each(0, 1);
    close_inputs();
}

Test(device, the_device_may_be_lost, .timeout = 280)
{
    open_inputs();
    cudasim_set_trace(0);
    fail_each(1, 7);
    close_inputs();
}
