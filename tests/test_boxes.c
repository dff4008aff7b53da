/* Contours of level sets and hits of boxes, against OpenCV (tests/fixtures/make_boxes.py) and the examples of wsolevaluation's own tests. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/eval/box_score.h"
#include "tests/support/packed.h"

typedef struct expected {
    packed_file *file;
    int next; /* the threshold that must come next, downwards */
    ssg_contour *at[256];
    size_t count[256];
} expected;

static void compare(void *context, int low, int high, const ssg_contour *contours, size_t count)
{
    expected *e = context;
    cr_assert_eq(high, e->next, "threshold %d was left out", e->next);
    for (int tau = low; tau <= high; tau++) {
        cr_assert_eq(count, e->count[tau], "threshold %d: %zu contours, expected %zu", tau, count, e->count[tau]);
        for (size_t i = 0; i < count; i++) {
            const ssg_contour *a = &contours[i], *b = &e->at[tau][i];
            cr_assert(a->x0 == b->x0 && a->y0 == b->y0 && a->x1 == b->x1 && a->y1 == b->y1 && a->area2 == b->area2,
                      "threshold %d, contour %zu: %d %d %d %d area %g, expected %d %d %d %d area %g", tau, i, a->x0, a->y0, a->x1, a->y1,
                      (double)a->area2 / 2, b->x0, b->y0, b->x1, b->y1, (double)b->area2 / 2);
        }
    }
    e->next = low - 1;
}

static void read_contours(expected *e)
{
    for (int tau = 0; tau < 256; tau++) {
        e->count[tau] = packed_u32(e->file);
        e->at[tau] = calloc(e->count[tau] + 1, sizeof **e->at);
        for (size_t i = 0; i < e->count[tau]; i++) {
            int32_t v[5];
            packed_read(e->file, v, sizeof v);
            e->at[tau][i] = (ssg_contour){v[0], v[1], v[2], v[3], v[4], 0};
        }
    }
}

Test(boxes, equal_to_opencv)
{
    expected e = {.file = packed_open(SSG_FIXTURES "/boxes.bin.gz")};
    for (uint32_t left = packed_u32(e.file); left > 0; left--) {
        uint32_t width = packed_u32(e.file), height = packed_u32(e.file);
        uint8_t *q = packed_bytes(e.file, width * height), wanted[SSG_BOX_THRESHOLDS][SSG_BOX_DELTAS];
        uint32_t truths = packed_u32(e.file);
        ssg_pixel_box *truth = packed_bytes(e.file, truths * sizeof *truth);
        ssg_contours *contours;
        ssg_box_hits hits;
        read_contours(&e);
        packed_read(e.file, wanted, sizeof wanted);
        cr_assert_eq(ssg_contours_create(&contours, (int)width, (int)height), SSGCAM_OK);
        for (int again = 0; again < 2; again++) { /* the working memory serves many maps */
            e.next = 255;
            ssg_contours_visit(contours, q, compare, &e);
            cr_assert_eq(e.next, -1);
        }
        ssg_box_score(&hits, contours, q, (int)width, (int)height, truth, truths);
        for (int tau = 0; tau < SSG_BOX_THRESHOLDS; tau++)
            for (int d = 0; d < SSG_BOX_DELTAS; d++)
                cr_assert_eq(hits.largest[d][tau] + 2 * hits.any[d][tau], wanted[tau][d], "%u x %u, threshold %d, IoU %d", width, height, tau,
                             ssg_box_deltas[d]);
        for (int tau = 0; tau < 256; tau++) free(e.at[tau]);
        ssg_contours_destroy(&contours);
        free(truth);
        free(q);
    }
    packed_close(e.file);
}

/* ---- wsolevaluation's examples (evaluation_test.py)
 * ------------------------------------------------------------------------------------------------ */

typedef struct largest_at {
    int tau, width, height;
    ssg_pixel_box box;
} largest_at;

static void take_largest(void *context, int low, int high, const ssg_contour *c, size_t count)
{
    largest_at *l = context;
    int64_t most = -1;
    if (l->tau < low || l->tau > high) return;
    l->box = (ssg_pixel_box){0, 0, 0, 0};
    for (size_t i = 0; i < count; i++) {
        if (c[i].area2 <= most) continue;
        most = c[i].area2;
        l->box = (ssg_pixel_box){c[i].x0, c[i].y0, c[i].x1 + 1 < l->width ? c[i].x1 + 1 : l->width - 1,
                                 c[i].y1 + 1 < l->height ? c[i].y1 + 1 : l->height - 1};
    }
}

static void check_example(const float map[20], const char *const boxes[5])
{
    uint8_t q[20];
    ssg_contours *contours;
    ssg_box_levels(q, map, 20);
    cr_assert_eq(ssg_contours_create(&contours, 5, 4), SSGCAM_OK);
    for (int i = 0; i < 5; i++) {
        char text[5];
        largest_at l = {.tau = 51 * i, .width = 5, .height = 4};
        ssg_contours_visit(contours, q, take_largest, &l);
        snprintf(text, sizeof text, "%d%d%d%d", l.box.x0 % 10, l.box.y0 % 10, l.box.x1 % 10, l.box.y1 % 10);
        cr_assert_str_eq(text, boxes[i], "threshold 0.%d: %s, expected %s", 2 * i, text, boxes[i]);
    }
    ssg_contours_destroy(&contours);
}

Test(boxes, examples)
{
    const float first[20] = {0, 0, 0, 0, 0, 0, .4f, .4f, .4f, .6f, 0, .4f, 1, .8f, .6f, 0, .4f, .4f, .4f, .6f};
    const float second[20] = {.4f, 0, .2f, .2f, .2f, .4f, .4f, 0, .4f, 0, 0, 0, 0, .4f, 0, 1, .6f, .8f, .2f, .2f};
    const float none[20] = {0};
    check_example(first, (const char *const[]){"1143", "1143", "2143", "2243", "2233"});
    check_example(second, (const char *const[]){"0043", "0022", "0333", "2333", "0313"});
    check_example(none, (const char *const[]){"0000", "0000", "0000", "0000", "0000"});
}

Test(boxes, iou_and_scaling)
{
    ssg_pixel_box a = {1, 2, 5, 6}, b = {3, 1, 4, 5}, on_map;
    ssgcam_box box = {.x0 = 1, .y0 = 2, .x1 = 5, .y1 = 4}; /* 1 2 4 3 with both ends inside */
    cr_assert_float_eq(ssg_box_iou(&a, &b), 8.0 / 27, 1e-15);
    cr_assert_eq(ssg_box_on_map(&on_map, &box, &(ssg_region){0, 0, 10, 20}, 35, 10), 1);
    cr_assert(on_map.x0 == 3 && on_map.y0 == 1 && on_map.x1 == 14 && on_map.y1 == 1);
    /* A view that leaves out the edges: what sticks out is cut, what lies outside is not there. */
    cr_assert_eq(ssg_box_on_map(&on_map, &box, &(ssg_region){3, 0, 4, 4}, 8, 8), 1);
    cr_assert(on_map.x0 == 0 && on_map.y0 == 4 && on_map.x1 == 2 && on_map.y1 == 6);
    cr_assert_eq(ssg_box_on_map(&on_map, &box, &(ssg_region){6, 0, 4, 4}, 8, 8), 0);
}

Test(boxes, maps_that_say_nothing)
{
    uint8_t q[4];
    const uint8_t zeros[4] = {0};
    ssg_box_levels(q, (const float[]){2, 2, 2, 2}, 4);
    cr_assert_eq(memcmp(q, zeros, sizeof q), 0);
    ssg_box_levels(q, (const float[]){1, NAN, 3, 2}, 4);
    cr_assert_eq(memcmp(q, zeros, sizeof q), 0);
    ssg_box_levels(q, (const float[]){-1, 0, 1, 0.99f}, 4);
    cr_assert(q[0] == 0 && q[1] == 127 && q[2] == 255 && q[3] == 253);
}
