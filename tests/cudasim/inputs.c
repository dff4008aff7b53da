#include "tests/cudasim/inputs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/data/image.h"
#include "tests/cudasim/sim.h"

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
