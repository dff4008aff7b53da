/* Pixel-wise average precision, against the published formula in NumPy and scikit-learn (tests/fixtures/make_pixels.py). */
#include <criterion/criterion.h>
#include <math.h>
#include <ssgcam/eval.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/data/atomic_file.h"
#include "host/data/image.h"
#include "host/data/npy.h"
#include "host/eval/pixel_ap.h"
#include "host/eval/tally.h"
#include "tests/support/packed.h"

static double precision[SSG_PIXEL_BINS], recall[SSG_PIXEL_BINS];

Test(pixels, equal_to_numpy_and_scikit_learn)
{
    packed_file *file = packed_open(SSG_FIXTURES "/pixels.bin.gz");
    uint32_t compared = 0;
    for (uint32_t sets = packed_u32(file), set = 0; set < sets; set++) {
        static ssg_pixel_ap ap, expected;
        memset(&ap, 0, sizeof ap);
        for (uint32_t maps = packed_u32(file); maps > 0; maps--) {
            uint32_t pixels = packed_u32(file), label = packed_u32(file);
            float *values = packed_bytes(file, pixels * sizeof *values);
            uint8_t *truth = packed_bytes(file, pixels);
            ssg_pixel_ap_add(&ap, values, truth, (uint8_t)label, pixels);
            free(values), free(truth);
        }
        double figures[2], got = ssg_pixel_ap_curve(&ap, precision, recall);
        packed_read(file, &expected, sizeof expected);
        packed_read(file, figures, sizeof figures);
        cr_assert_eq(memcmp(&ap, &expected, sizeof ap), 0, "set %u: other counts", set);
        cr_assert_float_eq(got, figures[0], 1e-14, "set %u: %.17g, expected %.17g", set, got, figures[0]);
        if (isnan(figures[1])) continue;
        cr_assert_float_eq(got, figures[1], 1e-14, "set %u: %.17g, scikit-learn has %.17g", set, got, figures[1]);
        compared++;
    }
    cr_assert_gt(compared, 1);
    packed_close(file);
}

Test(pixels, curve)
{
    ssg_pixel_ap ap = {{0}, {0}};
    ssg_pixel_ap_add(&ap, (const float[]){0, 1, 2, 4, 4}, (const uint8_t[]){0, 1, 0, 1, 255}, 1, 5); /* bins 0, 250, 500, 1000 */
    cr_assert_float_eq(ssg_pixel_ap_curve(&ap, precision, recall), 0.5 * 1 + 0.5 * 2 / 3, 1e-15);
    cr_assert(precision[1000] == 1 && recall[1000] == 0.5);
    cr_assert(precision[500] == 0.5 && recall[500] == 0.5);
    cr_assert(precision[0] == 0.5 && recall[0] == 1);
}

Test(pixels, no_object)
{
    ssg_pixel_ap ap = {{0}, {0}};
    ssg_pixel_ap_add(&ap, (const float[]){0, 1}, (const uint8_t[]){0, 2}, 1, 2);
    cr_assert(isnan(ssg_pixel_ap_curve(&ap, precision, recall)));
}

/* ---- a set in files ------------------------------------------------------------------------------------------------------------------------------
 */

enum { WIDTH = 7, HEIGHT = 5, PIXELS = WIDTH * HEIGHT };

typedef struct set {
    char folder[40], image[60], mask[60], map[60];
    float values[PIXELS];
    uint8_t truth[PIXELS];
    int label;
    ssgcam_item item;
    char *classes[2];
    ssgcam_dataset data;
} set;

static void write_picture(const char *path, uint8_t *pixels)
{
    uint8_t *png;
    size_t size;
    cr_assert_eq(ssg_image_encode_png(&png, &size, &(ssg_image){WIDTH, HEIGHT, 1, pixels}, 0), SSGCAM_OK);
    cr_assert_eq(ssg_file_write(path, png, size), SSGCAM_OK);
    ssg_free(png);
}

static void make_set(set *s)
{
    *s = (set){.folder = "/tmp/ssgcam-pixels-XXXXXX", .label = 1, .classes = {"a", "b"}};
    cr_assert_not_null(mkdtemp(s->folder));
    snprintf(s->image, sizeof s->image, "%s/x.png", s->folder);
    snprintf(s->mask, sizeof s->mask, "%s/mask.png", s->folder);
    snprintf(s->map, sizeof s->map, "%s/x.npy", s->folder);
    for (int i = 0; i < PIXELS; i++) {
        s->truth[i] = (uint8_t)(i % 11 == 10 ? 255 : i % 3);
        s->values[i] = (float)(i * 17 % PIXELS) / PIXELS + (i % 3 == 2 ? 0.4f : 0);
    }
    write_picture(s->image, s->truth);
    write_picture(s->mask, s->truth);
    cr_assert_eq(ssg_npy_write(s->map, s->values, 2, (size_t[]){HEIGHT, WIDTH}), SSGCAM_OK);
    s->item = (ssgcam_item){.id = "x", .image = s->image, .labels = &s->label, .label_count = 1, .mask = s->mask};
    s->data = (ssgcam_dataset){.items = &s->item, .count = 1, .classes = s->classes, .class_count = 2};
}

static void remove_set(const set *s)
{
    char command[80];
    snprintf(command, sizeof command, "rm -r %s", s->folder);
    cr_assert_eq(system(command), 0);
}

static ssgcam_status evaluate(const set *s, ssgcam_eval_result *result)
{
    return ssgcam_eval_masks(&(ssgcam_eval_options){.data = &s->data, .maps = s->folder, .threshold = 100}, result);
}

Test(pixels, maps_in_files)
{
    set s;
    ssgcam_eval_result r;
    ssg_pixel_ap ap = {{0}, {0}};
    make_set(&s);
    ssg_pixel_ap_add(&ap, s.values, s.truth, 2, PIXELS);
    cr_assert_eq(evaluate(&s, &r), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(r.px_ap, ssg_pixel_ap_curve(&ap, precision, recall));
    float most = 0;
    uint64_t expected[3][3] = {{0}};
    for (int i = 0; i < PIXELS; i++) most = s.values[i] > most ? s.values[i] : most;
    for (int i = 0; i < PIXELS; i++)
        if (s.truth[i] != 255) expected[s.truth[i]][255 * s.values[i] > 100 * most ? 2 : 0]++;
    cr_assert_eq(memcmp(expected, r.confusion, sizeof expected), 0);
    cr_assert(r.has_curve && r.threshold == 100 && r.curve_mean[100] == r.mean_iou);
    ssgcam_eval_clear(&r);
    s.values[9] = NAN;
    cr_assert_eq(ssg_npy_write(s.map, s.values, 2, (size_t[]){HEIGHT, WIDTH}), SSGCAM_OK);
    cr_assert_eq(evaluate(&s, &r), SSGCAM_ERR_INPUT);
    ssgcam_eval_clear(&r);
    remove_set(&s);
}

static void say_view(const set *s, const char *text)
{
    char path[64];
    snprintf(path, sizeof path, "%s/input.json", s->folder);
    cr_assert_eq(ssg_file_write(path, text, strlen(text)), SSGCAM_OK);
}

/* A network of 5 x 5 sees the five columns in the middle of 7 x 5 pixels. */
Test(pixels, maps_of_a_crop_in_files)
{
    set s;
    ssgcam_eval_result r;
    ssg_pixel_ap ap = {{0}, {0}};
    float seen[HEIGHT * HEIGHT];
    make_set(&s);
    for (int i = 0; i < HEIGHT * HEIGHT; i++) seen[i] = s.values[i / HEIGHT * WIDTH + 1 + i % HEIGHT];
    for (int i = 0; i < PIXELS; i++) s.values[i] = i % WIDTH % (WIDTH - 1) ? s.values[i] : 0;
    ssg_pixel_ap_add(&ap, s.values, s.truth, 2, PIXELS);
    double expected = ssg_pixel_ap_curve(&ap, precision, recall);
    cr_assert_eq(ssg_npy_write(s.map, seen, 2, (size_t[]){HEIGHT, HEIGHT}), SSGCAM_OK);
    say_view(&s, "{\"resize\": \"crop\", \"size\": [5, 5]}");
    cr_assert_eq(evaluate(&s, &r), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(r.px_ap, expected);
    ssgcam_eval_clear(&r);
    say_view(&s, "{\"resize\": \"stretch\", \"size\": [5, 5]}");
    cr_assert_eq(evaluate(&s, &r), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_neq(r.px_ap, expected);
    ssgcam_eval_clear(&r);
    remove_set(&s);
}

/* ---- stopping ------------------------------------------------------------------------------------------------------------------------- */

static int stop;

static void stop_after_the_first(void *context, size_t done, size_t total, const char *id, const char *failure)
{
    (void)context, (void)done, (void)total, (void)id, (void)failure;
    stop = 1;
}

Test(pixels, stops_between_files)
{
    set s;
    ssgcam_eval_result masks;
    ssgcam_boxes_result boxes;
    make_set(&s);
    ssgcam_box box = {1, 1, 1, 4, 4};
    s.item.boxes = &box, s.item.box_count = 1;
    ssgcam_item twice[] = {s.item, s.item};
    s.data.items = twice, s.data.count = 2;
    ssgcam_eval_options of_masks = {.data = &s.data, .maps = s.folder, .threshold = 100, .stop = &stop, .progress = stop_after_the_first};
    cr_assert_eq(ssgcam_eval_masks(&of_masks, &masks), SSGCAM_ERR_INTERRUPTED);
    cr_assert_str_eq(ssgcam_last_error(), "stopped on request after 1 of 2 images");
    cr_assert(masks.images == 1 && masks.failed == 0);
    ssgcam_eval_clear(&masks);
    stop = 0;
    ssgcam_boxes_options of_boxes = {.data = &s.data, .maps = s.folder, .stop = &stop, .progress = stop_after_the_first};
    cr_assert_eq(ssgcam_eval_boxes(&of_boxes, &boxes), SSGCAM_ERR_INTERRUPTED);
    cr_assert_str_eq(ssgcam_last_error(), "stopped on request after 1 of 2 images");
    cr_assert(boxes.images == 1 && boxes.failed == 0);
    remove_set(&s);
}

/* What is wrong with the machine is not counted against an image. */
Test(pixels, what_ends_an_evaluation)
{
    size_t images = 0, failed = 0;
    ssg_tally tally = {.total = 4, .images = &images, .failed = &failed};
    const ssgcam_item item = {.id = "x"};
    cr_assert_eq(ssg_tally_judge(&tally, &item, SSGCAM_ERR_MEMORY), SSGCAM_ERR_MEMORY);
    cr_assert_eq(ssg_tally_judge(&tally, &item, SSGCAM_ERR_DEVICE), SSGCAM_ERR_DEVICE);
    cr_assert_eq(ssg_tally_judge(&tally, &item, SSGCAM_ERR_INPUT), SSGCAM_OK);
    cr_assert_eq(ssg_tally_judge(&tally, &item, SSGCAM_OK), SSGCAM_OK);
    cr_assert(tally.done == 2 && images == 1 && failed == 1);
}

Test(pixels, failing_allocations)
{
    set s;
    ssgcam_eval_result r;
    ssgcam_status status = SSGCAM_ERR_MEMORY;
    long n = 0;
    make_set(&s);
    say_view(&s, "{\"resize\": \"crop\", \"size\": [5, 5]}");
    while (status == SSGCAM_ERR_MEMORY) {
        ssg_alloc_fail_at(++n, 0);
        status = evaluate(&s, &r);
        ssg_alloc_fail_at(0, 0);
        ssgcam_eval_clear(&r);
    }
    cr_assert_eq(status, SSGCAM_OK, "allocation %ld: %s", n, ssgcam_last_error());
    cr_assert_gt(n, 10);
    remove_set(&s);
}
