/* test_bank.c - a bank that is larger than the simulated device's memory streams through it, with the counts and the best thresholds of the host. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/philox.h"
#include "host/search/bank_device.h"
#include "tests/cudasim/sim.h"

/* The last class occurs nowhere. So many rows that the histograms of several images fit beside the bank. */
enum { IMAGES = 20, CLASSES = 4, LABELS = CLASSES + 1, ROWS = 96, LAYERS = 4, CANDIDATES = 5 };

static ssg_score_image images[IMAGES];
static ssg_candidate candidates[CANDIDATES];
static size_t image_count = IMAGES, bank_bytes;
static int brief; /* the last two measures, which go the two ways that there are, of all candidates at once */

static void make_bank(void)
{
    static const uint8_t names[] = {0, 1, 2};
    ssg_draws draws = ssg_draws_named(3, 0, 0, 0);
    for (size_t i = 0; i < image_count; i++) {
        size_t stride = 64 * (3 + i % 3), classes = 1 + i % 2;
        uint8_t *maps = malloc(classes * ROWS * stride), *truth = malloc(stride);
        for (size_t x = 0; x < classes * ROWS * stride; x++) maps[x] = (uint8_t)(x / stride % ROWS ? ssg_draw_below(&draws, 256) : 85 * (x % 4));
        for (size_t x = 0; x < stride; x++) truth[x] = (uint8_t)(x + 20 > stride ? 255 : ssg_draw_below(&draws, LABELS - 1));
        images[i] = (ssg_score_image){.maps = maps, .truth = truth, .classes = names + i % 2, .class_count = classes, .rows = ROWS, .stride = stride};
        bank_bytes += (classes * ROWS + 1) * stride;
    }
    for (size_t p = 0; p < CANDIDATES; p++)
        for (size_t l = 0; l < LAYERS; l++) {
            candidates[p].row[l] = ssg_draw_below(&draws, ROWS);
            candidates[p].weight[l] = (uint8_t)ssg_draw_below(&draws, 32);
            candidates[p].tau = (uint8_t)ssg_draw_below(&draws, 256);
        }
    candidates[0] = (ssg_candidate){.weight = {0}};   /* claims nothing: all thresholds are equal */
    candidates[1] = (ssg_candidate){.weight = {127}}; /* row 0, of four values: many are */
}

static void drop_bank(void)
{
    for (size_t i = 0; i < image_count; i++) free((void *)images[i].maps), free((void *)images[i].truth);
}

enum { MEASURES = SSG_MEASURE_IMAGE_IOU + 1 };

typedef struct counts {
    ssg_counts all[CANDIDATES * LABELS], each[CANDIDATES * IMAGES * LABELS];
    double value[MEASURES][CANDIDATES + 1]; /* of the best thresholds; behind those of all candidates the last one's without the others */
    uint8_t tau[MEASURES][CANDIDATES + 1];
} counts;

static ssgcam_status solve(counts *out, const ssg_bank *bank, ssg_measure m)
{
    ssg_solution solved[CANDIDATES + 1] = {0};
    const ssg_candidate *last = &candidates[CANDIDATES - 1];
    ssgcam_status status = ssg_objective_solve(solved, bank, candidates, NULL, CANDIDATES, LAYERS, m, NULL, 1, NULL);
    if (status == SSGCAM_OK && !brief) status = ssg_objective_solve(&solved[CANDIDATES], bank, last, NULL, 1, LAYERS, m, NULL, 1, NULL);
    for (size_t p = 0; p <= CANDIDATES; p++) out->value[m][p] = solved[p].value, out->tau[m][p] = solved[p].tau;
    return status;
}

static ssgcam_status count(counts *out, ssg_bank_device *device)
{
    ssg_bank bank = {.images = images, .image_count = image_count, .class_count = CLASSES, .device = device};
    ssgcam_status status = ssg_objective_count(out->all, out->each, &bank, candidates, CANDIDATES, LAYERS, NULL, 1);
    for (int m = brief ? SSG_MEASURE_OBJECT_IOU : 0; status == SSGCAM_OK && m < MEASURES; m++) status = solve(out, &bank, (ssg_measure)m);
    return status;
}

/* The bank scored with so much memory, on the device if it is large enough for that. */
static ssgcam_status count_within(counts *out, size_t memory, int *on_device)
{
    ssg_bank bank = {.images = images, .image_count = image_count, .class_count = CLASSES};
    ssg_device *device;
    ssg_bank_device *copy = NULL;
    cudasim_set_machine(1, 13000, memory + cudasim_memory_used()); /* beside what an earlier failure left behind */
    ssgcam_status status = ssgcam_device_open(&device, "cuda", 1);
    if (status == SSGCAM_OK) status = ssg_bank_device_create(&copy, device, &bank);
    *on_device = copy != NULL;
    if (status == SSGCAM_OK && copy) status = count(out, copy);
    ssg_bank_device_destroy(&copy);
    ssgcam_device_close(&device);
    return status;
}

static void no_faults(long call)
{
    const char *text;
    for (size_t i = 0; i < cudasim_fault_count(); i++) {
        cudasim_fault_at(i, &text);
        cr_expect(0, "call %ld: %s", call, text);
    }
    cudasim_faults_clear();
}

Test(bank, streams_where_it_does_not_fit, .timeout = 120)
{
    static counts host, device;
    make_bank();
    cr_assert_eq(count(&host, NULL), SSGCAM_OK);
    int streamed = 0, stayed = 0;
    for (size_t memory = 2 * bank_bytes; memory > bank_bytes / 8; memory -= bank_bytes / 4) {
        int on_device;
        memset(&device, 0, sizeof device);
        ssgcam_status status = count_within(&device, memory, &on_device);
        if (status == SSGCAM_ERR_MEMORY) continue; /* not even what surrounds the bank has room */
        cr_assert_eq(status, SSGCAM_OK, "%s", ssgcam_last_error());
        if (!on_device) continue; /* the host scores */
        cr_expect_arr_eq(&device, &host, sizeof host, "%zu bytes of memory for a bank of %zu", memory, bank_bytes);
        if (memory > bank_bytes)
            stayed++;
        else
            streamed++;
        cudasim_check_leaks();
        no_faults(0);
    }
    cr_expect_gt(stayed, 0);
    cr_expect_gt(streamed, 1);
    drop_bank();
}

/* As memory that has run out, or as a device that is lost from then on; a release that fails as if memory had run out leaves something behind,
 * rightly. */
static void fail_each(int lost)
{
    static counts host, device;
    int on_device;
    image_count = 6; /* every call takes a run of its own */
    brief = 1;
    make_bank();
    cudasim_set_trace(0);
    cr_assert_eq(count(&host, NULL), SSGCAM_OK);
    long before = cudasim_call_count();
    cr_assert_eq(count_within(&device, bank_bytes / 8 * 7, &on_device), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert(on_device);
    long calls = cudasim_call_count() - before;
    for (long n = 1; n <= calls; n++) {
        memset(&device, 0, sizeof device);
        cudasim_fail_call(n, lost);
        ssgcam_status status = count_within(&device, bank_bytes / 8 * 7, &on_device);
        cudasim_fail_call(0, 0);
        if (status == SSGCAM_OK && on_device) cr_expect_arr_eq(&device, &host, sizeof host, "call %ld failed unseen", n);
        if (lost) cudasim_check_leaks();
        no_faults(n);
    }
    drop_bank();
}

Test(bank, any_call_may_fail_while_it_streams, .timeout = 120)
{
    fail_each(0);
}

Test(bank, the_device_may_be_lost_while_it_streams, .timeout = 120)
{
    fail_each(1);
}
