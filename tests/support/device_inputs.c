#include "tests/support/device_inputs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/data/image.h"
#ifdef TEST_SIMULATED
#include "tests/cudasim/sim.h"
#endif

ssgcam_model *model;
ssgcam_dataset *data;

void open_inputs(void)
{
    ssgcam_dataset_options options = {.images = SSG_DEMO_IMAGES};
    cr_assert_eq(ssgcam_model_load(&model, SSG_FIXTURES "/tiny.onnx", NULL), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(ssgcam_dataset_load(&data, &options), SSGCAM_OK, "%s", ssgcam_last_error());
    ssgcam_dataset_truncate(data, IMAGES);
}

void close_inputs(void)
{
    ssgcam_dataset_destroy(&data);
    ssgcam_model_destroy(&model);
}

#ifdef TEST_SIMULATED
void no_faults(const char *during)
{
    const char *text;
    cudasim_check_leaks();
    for (size_t i = 0; i < cudasim_fault_count(); i++) {
        cudasim_fault_at(i, &text);
        cr_expect(0, "%s: %s", during, text);
    }
    cudasim_faults_clear();
}

void look_closely(int on)
{
    cudasim_set_trace(on);
}
#else
void no_faults(const char *during)
{
    (void)during;
}

void look_closely(int on)
{
    (void)on;
}
#endif

static void keep_map(void *context, const ssgcam_explanation *e, const char *files)
{
    (void)files;
    maps *all = context;
    all->pixels = e->height * e->width;
    cr_assert_lt(all->count, MOST_MAPS);
    all->map[all->count] = malloc(all->pixels * sizeof(float));
    memcpy(all->map[all->count++], e->map, all->pixels * sizeof(float));
}

ssgcam_status explain(const char *device_name, const ssgcam_method_options *method, size_t images, maps *all)
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

void free_maps(maps *all)
{
    for (size_t i = 0; i < all->count; i++) free(all->map[i]);
}

ssgcam_status generate_on(ssgcam_device *device, const char *out, int batch, int fresh)
{
    ssgcam_recipe *recipe = NULL;
    ssgcam_method_options method = ssgcam_method_defaults(SSGCAM_METHOD_SSGCAM);
    ssgcam_status status = ssgcam_recipe_for_model(&recipe, model, &method, "auto", NULL, 0, 100);
    ssgcam_generate_options o = {.device = device, .model = model, .data = data, .recipe = recipe, .out = out, .batch = batch, .fresh = fresh};
    ssgcam_generate_result result;
    if (status == SSGCAM_OK) status = ssgcam_generate_run(&o, &result);
    ssgcam_recipe_destroy(&recipe);
    return status;
}

ssgcam_status generate(const char *device_name, const char *out, int batch)
{
    ssgcam_device *device;
    ssgcam_status status = ssgcam_device_open(&device, device_name, 2);
    if (status != SSGCAM_OK) return status;
    status = generate_on(device, out, batch, 1);
    ssgcam_device_close(&device);
    return status;
}

double different(const char *a, const char *b)
{
    size_t wrong = 0, all = 0;
    for (size_t i = 0; i < data->count; i++) {
        char path[2][512];
        ssg_image image[2];
        for (int k = 0; k < 2; k++) {
            snprintf(path[k], sizeof path[k], "%s/masks/%s.png", k ? b : a, data->items[i].id);
            cr_assert_eq(ssg_image_read_indices(&image[k], path[k]), SSGCAM_OK, "%s", ssgcam_last_error());
        }
        size_t pixels = (size_t)(image[0].width * image[0].height);
        for (size_t p = 0; p < pixels; p++) wrong += image[0].pixels[p] != image[1].pixels[p];
        all += pixels;
        ssg_image_clear(&image[0]);
        ssg_image_clear(&image[1]);
    }
    return (double)wrong / (double)all;
}

char work[] = "/tmp/ssgcam-device-XXXXXX";

const char *folder(const char *name)
{
    static char path[4][256];
    static int next;
    char *to = path[next++ % 4];
    snprintf(to, sizeof path[0], "%s/%s", work, name);
    return to;
}

void make_work(void)
{
    cr_assert_not_null(mkdtemp(work));
}

void remove_work(void)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", work);
    cr_expect_eq(system(command), 0);
}

ssgcam_dataset *labelled_data(void)
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

ssgcam_status evaluate_on(ssgcam_device *device, const ssgcam_dataset *labelled, ssgcam_eval_result *result)
{
    ssgcam_recipe *recipe = NULL;
    ssgcam_method_options method = ssgcam_method_defaults(SSGCAM_METHOD_SSGCAM);
    ssgcam_status status = ssgcam_recipe_for_model(&recipe, model, &method, "auto", NULL, 0, 100);
    ssgcam_eval_options o = {.data = labelled, .mask_values = "object", .device = device, .model = model, .recipe = recipe, .batch = 1};
    if (status == SSGCAM_OK) status = ssgcam_eval_masks(&o, result);
    ssgcam_recipe_destroy(&recipe);
    return status;
}

ssgcam_status evaluate(const char *device_name, const ssgcam_dataset *labelled, ssgcam_eval_result *result)
{
    ssgcam_device *device;
    ssgcam_status status = ssgcam_device_open(&device, device_name, 2);
    if (status != SSGCAM_OK) return status;
    status = evaluate_on(device, labelled, result);
    ssgcam_device_close(&device);
    return status;
}

char *read_text(const char *path)
{
    char *text = calloc(1, 1 << 20);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    cr_assert_gt(fread(text, 1, (1 << 20) - 1, file), 100);
    fclose(file);
    return text;
}
