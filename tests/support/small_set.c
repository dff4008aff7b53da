#include "tests/support/small_set.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "host/base/philox.h"
#include "host/data/atomic_file.h"
#include "host/data/image.h"

char small_folder[64];
ssgcam_device *small_device;
ssgcam_model *small_model;
ssgcam_dataset *small_data, *small_test;

void small_write_png(const char *name, const ssg_image *image)
{
    uint8_t *bytes;
    size_t size;
    char *path = ssg_path_join(small_folder, name);
    cr_assert_eq(ssg_image_encode_png(&bytes, &size, image, 0), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(ssg_file_write(path, bytes, size), SSGCAM_OK, "%s", ssgcam_last_error());
    ssg_free(bytes);
    ssg_free(path);
}

void small_write_pair(int number, int label, int value, int width)
{
    static uint8_t pixels[3 * HEIGHT * WIDTH], marks[HEIGHT * 2 * WIDTH];
    ssg_draws draws = ssg_draws_named(7, (uint32_t)number, 0, 0);
    int cy = 8 + (int)ssg_draw_below(&draws, 16), cx = 10 + (int)ssg_draw_below(&draws, 28), r = 5 + number % 4;
    memset(marks, value ? 0 : 255, sizeof marks);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            int inside = (y - cy) * (y - cy) + (x - cx) * (x - cx) < r * r;
            for (int c = 0; c < 3; c++) pixels[3 * (y * WIDTH + x) + c] = (uint8_t)(ssg_draw_below(&draws, 80) + (inside && c == label ? 150 : 20));
            if (inside && value && width == WIDTH) marks[y * WIDTH + x] = (uint8_t)value;
        }
    char name[32];
    snprintf(name, sizeof name, "i%d.png", number);
    small_write_png(name, &(ssg_image){WIDTH, HEIGHT, 3, pixels});
    snprintf(name, sizeof name, "m%d.png", number);
    small_write_png(name, &(ssg_image){width, HEIGHT, 1, marks});
}

ssgcam_dataset *small_load(const char *text)
{
    ssgcam_dataset *loaded;
    static const char *const names[] = {"red", "green", "blue"};
    char *path = ssg_path_join(small_folder, "data.csv");
    cr_assert_eq(ssg_file_write(path, text, strlen(text)), SSGCAM_OK);
    cr_assert_eq(ssgcam_dataset_load(&loaded, &(ssgcam_dataset_options){.data = path, .classes = names, .class_count = 3}), SSGCAM_OK, "%s",
                 ssgcam_last_error());
    ssg_free(path);
    return loaded;
}

ssgcam_dataset *small_load_range(int first, int end)
{
    char text[1024] = "image,label,mask\n";
    for (int i = first; i < end; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "i%d.png,%s,m%d.png\n", i, (const char *[]){"red", "green", "blue"}[i % 3], i);
    return small_load(text);
}

void small_set_up(void)
{
    snprintf(small_folder, sizeof small_folder, "/tmp/ssgcam-search-XXXXXX");
    cr_assert(mkdtemp(small_folder));
    for (int i = 0; i < IMAGES; i++) small_write_pair(i, i % 3, i % 3 + 1, WIDTH);
    cr_assert_eq(ssgcam_device_open(&small_device, "cpu", 1), SSGCAM_OK);
    cr_assert_eq(ssgcam_model_load(&small_model, SSG_FIXTURES "/tiny.onnx", NULL), SSGCAM_OK, "%s", ssgcam_last_error());
    small_data = small_load_range(0, SEARCHED);
    small_test = small_load_range(SEARCHED, IMAGES);
}

void small_tear_down(void)
{
    char command[128];
    ssgcam_dataset_destroy(&small_data);
    ssgcam_dataset_destroy(&small_test);
    ssgcam_model_destroy(&small_model);
    ssgcam_device_close(&small_device);
    snprintf(command, sizeof command, "rm -rf %s", small_folder);
    cr_assert_eq(system(command), 0);
}

ssgcam_search_options small_options(void)
{
    static const double sigmas[] = {0, 2}, powers[] = {0.5, 1};
    static const ssgcam_method methods[] = {SSGCAM_METHOD_SSGCAM, SSGCAM_METHOD_LAYERCAM};
    return (ssgcam_search_options){.device = small_device,
                                   .model = small_model,
                                   .data = small_data,
                                   .holdout = small_test,
                                   .layers = "all",
                                   .methods = methods,
                                   .method_count = 2,
                                   .sigmas = sigmas,
                                   .sigma_count = 2,
                                   .powers = powers,
                                   .power_count = 2,
                                   .seed = 3,
                                   .evaluations = 400,
                                   .population = 16};
}

char *small_recipe_of(const ssgcam_search_options *o)
{
    char *text;
    ssgcam_search_result result;
    cr_assert_eq(ssgcam_search_run(o, &result), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(ssgcam_recipe_print(result.recipe, &text), SSGCAM_OK);
    ssgcam_search_clear(&result);
    return text;
}

void small_expect_same(const ssgcam_search_options *o, const char *expected, const char *what)
{
    char *text = small_recipe_of(o);
    cr_assert_str_eq(text, expected, "%s", what);
    ssgcam_text_free(text);
}

static void no_image(void *context, size_t done, size_t total, const char *id, const char *failure)
{
    (void)context, (void)done, (void)total, (void)failure;
    cr_assert_fail("%s went through the network first", id);
}

void small_refused(const ssgcam_search_options *options, ssgcam_status wanted, const char *sentence)
{
    ssgcam_search_options o = *options;
    ssgcam_search_result result;
    o.on_image = no_image;
    ssgcam_status status = ssgcam_search_run(&o, &result);
    cr_assert_eq(status, wanted, "%s", ssgcam_last_error());
    cr_assert(strstr(ssgcam_last_error(), sentence), "%s", ssgcam_last_error());
    ssgcam_search_clear(&result);
}

void small_count_generation(void *context, size_t run, size_t runs, const ssgcam_evolve_record *record)
{
    (void)run, (void)runs, (void)record;
    small_interruption *i = context;
    if (i->after && --i->after == 0) i->stop = 1;
}
