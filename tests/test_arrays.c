/* test_arrays.c - images in memory: maps and labels of arrays, each as it would be alone; what is refused; stopping. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include <ssgcam/ssgcam.h>

enum { IMAGES = 3, HEIGHT = 32, WIDTH = 48, PIXELS = HEIGHT * WIDTH, FLOATS = 3 * PIXELS };

static ssgcam_device *device;
static ssgcam_model *model;
static ssgcam_recipe *recipe;
static float images[IMAGES * FLOATS];

static void open_all(void)
{
    ssgcam_method_options method = ssgcam_method_defaults(SSGCAM_METHOD_SSGCAM);
    for (int i = 0; i < IMAGES * FLOATS; i++) images[i] = sinf((float)i * 0.37f + (float)(i / FLOATS)) + (float)(i / 7 % 5) * 0.2f;
    cr_assert_eq(ssgcam_device_open(&device, "cpu", 1), SSGCAM_OK);
    cr_assert_eq(ssgcam_model_load(&model, SSG_FIXTURES "/tiny.onnx", NULL), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(ssgcam_recipe_for_model(&recipe, model, &method, "all", NULL, 0, 100), SSGCAM_OK, "%s", ssgcam_last_error());
}

static void close_all(void)
{
    ssgcam_recipe_destroy(&recipe);
    ssgcam_model_destroy(&model);
    ssgcam_device_close(&device);
}

TestSuite(arrays, .init = open_all, .fini = close_all, .timeout = 60);

/* ---- maps ---------------------------------------------------------------------------------------------------------------------------- */

typedef struct maps {
    size_t count;
    float values[IMAGES][PIXELS], scores[IMAGES];
    int *stop;
} maps;

static void take_map(void *context, const ssgcam_explanation *e, const char *files)
{
    maps *m = context;
    cr_assert_str_eq(files, "");
    cr_assert_str_eq(e->input, "images");
    cr_assert(e->image == m->count && e->label == 1 && e->height == HEIGHT && e->width == WIDTH && !e->constant);
    memcpy(m->values[m->count], e->map, sizeof m->values[0]);
    m->scores[m->count++] = e->score;
    if (m->stop) *m->stop = 1;
}

static ssgcam_status explain(const float *from, size_t count, const int *size, maps *to)
{
    const char *const class = "1";
    ssgcam_explain_options o = {.device = device,
                                .model = model,
                                .recipe = recipe,
                                .images = from,
                                .image_count = count,
                                .image_size = {size ? size[0] : 0, size ? size[1] : 0},
                                .classes = &class,
                                .class_count = 1,
                                .stop = to->stop,
                                .callback = take_map,
                                .context = to};
    return ssgcam_explain_run(&o, NULL);
}

Test(arrays, maps_are_those_of_each_image_alone)
{
    static maps all, alone;
    cr_assert_eq(explain(images, IMAGES, (const int[]){HEIGHT, WIDTH}, &all), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(all.count, IMAGES);
    for (size_t i = 0; i < IMAGES; i++) {
        alone.count = 0;
        cr_assert_eq(explain(images + i * FLOATS, 1, NULL, &alone), SSGCAM_OK);
        cr_assert_arr_eq(alone.values[0], all.values[i], sizeof all.values[i], "image %zu", i);
        cr_assert_eq(alone.scores[0], all.scores[i]);
    }
    cr_assert_neq(all.scores[0], all.scores[1]);
}

Test(arrays, what_cannot_be_explained)
{
    static maps none;
    const char *const file = "a.jpg";
    cr_assert_eq(explain(images, 0, NULL, &none), SSGCAM_ERR_ARGUMENT);
    cr_assert_eq(explain(images, 1, (const int[]){-1, WIDTH}, &none), SSGCAM_ERR_ARGUMENT);
    cr_assert_neq(explain(images, 1, (const int[]){HEIGHT, WIDTH / 2}, &none), SSGCAM_OK);
    cr_assert(strstr(ssgcam_last_error(), "images of 32 x 24 pixels"), "%s", ssgcam_last_error());
    ssgcam_explain_options both = {
        .device = device, .model = model, .recipe = recipe, .images = images, .image_count = 1, .inputs = &file, .input_count = 1};
    cr_assert_eq(ssgcam_explain_run(&both, NULL), SSGCAM_ERR_ARGUMENT);
    cr_assert_eq(none.count, 0);
}

Test(arrays, stop_between_images)
{
    static maps some;
    int stop = 0;
    some.stop = &stop;
    cr_assert_eq(explain(images, IMAGES, NULL, &some), SSGCAM_ERR_INTERRUPTED);
    cr_assert_eq(some.count, 1);
}

/* ---- labels -------------------------------------------------------------------------------------------------------------------------- */

typedef struct labels {
    size_t count, failed;
    uint8_t values[IMAGES][PIXELS];
    char failure[512];
} labels;

static void take_labels(void *context, const ssgcam_labelling *l)
{
    labels *to = context;
    cr_assert_eq(l->index, to->count++);
    if (l->failure) {
        cr_assert_null(l->labels);
        to->failed++;
        strncpy(to->failure, l->failure, sizeof to->failure - 1);
        return;
    }
    cr_assert(l->height == HEIGHT && l->width == WIDTH);
    memcpy(to->values[l->index], l->labels, PIXELS);
}

static ssgcam_status label(const ssgcam_item *items, const float *from, size_t count, int batch, labels *to)
{
    ssgcam_label_options o = {.device = device,
                              .model = model,
                              .recipe = recipe,
                              .items = items,
                              .item_count = count,
                              .images = from,
                              .batch = batch,
                              .callback = take_labels,
                              .context = to};
    return ssgcam_label_run(&o);
}

Test(arrays, labels_are_those_of_each_image_alone)
{
    static labels all, alone;
    int two[] = {0, 2};
    const ssgcam_item items[IMAGES] = {
        {.image = "first", .labels = two, .label_count = 2}, {.image = "second"}, {.image = "third", .labels = two, .label_count = 1}};
    cr_assert_eq(label(items, images, IMAGES, 2, &all), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(all.count, IMAGES);
    for (size_t i = 0; i < IMAGES; i++) {
        alone.count = 0;
        cr_assert_eq(label(items + i, images + i * FLOATS, 1, 1, &alone), SSGCAM_OK);
        cr_assert_arr_eq(alone.values[0], all.values[i], PIXELS, "image %zu", i);
    }
    int seen[4] = {0};
    for (size_t i = 0; i < PIXELS; i++) seen[all.values[0][i]]++;
    cr_assert(seen[1] > 0 && seen[3] > 0 && seen[2] == 0, "%d %d %d %d", seen[0], seen[1], seen[2], seen[3]);
}

Test(arrays, an_image_that_fails_leaves_the_others)
{
    static labels some, wanted;
    int none = 7, first = 0;
    const ssgcam_item items[2] = {{.image = "wrong", .labels = &none, .label_count = 1}, {.image = "right", .labels = &first, .label_count = 1}};
    cr_assert_eq(label(items, images, 2, 0, &some), SSGCAM_ERR_PARTIAL);
    cr_assert(some.failed == 1 && strstr(some.failure, "wrong: label 7"), "%s", some.failure);
    cr_assert_eq(label(items + 1, images + FLOATS, 1, 0, &wanted), SSGCAM_OK);
    cr_assert_arr_eq(some.values[1], wanted.values[0], PIXELS);
    cr_assert_eq(label(items, images, 0, 0, &some), SSGCAM_ERR_ARGUMENT);
}

/* The network's first ReLU may well hide it. */
Test(arrays, a_value_that_is_no_number_is_found)
{
    static maps some;
    static labels labelled;
    const ssgcam_item items[IMAGES] = {{.image = "first"}, {.image = "second"}, {.image = "third"}};
    float *one = &images[FLOATS + PIXELS + 5 * WIDTH + 7], before = *one;
    for (int i = 0; i < 2; i++) {
        *one = i ? INFINITY : NAN;
        some.count = labelled.count = labelled.failed = 0;
        cr_assert_eq(explain(images, IMAGES, NULL, &some), SSGCAM_ERR_INPUT);
        cr_expect(strstr(ssgcam_last_error(), i ? "images: image 1: inf at [1][5][7]" : "images: image 1: nan at [1][5][7]"), "%s",
                  ssgcam_last_error());
        cr_expect_eq(some.count, 1u);
        cr_assert_eq(label(items, images, IMAGES, 2, &labelled), SSGCAM_ERR_PARTIAL);
        cr_expect(labelled.failed == 1 && strstr(labelled.failure, "second: "), "%s", labelled.failure);
    }
    *one = before;
}
