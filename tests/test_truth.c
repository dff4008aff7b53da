/* test_truth.c - the class of every pixel, from boxes and from masks, and what cannot be read. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/base/alloc.h"
#include "host/data/atomic_file.h"
#include "host/data/truth.h"

enum { WIDTH = 6, HEIGHT = 4, CLASSES = 3 };

static const ssg_truth_setting boxes_setting = {SSG_TRUTH_BOXES, 1};

static void expect_shapes(const ssg_truth_setting *setting, ssgcam_box *boxes, size_t count, int *labels, size_t label_count, const char *wanted)
{
    ssgcam_item item = {.image = "x.png", .labels = labels, .label_count = label_count, .boxes = boxes, .box_count = count};
    ssg_image truth;
    cr_assert_eq(ssg_truth_read(&truth, &item, setting, WIDTH, HEIGHT, CLASSES), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert(truth.width == WIDTH && truth.height == HEIGHT);
    for (int i = 0; i < WIDTH * HEIGHT; i++) cr_assert_eq(truth.pixels[i], wanted[i] - '0', "pixel %d: %d", i, truth.pixels[i]);
    ssg_image_clear(&truth);
}

static void expect_boxes(ssgcam_box *boxes, size_t count, int *labels, size_t label_count, const char *wanted)
{
    expect_shapes(&boxes_setting, boxes, count, labels, label_count, wanted);
}

static void expect_refusal(ssgcam_item *item, const ssg_truth_setting *setting, const char *sentence)
{
    ssg_image truth;
    cr_assert_eq(ssg_truth_read(&truth, item, setting, WIDTH, HEIGHT, CLASSES), SSGCAM_ERR_INPUT);
    cr_assert(strstr(ssgcam_last_error(), sentence), "%s", ssgcam_last_error());
    cr_assert_null(truth.pixels);
}

/* In any order the smaller box is on top; what lies beyond the image is left out. */
Test(truth, boxes_are_filled)
{
    int label = 1;
    ssgcam_box one = {-1, 1, 1, 3, 3}, nested[] = {{2, 2, 1, 4, 3}, {0, 0, 0, 5, 4}}, outside[] = {{0, 4, 2, 90, 90}, {0, 7, 0, 9, 4}};
    ssgcam_box equal[] = {{0, 0, 0, 2, 2}, {2, 1, 1, 3, 3}};
    expect_boxes(&one, 1, &label, 1,
                 "000000"
                 "022000"
                 "022000"
                 "000000");
    expect_boxes(nested, 2, &label, 1,
                 "111110"
                 "113310"
                 "113310"
                 "111110");
    expect_boxes(outside, 2, NULL, 0,
                 "000000"
                 "000000"
                 "000011"
                 "000011");
    expect_boxes(equal, 2, NULL, 0,
                 "110000"
                 "133000"
                 "033000"
                 "000000");
}

/* A pixel counts where its middle lies inside. */
Test(truth, ellipses_fit_into_their_boxes)
{
    static const ssg_truth_setting setting = {SSG_TRUTH_ELLIPSES, 1};
    ssgcam_box wide = {0, 0, 0, 6, 4}, small = {1, 2, 1, 4, 3}, beyond = {2, 4, 2, 8, 6};
    expect_shapes(&setting, &wide, 1, NULL, 0,
                  "011110"
                  "111111"
                  "111111"
                  "011110");
    expect_shapes(&setting, &small, 1, NULL, 0,
                  "000000"
                  "002200"
                  "002200"
                  "000000");
    expect_shapes(&setting, &beyond, 1, NULL, 0,
                  "000000"
                  "000000"
                  "000003"
                  "000033");
}

Test(truth, boxes_without_a_class_are_refused)
{
    int labels[] = {0, 2};
    ssgcam_box box = {-1, 1, 1, 3, 3}, other = {3, 0, 0, 2, 2};
    ssgcam_item item = {.image = "x.png", .labels = labels, .label_count = 2, .boxes = &box, .box_count = 1};
    expect_refusal(&item, &boxes_setting, "x.png: the box 1 1 3 3 names no class, and the image has no label or several; write 'CLASS x0 y0 x1 y1'");
    item.boxes = &other;
    expect_refusal(&item, &boxes_setting, "x.png: the box 0 0 2 2 is of a class that there is not");
}

static char *write_mask(const uint8_t *values, int width)
{
    static char path[] = "/tmp/ssgcam-truth.XXXXXX";
    ssg_image image = {width, HEIGHT, 1, (uint8_t *)values};
    uint8_t *bytes;
    size_t size;
    snprintf(path, sizeof path, "/tmp/ssgcam-truth.XXXXXX");
    cr_assert_geq(close(mkstemp(path)), 0);
    cr_assert_eq(ssg_image_encode_png(&bytes, &size, &image, 0), SSGCAM_OK);
    cr_assert_eq(ssg_file_write(path, bytes, size), SSGCAM_OK);
    ssg_free(bytes);
    return path;
}

Test(truth, masks_hold_classes_or_mark_an_object)
{
    static const uint8_t values[WIDTH * HEIGHT] = {0, 1, 2, 3, 255, 1}, high[WIDTH * HEIGHT] = {0, 99, 100, 254, 255, 1};
    ssg_truth_setting classes, object, above;
    int label = 2;
    ssg_image truth;
    cr_assert_eq(ssg_truth_setting_parse(&classes, "classes"), SSGCAM_OK);
    cr_assert_eq(ssg_truth_setting_parse(&object, "object"), SSGCAM_OK);
    cr_assert_eq(ssg_truth_setting_parse(&above, "object>=100"), SSGCAM_OK);
    ssgcam_item item = {.image = "x.png", .labels = &label, .label_count = 1, .mask = write_mask(values, WIDTH)};
    cr_assert_eq(ssg_truth_read(&truth, &item, &classes, WIDTH, HEIGHT, CLASSES), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_arr_eq(truth.pixels, values, sizeof values);
    ssg_image_clear(&truth);
    cr_assert_eq(ssg_truth_read(&truth, &item, &object, WIDTH, HEIGHT, CLASSES), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_arr_eq(truth.pixels, ((uint8_t[]){0, 3, 3, 3, 255, 3, 0}), 7);
    ssg_image_clear(&truth);
    item.label_count = 0;
    expect_refusal(&item, &object, "it marks an object without saying its class");
    unlink(item.mask);

    item.label_count = 1, item.mask = write_mask(high, WIDTH);
    cr_assert_eq(ssg_truth_read(&truth, &item, &above, WIDTH, HEIGHT, CLASSES), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_arr_eq(truth.pixels, ((uint8_t[]){0, 0, 3, 3, 255, 0, 0}), 7);
    ssg_image_clear(&truth);
    expect_refusal(&item, &classes, "value 99 at x 1, y 0, but there are 3 classes");
    unlink(item.mask);

    item.mask = write_mask(values, WIDTH - 1);
    expect_refusal(&item, &object, "5x4 pixels, but the image has 6x4; a mask must have its image's size");
    unlink(item.mask);
}

Test(truth, settings)
{
    static const char *const wrong[] = {"", "object>=0", "object>=255", "object>=7x", "box", "class", "ellipse"};
    ssg_truth_setting setting;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_assert_eq(ssg_truth_setting_parse(&setting, wrong[i]), SSGCAM_ERR_ARGUMENT, "%s", wrong[i]);
        cr_assert(strstr(ssgcam_last_error(), "give classes"), "%s", ssgcam_last_error());
    }
    ssgcam_item item = {.mask = NULL, .box_count = 0};
    cr_assert_eq(ssg_truth_setting_parse(&setting, "boxes"), SSGCAM_OK);
    cr_assert(!ssg_truth_given(&item, &setting));
    item.box_count = 1;
    cr_assert(ssg_truth_given(&item, &setting) && !ssg_truth_given(&item, &(ssg_truth_setting){SSG_TRUTH_CLASSES, 1}));
}
