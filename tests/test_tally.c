/* test_tally.c - files scored on several threads: the same figures, told in the same order, whatever fails or stops on the way. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ssgcam/eval.h>

#include "host/base/alloc.h"
#include "host/data/atomic_file.h"
#include "host/data/image.h"
#include "host/data/npy.h"
#include "host/eval/tally.h"

enum { ITEMS = 24, CLASSES = 3, SEVERAL = 7 };

TestSuite(tally, .timeout = 60);

/* ---- what is told ------------------------------------------------------------------------------------------------------------------------- */

typedef struct story {
    char text[8192];
    size_t length;
    atomic_int inside;
    int together;     /* two calls were made at once */
    int stop;         /* set at: */
    size_t stop_when; /* so many are done; 0: never */
} story;

static void tell(void *context, size_t done, size_t total, const char *id, const char *failure)
{
    story *s = context;
    s->together |= atomic_fetch_add(&s->inside, 1) > 0;
    int written = snprintf(s->text + s->length, sizeof s->text - s->length, "%zu of %zu, %s: %s\n", done, total, id, failure ? failure : "scored");
    s->length += (size_t)written;
    usleep(100); /* long enough for another to come in */
    if (done == s->stop_when) __atomic_store_n(&s->stop, 1, __ATOMIC_RELAXED);
    atomic_fetch_sub(&s->inside, 1);
}

/* ---- a scorer that does as it is told ------------------------------------------------------------------------------------------------------- */

typedef struct script {
    ssgcam_item items[ITEMS];
    char names[ITEMS][8];
    size_t memory_at;            /* this item finds none; 0: each does */
    atomic_int scored[ITEMS];    /* how often */
    int busy[SSG_TALLY_THREADS]; /* the thread of that number is at work */
    atomic_int wrong_thread;
    atomic_uint peers; /* threads that took part, as bits */
} script;

static ssgcam_status play(void *context, const ssgcam_item *item, int thread)
{
    script *s = context;
    size_t index = (size_t)(item - s->items);
    if (thread < 0 || thread >= SSG_TALLY_THREADS || s->busy[thread]) {
        atomic_store(&s->wrong_thread, 1);
        return SSGCAM_OK;
    }
    s->busy[thread] = 1;
    atomic_fetch_or(&s->peers, 1u << thread);
    atomic_fetch_add(&s->scored[index], 1);
    usleep(index % 4 == 0 ? 8000 : 500); /* some are ahead of their turn */
    s->busy[thread] = 0;
    if (s->memory_at && index == s->memory_at) return ssg_fail(SSGCAM_ERR_MEMORY, "out of memory: %s", item->id);
    return index % 3 == 1 ? ssg_fail(SSGCAM_ERR_INPUT, "%s is wrong", item->id) : SSGCAM_OK;
}

typedef struct ending {
    ssgcam_status status;
    size_t images, failed;
} ending;

static ending perform(script *s, int threads, story *told)
{
    const ssgcam_item *items[ITEMS];
    ending end = {.images = 0};
    for (int i = 0; i < ITEMS; i++) {
        snprintf(s->names[i], sizeof s->names[i], "i%d", i);
        s->items[i].id = s->names[i];
        items[i] = &s->items[i];
    }
    ssg_tally tally = {.progress = tell, .context = told, .stop = &told->stop, .total = ITEMS, .images = &end.images, .failed = &end.failed};
    end.status = ssg_tally_files(&tally, items, threads, play, s);
    cr_expect_eq(atomic_load(&s->wrong_thread), 0, "a thread's number is out of range, or that of another");
    cr_expect_eq(told->together, 0, "two images were told of at once");
    for (int i = 0; i < ITEMS; i++) cr_expect_leq(atomic_load(&s->scored[i]), 1, "image %d was scored again", i);
    return end;
}

/* The first `count` of them, in order. */
static void expect_told(const story *told, size_t count)
{
    story expected = {.length = 0};
    for (size_t i = 0; i < count; i++) {
        char id[8], failure[32];
        snprintf(id, sizeof id, "i%zu", i);
        snprintf(failure, sizeof failure, "i%zu is wrong", i);
        tell(&expected, i + 1, ITEMS, id, i % 3 == 1 ? failure : NULL);
    }
    cr_expect_str_eq(told->text, expected.text);
}

ParameterizedTestParameters(tally, tells_in_order)
{
    static int threads[] = {1, 2, SEVERAL, 1024};
    return cr_make_param_array(int, threads, sizeof threads / sizeof *threads);
}

ParameterizedTest(int *threads, tally, tells_in_order)
{
    script s = {.memory_at = 0};
    story told = {.length = 0};
    ending end = perform(&s, *threads, &told);
    cr_expect(end.status == SSGCAM_OK && end.images == ITEMS - ITEMS / 3 && end.failed == ITEMS / 3);
    expect_told(&told, ITEMS);
    unsigned peers = atomic_load(&s.peers);
    cr_expect_eq((peers & (peers - 1)) != 0, *threads > 1, "%d threads, and these worked: %#x", *threads, peers);
}

ParameterizedTestParameters(tally, ends_in_order)
{
    static int threads[] = {1, SEVERAL};
    return cr_make_param_array(int, threads, 2);
}

/* Where there is no memory, whatever others have scored already; and where somebody says stop. */
ParameterizedTest(int *threads, tally, ends_in_order)
{
    script poor = {.memory_at = 9}, stopped = {.memory_at = 0}, unbegun = {.memory_at = 0};
    story of_poor = {.length = 0}, of_stopped = {.stop_when = 5}, of_unbegun = {.stop = 1};
    ending end = perform(&poor, *threads, &of_poor);
    cr_expect(end.status == SSGCAM_ERR_MEMORY && end.images == 6 && end.failed == 3);
    cr_expect_str_eq(ssgcam_last_error(), "out of memory: i9");
    expect_told(&of_poor, 9);

    end = perform(&stopped, *threads, &of_stopped);
    cr_expect(end.status == SSGCAM_ERR_INTERRUPTED && end.images + end.failed == 5);
    cr_expect_str_eq(ssgcam_last_error(), "stopped on request after 5 of 24 images");
    expect_told(&of_stopped, 5);
    if (*threads == 1) cr_expect_eq(atomic_load(&stopped.scored[5]), 0, "it went on after that");

    end = perform(&unbegun, *threads, &of_unbegun);
    cr_expect(end.status == SSGCAM_ERR_INTERRUPTED && of_unbegun.length == 0 && atomic_load(&unbegun.scored[0]) == 0);
    cr_expect_str_eq(ssgcam_last_error(), "stopped on request after 0 of 24 images");
}

Test(tally, all_done_is_no_stop)
{
    script s = {.memory_at = 0};
    story told = {.stop_when = ITEMS};
    cr_expect_eq(perform(&s, SEVERAL, &told).status, SSGCAM_OK);
}

Test(tally, refuses_numbers_of_threads)
{
    script s = {.memory_at = 0};
    story told = {.length = 0};
    cr_expect_eq(perform(&s, -1, &told).status, SSGCAM_ERR_ARGUMENT);
    cr_expect_str_eq(ssgcam_last_error(), "-1 threads; give a positive number, or 0 for all processors");
    cr_expect_eq(perform(&s, 1025, &told).status, SSGCAM_ERR_ARGUMENT);
    cr_expect(strstr(ssgcam_last_error(), "1025 threads; give at most 1024"), "%s", ssgcam_last_error());
    cr_expect_eq(told.length, 0u);
}

/* ---- a set in files ------------------------------------------------------------------------------------------------------------------------- */

/* These cannot be scored: a picture that is cut off, a map or mask that is not there, a mask of another size, a map with NaN, a mask with 255. */
enum { CUT = 2, ABSENT = 5, ODD_SIZE = 11, NO_NUMBER = 14, UNDECIDED = 17 };

typedef struct set {
    char folder[40], paths[ITEMS][2][64], names[ITEMS][8];
    int labels[ITEMS][2];
    ssgcam_box boxes[ITEMS][2];
    ssgcam_item items[ITEMS];
    ssgcam_dataset data;
} set;

static void write_picture(const char *path, int width, int height, int number, int cut)
{
    uint8_t *pixels = calloc((size_t)width, (size_t)height), *png;
    size_t size;
    for (int i = 0; i < width * height; i++) pixels[i] = (uint8_t)((i / 3 * (number + 5) / 7 + i % width / 4) % (CLASSES + 1));
    if (number == UNDECIDED) pixels[1] = 255;
    cr_assert_eq(ssg_image_encode_png(&png, &size, &(ssg_image){width, height, 1, pixels}, 0), SSGCAM_OK);
    cr_assert_eq(ssg_file_write(path, png, cut ? 20 : size), SSGCAM_OK);
    ssg_free(png);
    free(pixels);
}

static void write_map(const set *s, int number, int class)
{
    enum { H = 9, W = 12 };
    char path[80];
    float values[H * W];
    for (int i = 0; i < H * W; i++) values[i] = fabsf(sinf((float)(i * (class + 2) + number) / 9)) * (float)(i % W) / W;
    if (number == NO_NUMBER) values[7] = NAN;
    snprintf(path, sizeof path, "%s/maps/i%d.%d.npy", s->folder, number, class);
    cr_assert_eq(ssg_npy_write(path, values, 2, (size_t[]){H, W}), SSGCAM_OK);
}

/* Sizes differ; every other image has two classes, and a box of each. */
static void write_item(set *s, int i)
{
    char path[80];
    int width = 20 + i % 7 * 3, height = 16 + i % 5 * 4;
    size_t classes = 1 + (size_t)i % 2;
    snprintf(s->names[i], sizeof s->names[i], "i%d", i);
    snprintf(s->paths[i][0], sizeof s->paths[i][0], "%s/i%d.png", s->folder, i);
    snprintf(s->paths[i][1], sizeof s->paths[i][1], "%s/t%d.png", s->folder, i);
    write_picture(s->paths[i][0], width, height, i, i == CUT);
    write_picture(s->paths[i][1], width, height, i + ITEMS, 0);
    snprintf(path, sizeof path, "%s/masks/i%d.png", s->folder, i);
    if (i != ABSENT) write_picture(path, width + (i == ODD_SIZE), height, i, i == CUT);
    for (size_t c = 0; c < classes; c++) {
        s->labels[i][c] = classes == 1 ? i % CLASSES : (int)c * 2;
        s->boxes[i][c] = (ssgcam_box){s->labels[i][c], 2 + (int)c, 3, width - 4, height - 2};
        if (i != ABSENT || c == 0) write_map(s, i, s->labels[i][c]); /* of one image only the first map is there */
    }
    s->items[i] = (ssgcam_item){.id = s->names[i],
                                .image = s->paths[i][0],
                                .mask = s->paths[i][1],
                                .labels = s->labels[i],
                                .label_count = classes,
                                .boxes = s->boxes[i],
                                .box_count = classes};
}

static void run_in_shell(const char *format, const set *s)
{
    char command[160];
    snprintf(command, sizeof command, format, s->folder, s->folder);
    cr_assert_eq(system(command), 0, "%s", command);
}

static void make_set(set *s)
{
    *s = (set){.folder = "/tmp/ssgcam-tally-XXXXXX"};
    cr_assert_not_null(mkdtemp(s->folder));
    run_in_shell("mkdir %s/masks %s/maps", s);
    for (int i = 0; i < ITEMS; i++) write_item(s, i);
    s->data = (ssgcam_dataset){.items = s->items, .count = ITEMS, .class_count = CLASSES};
}

typedef struct sources {
    char masks[56], maps[56];
} sources;

static sources sources_of(const set *s)
{
    sources paths;
    snprintf(paths.masks, sizeof paths.masks, "%s/masks", s->folder);
    snprintf(paths.maps, sizeof paths.maps, "%s/maps", s->folder);
    return paths;
}

static ssgcam_status evaluate_masks(const set *s, int from_maps, int threads, ssgcam_eval_result *result, story *told)
{
    sources paths = sources_of(s);
    ssgcam_eval_options o = {.data = &s->data, .threshold = 90, .progress = tell, .context = told, .threads = threads};
    *(from_maps ? &o.maps : &o.predictions) = from_maps ? paths.maps : paths.masks;
    return ssgcam_eval_masks(&o, result);
}

static ssgcam_status evaluate_boxes(const set *s, int threads, ssgcam_boxes_result *result, story *told)
{
    sources paths = sources_of(s);
    return ssgcam_eval_boxes(&(ssgcam_boxes_options){.data = &s->data, .maps = paths.maps, .progress = tell, .context = told, .threads = threads},
                             result);
}

#define EXPECT_SAME(a, b, member) cr_expect_eq(memcmp(&(a).member, &(b).member, sizeof(a).member), 0, #member " differs")

static void compare_masks(const set *s, int from_maps, size_t failing)
{
    static ssgcam_eval_result one, several;
    story of_one = {.length = 0}, of_several = {.length = 0};
    cr_assert_eq(evaluate_masks(s, from_maps, 1, &one, &of_one), SSGCAM_ERR_PARTIAL, "%s", ssgcam_last_error());
    cr_assert_eq(evaluate_masks(s, from_maps, SEVERAL, &several, &of_several), SSGCAM_ERR_PARTIAL, "%s", ssgcam_last_error());
    cr_expect_str_eq(of_several.text, of_one.text);
    cr_expect(one.images == ITEMS - failing && one.failed == failing, "%zu and %zu", one.images, one.failed);
    cr_expect(several.images == one.images && several.failed == one.failed);
    cr_expect_arr_eq(several.confusion, one.confusion, (CLASSES + 1) * (CLASSES + 1) * sizeof *one.confusion);
    cr_expect_arr_eq(several.iou, one.iou, (CLASSES + 1) * sizeof *one.iou);
    EXPECT_SAME(several, one, mean_iou);
    EXPECT_SAME(several, one, foreground_iou);
    EXPECT_SAME(several, one, object_iou);
    EXPECT_SAME(several, one, object_mean);
    EXPECT_SAME(several, one, curve_mean);
    EXPECT_SAME(several, one, curve_foreground);
    EXPECT_SAME(several, one, curve_object_mean);
    EXPECT_SAME(several, one, px_ap);
    EXPECT_SAME(several, one, px_precision);
    EXPECT_SAME(several, one, px_recall);
    cr_expect(one.mean_iou > 0 && (!from_maps || (one.px_ap > 0 && one.curve_mean[20] > 0)));
    ssgcam_eval_clear(&one);
    ssgcam_eval_clear(&several);
}

Test(tally, threads_change_no_figure_of_masks)
{
    set s;
    make_set(&s);
    compare_masks(&s, 0, 4); /* of predicted masks the pictures are not read */
    compare_masks(&s, 1, 3);
    run_in_shell("rm -r %s", &s);
}

Test(tally, threads_change_no_hit_of_boxes)
{
    static ssgcam_boxes_result one, several;
    story of_one = {.length = 0}, of_several = {.length = 0};
    set s;
    make_set(&s);
    cr_assert_eq(evaluate_boxes(&s, 1, &one, &of_one), SSGCAM_ERR_PARTIAL, "%s", ssgcam_last_error());
    cr_assert_eq(evaluate_boxes(&s, SEVERAL, &several, &of_several), SSGCAM_ERR_PARTIAL, "%s", ssgcam_last_error());
    cr_expect_str_eq(of_several.text, of_one.text);
    /* Of the two that fail one has two labels, and a map of only one of them. */
    cr_expect(one.images == ITEMS - 2 && one.failed == 2 && one.maps == ITEMS * 3 / 2 - 3, "%zu, %zu and %zu", one.images, one.failed, one.maps);
    EXPECT_SAME(several, one, maps);
    EXPECT_SAME(several, one, largest);
    EXPECT_SAME(several, one, any);
    EXPECT_SAME(several, one, max_box_acc);
    EXPECT_SAME(several, one, max_box_acc_v2);
    cr_expect_gt(one.max_box_acc, 0);
    run_in_shell("rm -r %s", &s);
}

/* On one thread each allocation fails in turn; on several some do, and leave nothing behind. */
ParameterizedTestParameters(tally, failing_allocations)
{
    static int threads[] = {1, SEVERAL};
    return cr_make_param_array(int, threads, 2);
}

ParameterizedTest(int *threads, tally, failing_allocations)
{
    static ssgcam_eval_result masks;
    static ssgcam_boxes_result boxes;
    set s;
    make_set(&s);
    s.data.count = ABSENT + 2; /* of failing ones too */
    for (int kind = 0; kind < 3; kind++) {
        ssgcam_status status = SSGCAM_ERR_MEMORY;
        for (long n = 1; status == SSGCAM_ERR_MEMORY; n++) {
            story told = {.length = 0};
            ssg_alloc_fail_at(n, 0);
            status = kind < 2 ? evaluate_masks(&s, kind, *threads, &masks, &told) : evaluate_boxes(&s, *threads, &boxes, &told);
            ssg_alloc_fail_at(0, 0);
            ssgcam_eval_clear(&masks);
        }
        cr_expect_eq(status, SSGCAM_ERR_PARTIAL, "%s", ssgcam_last_error());
    }
    run_in_shell("rm -r %s", &s);
}
