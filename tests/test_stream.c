/* test_stream.c - images through one device and through several: the same bytes in the same order, also where a device fails on the way, memory runs
 * out, someone says stop. The devices are CPUs; some pretend to work beside the host, as GPUs do, so that two parts are under way at once. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <ssgcam/model.h>

#include "host/base/alloc.h"
#include "host/data/atomic_file.h"
#include "host/data/image.h"
#include "host/flow/stream.h"

enum { IMAGES = 13, BROKEN = 3, WRONG_LABEL = 8 };

/* ---- inputs ------------------------------------------------------------------------------------------------------------------------------ */

static char folder[] = "/tmp/ssgcam-stream-XXXXXX";
static char paths[IMAGES][64];
static int labels[IMAGES][2];
static ssgcam_item items[IMAGES];
static const ssgcam_item *chosen[IMAGES];
static ssgcam_model *model;
static ssgcam_recipe *recipe;

static void write_picture(const char *path, int number)
{
    uint8_t pixels[40 * 30 * 3], *bytes;
    size_t size;
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * (size_t)(7 + number) / 11 + i / 40 * (size_t)number);
    cr_assert_eq(ssg_image_encode_png(&bytes, &size, &(ssg_image){40, 30, 3, pixels}, 0), SSGCAM_OK);
    cr_assert_eq(ssg_file_write(path, bytes, number == BROKEN ? 20 : size), SSGCAM_OK);
    ssg_free(bytes);
}

/* Without labels, with one, with two; one file is broken and one label is none of the model's. */
static void open_inputs(void)
{
    ssgcam_method_options method = ssgcam_method_defaults(SSGCAM_METHOD_SSGCAM);
    cr_assert_not_null(mkdtemp(folder));
    for (int i = 0; i < IMAGES; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%d.png", folder, i);
        write_picture(paths[i], i);
        labels[i][0] = i == WRONG_LABEL ? 77 : 0;
        labels[i][1] = 2;
        items[i] = (ssgcam_item){.id = paths[i], .image = paths[i], .labels = labels[i], .label_count = i == WRONG_LABEL ? 1 : (size_t)i % 3};
        chosen[i] = &items[i];
    }
    cr_assert_eq(ssgcam_model_load(&model, SSG_FIXTURES "/tiny.onnx", NULL), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(ssgcam_recipe_for_model(&recipe, model, &method, "all", NULL, 0, 100), SSGCAM_OK, "%s", ssgcam_last_error());
}

static void close_inputs(void)
{
    for (int i = 0; i < IMAGES; i++) unlink(paths[i]);
    rmdir(folder);
    ssgcam_recipe_destroy(&recipe);
    ssgcam_model_destroy(&model);
}

TestSuite(stream, .init = open_inputs, .fini = close_inputs, .timeout = 60);

/* ---- what comes out ----------------------------------------------------------------------------------------------------------------------- */

typedef struct results {
    size_t count, failed, fail_at; /* fail_at: the consumer refuses that image (0: none) */
    int *stop, together;
    uint64_t sums[IMAGES];
    char message[IMAGES][512];
    char log[4096]; /* what was said meanwhile */
} results;

static ssgcam_status collect(void *context, const ssg_stream_image *image)
{
    results *r = context;
    size_t bytes = (size_t)image->grid_width * (size_t)image->grid_height * sizeof(int16_t);
    uint64_t sum = (uint64_t)image->class_count;
    for (int c = 0; c < image->class_count; c++) sum = sum * 31 + XXH3_64bits_withSeed(image->fused[c], bytes, (uint64_t)image->classes[c]);
    if (r->fail_at && image->index == r->fail_at) return ssg_fail(SSGCAM_ERR_IO, "%0700d: the consumer is full", 7);
    if (r->together) SSG_TRY(ssg_stream_await_turn(image));
    cr_assert_eq(image->index, r->count, "image %zu came as number %zu", image->index, r->count);
    r->sums[r->count] = sum;
    if (image->status != SSGCAM_OK) {
        r->failed++;
        snprintf(r->message[r->count], sizeof r->message[0], "%s", image->message);
    }
    r->count++;
    if (r->stop && r->count == 4) __atomic_store_n(r->stop, 1, __ATOMIC_RELAXED);
    return SSGCAM_OK;
}

static ssgcam_status run_on(ssg_device *device, int batch, results *r)
{
    ssg_stream_options options = {.device = device,
                                  .model = model,
                                  .recipe = recipe,
                                  .items = chosen,
                                  .count = IMAGES,
                                  .batch = batch,
                                  .together = r->together,
                                  .stop = r->stop};
    FILE *log = tmpfile();
    int standard = dup(STDERR_FILENO);
    fflush(stderr);
    dup2(fileno(log), STDERR_FILENO);
    ssgcam_status status = ssg_stream_run(&options, collect, r, NULL);
    dup2(standard, STDERR_FILENO);
    close(standard);
    rewind(log);
    r->log[fread(r->log, 1, sizeof r->log - 1, log)] = '\0';
    fclose(log);
    return status;
}

static int count_of(const char *text, const char *what)
{
    int count = 0;
    for (; (text = strstr(text, what)); text++) count++;
    return count;
}

/* The first `count` are those of one device, image by image. */
static void expect_right(const results *r, int batch, size_t count)
{
    ssg_device *device;
    results right = {0};
    cr_assert_eq(ssgcam_device_open(&device, "cpu", 1), SSGCAM_OK);
    cr_assert_eq(run_on(device, batch, &right), SSGCAM_OK, "%s", ssgcam_last_error());
    ssgcam_device_close(&device);
    cr_assert_eq(right.count, (size_t)IMAGES);
    cr_expect_eq(right.failed, 2u);
    cr_expect(strstr(right.message[WRONG_LABEL], "label 77, but the model has classes 0 to 2"), "%s", right.message[WRONG_LABEL]);
    cr_assert_leq(count, right.count);
    for (size_t i = 0; i < count; i++) {
        cr_expect_eq(r->sums[i], right.sums[i], "image %zu differs", i);
        cr_expect_str_eq(r->message[i], right.message[i]);
    }
}

/* ---- devices that fail -------------------------------------------------------------------------------------------------------------------- */

/* CPU devices with faults of their own: each has its part of this table, by its place in the chain. */
static struct fault {
    ssg_device_interface interface;
    const ssg_device_interface *real;
    long fail_from;      /* this and all later uploads fail */
    size_t largest_lane; /* bytes; larger ones are out of memory. 0: all fit */
    _Atomic long uploads;
} faults[3];

static struct fault *fault_of(const ssg_device *device)
{
    return (struct fault *)(uintptr_t)device->interface; /* its first member */
}

static ssgcam_status send_or_fail(ssg_device *device, ssg_lane *lane, const void *from, size_t bytes)
{
    struct fault *f = fault_of(device);
    if (f->fail_from && ++f->uploads >= f->fail_from) return ssg_fail(SSGCAM_ERR_DEVICE, "%0700d: it fell off the bus", 7);
    return f->real->send(device, lane, from, bytes);
}

static ssgcam_status lane_or_fail(ssg_device *device, size_t bytes, ssg_lane **lane)
{
    struct fault *f = fault_of(device);
    *lane = NULL;
    if (f->largest_lane && bytes > f->largest_lane) return ssg_fail(SSGCAM_ERR_MEMORY, "out of memory while asking for %zu bytes", bytes);
    return f->real->lane_create(device, bytes, lane);
}

/* Opens "cpu,cpu..."; beside: as if they worked while the host goes on, and as if that had several threads, all of which then read and consume. */
static ssg_device *open_faulty(int count, int beside)
{
    static const char *const names[] = {"cpu", "cpu,cpu", "cpu,cpu,cpu"};
    ssg_device *device;
    cr_assert_eq(ssgcam_device_open(&device, names[count - 1], 1), SSGCAM_OK, "%s", ssgcam_last_error());
    struct fault *f = faults;
    for (ssg_device *d = device; d; d = d->next, f++) {
        *f = (struct fault){.interface = *d->interface, .real = d->interface};
        f->interface.send = send_or_fail;
        f->interface.lane_create = lane_or_fail;
        if (beside) f->interface.host_memory = 0;
        if (beside) d->threads = 5;
        d->interface = &f->interface;
    }
    cr_assert_eq(f - faults, count);
    return device;
}

/* ---- tests ------------------------------------------------------------------------------------------------------------------------------------ */

Test(stream, several_devices_change_no_byte)
{
    for (int count = 1; count <= 3; count++)
        for (int beside = 0; beside < 2; beside++)
            for (int batch = 1; batch <= 5; batch += 2) {
                ssg_device *device = open_faulty(count, beside);
                results r = {.together = beside};
                cr_expect_eq(run_on(device, batch, &r), SSGCAM_OK, "%s", ssgcam_last_error());
                cr_expect_eq(r.count, (size_t)IMAGES);
                cr_expect_str_eq(r.log, "");
                expect_right(&r, batch, r.count);
                ssgcam_device_close(&device);
            }
}

Test(stream, the_others_finish_what_a_lost_device_began)
{
    for (int beside = 0; beside < 2; beside++)
        for (long from = 1; from <= 4; from++) {
            ssg_device *device = open_faulty(2, beside);
            results r = {.together = beside};
            faults[1].fail_from = from;
            cr_expect_eq(run_on(device, 2, &r), SSGCAM_OK, "%s", ssgcam_last_error());
            cr_expect_eq(r.count, (size_t)IMAGES);
            int said =
                count_of(r.log, "it fell off the bus; the other device goes on without it") + count_of(r.log, "it fell off the bus; all is done");
            cr_expect_leq(said, 1); /* it may never have got its turn */
            expect_right(&r, 2, r.count);
            ssgcam_device_close(&device);
        }
}

Test(stream, with_no_device_left_it_stops_and_keeps_what_is_done)
{
    for (int count = 1; count <= 2; count++)
        for (int beside = 0; beside < 2; beside++) {
            ssg_device *device = open_faulty(count, beside);
            results r = {.together = beside};
            for (int d = 0; d < count; d++) faults[d].fail_from = 3 - d;
            cr_expect_eq(run_on(device, 2, &r), SSGCAM_ERR_DEVICE);
            cr_expect(strstr(ssgcam_last_error(), "it fell off the bus"), "%s", ssgcam_last_error());
            cr_expect_lt(r.count, (size_t)IMAGES);
            cr_expect_eq(r.count % 2, 0u); /* whole batches */
            /* Two batches were begun; beside the host the second may still be under way. */
            if (count == 1) cr_expect(r.count == 4 || (beside && r.count == 2), "%zu", r.count);
            expect_right(&r, 2, r.count);
            ssgcam_device_close(&device);
        }
}

Test(stream, memory_that_runs_out_is_said_once)
{
    for (int count = 1; count <= 2; count++)
        for (int beside = 0; beside < 2; beside++) {
            ssg_device *device = open_faulty(count, beside);
            results r = {.together = beside};
            for (int d = 0; d < count; d++) faults[d].largest_lane = 2 * 32 * 48 * 3 * sizeof(float); /* two images at a time, not eight */
            cr_expect_eq(run_on(device, 8, &r), SSGCAM_OK, "%s", ssgcam_last_error());
            cr_expect_eq(count_of(r.log, "out of memory"), 1, "%s", r.log);
            cr_expect_eq(count_of(r.log, "going on with fewer than 8 images at a time (--batch)"), 1, "%s", r.log);
            expect_right(&r, 8, r.count);
            for (int d = 0; d < count; d++) faults[d].largest_lane = 100; /* not even one */
            r = (results){.together = beside};
            cr_expect_eq(run_on(device, 8, &r), SSGCAM_ERR_MEMORY);
            cr_expect_eq(r.count, 0u);
            ssgcam_device_close(&device);
        }
}

Test(stream, a_device_without_memory_leaves_the_work_to_the_others)
{
    ssg_device *device = open_faulty(3, 1);
    results r = {0};
    faults[0].largest_lane = 100;
    faults[2].largest_lane = 100;
    cr_expect_eq(run_on(device, 2, &r), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_expect_eq(r.count, (size_t)IMAGES);
    expect_right(&r, 2, r.count);
    ssgcam_device_close(&device);
}

Test(stream, stop_ends_between_batches)
{
    for (int beside = 0; beside < 2; beside++) {
        ssg_device *device = open_faulty(2, beside);
        int stop = 0;
        results r = {.stop = &stop, .together = beside};
        cr_expect_eq(run_on(device, 1, &r), SSGCAM_ERR_INTERRUPTED);
        cr_expect_geq(r.count, 4u);
        cr_expect_lt(r.count, (size_t)IMAGES);
        expect_right(&r, 1, r.count);
        ssgcam_device_close(&device);
    }
}

Test(stream, a_consumer_that_fails_ends_it)
{
    for (int beside = 0; beside < 2; beside++) {
        ssg_device *device = open_faulty(2, beside);
        results r = {.fail_at = 5, .together = beside};
        cr_expect_eq(run_on(device, 2, &r), SSGCAM_ERR_IO);
        const char *words = strstr(ssgcam_last_error(), "7: the consumer is full"); /* whole, however long a path is */
        cr_expect(words && words == ssgcam_last_error() + 699, "%s", ssgcam_last_error());
        cr_expect_eq(r.count, 5u);
        ssgcam_device_close(&device);
    }
}

/* ---- threads that read and consume ----------------------------------------------------------------------------------------------------------------
 */

typedef struct crowd {
    _Atomic int inside, most;
    size_t count;
} crowd;

/* Stays until another image is consumed beside this one, for a second at most. */
static ssgcam_status meet(void *context, const ssg_stream_image *image)
{
    crowd *c = context;
    int inside = ++c->inside;
    for (int ms = 0; ms < 1000 && c->most < 2; ms++) {
        if (inside > c->most) c->most = inside;
        usleep(1000);
    }
    c->inside--;
    SSG_TRY(ssg_stream_await_turn(image));
    cr_expect_eq(image->index, c->count++);
    return SSGCAM_OK;
}

Test(stream, consumers_work_at_the_same_time)
{
    ssg_device *device = open_faulty(1, 1);
    crowd c = {0};
    ssg_stream_options options = {.device = device, .model = model, .recipe = recipe, .items = chosen, .count = IMAGES, .batch = 2, .together = 1};
    cr_expect_eq(ssg_stream_run(&options, meet, &c, NULL), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_expect_eq(c.count, (size_t)IMAGES);
    cr_expect_geq(c.most, 2);
    ssgcam_device_close(&device);
}

/* A file that is a pipe opens once somebody writes to it. This one does so in turn, the last one first. */
static void *write_backwards(void *unused)
{
    for (int i = 2; i >= 0; i--) close(open(paths[i], O_WRONLY));
    return unused;
}

/* A single reader would wait for the first one for ever. */
Test(stream, readers_work_at_the_same_time)
{
    pthread_t writer;
    ssg_device *device = open_faulty(1, 1);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(unlink(paths[i]), 0);
        cr_assert_eq(mkfifo(paths[i], 0600), 0);
    }
    cr_assert_eq(pthread_create(&writer, NULL, write_backwards, NULL), 0);
    results r = {.together = 1};
    cr_expect_eq(run_on(device, 3, &r), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_expect_eq(r.count, (size_t)IMAGES);
    cr_expect_eq(r.failed, 5u);
    cr_expect(strstr(r.message[0], "not a regular file"), "%s", r.message[0]);
    pthread_join(writer, NULL);
    ssgcam_device_close(&device);
}

/* ---- views ------------------------------------------------------------------------------------------------------------------------------------- */

enum { GRID_H = 24, GRID_W = 21, GRID = GRID_H * GRID_W };

/* Maps of all images on a grid of their own. */
typedef struct mixtures {
    int16_t of[IMAGES][2][GRID];
    int classes[IMAGES][2];
    size_t class_count[IMAGES];
} mixtures;

static ssgcam_status keep_mixtures(void *context, const ssg_stream_image *image)
{
    mixtures *m = context;
    cr_assert(image->grid_height == GRID_H && image->grid_width == GRID_W);
    m->class_count[image->index] = (size_t)image->class_count;
    for (int c = 0; c < image->class_count; c++) {
        m->classes[image->index][c] = image->classes[c];
        memcpy(m->of[image->index][c], image->fused[c], sizeof m->of[0][0]);
    }
    return SSGCAM_OK;
}

static mixtures *see(ssg_device *device, const ssg_views *views, int batch)
{
    mixtures *m = calloc(1, sizeof *m);
    ssg_stream_options options = {.device = device,
                                  .model = model,
                                  .recipe = recipe,
                                  .grid = {GRID_H, GRID_W},
                                  .views = views,
                                  .items = chosen,
                                  .count = IMAGES,
                                  .batch = batch};
    cr_assert_eq(ssg_stream_run(&options, keep_mixtures, m, NULL), SSGCAM_OK, "%s", ssgcam_last_error());
    return m;
}

static mixtures *see_one(ssg_device *device, ssg_view view)
{
    return see(device, &(ssg_views){{view}, 1}, 4);
}

/* Every view alone gives what the mean is made of. */
Test(stream, views_are_averaged)
{
    ssg_views views;
    ssg_device *plain = open_faulty(1, 0);
    cr_assert_eq(ssg_views_make(&views, model, (double[]){2, 0.9, 0.5}, 3, 1), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(views.count, 6u);
    cr_expect(views.items[0].height == 29 && views.items[0].width == 43 && !views.items[0].mirrored, "the scale nearest to 1 comes first");
    mixtures *alone[SSG_VIEWS_MOST];
    for (size_t v = 0; v < views.count; v++) alone[v] = see_one(plain, views.items[v]);
    ssgcam_device_close(&plain);
    for (int beside = 0; beside < 2; beside++) {
        ssg_device *device = open_faulty(2, beside);
        mixtures *all = see(device, &views, 1 + 2 * beside);
        for (size_t i = 0; i < IMAGES; i++) {
            cr_expect_eq(all->class_count[i], alone[0]->class_count[i]);
            for (size_t c = 0; c < all->class_count[i]; c++) {
                cr_expect_eq(all->classes[i][c], alone[0]->classes[i][c]);
                int chosen_alike = 1, wrong = 0;
                for (size_t v = 0; v < views.count; v++) chosen_alike &= alone[v]->classes[i][c] == all->classes[i][c];
                for (size_t y = 0; chosen_alike && y < GRID_H; y++)
                    for (size_t x = 0; x < GRID_W; x++) {
                        int sum = 0;
                        for (size_t v = 0; v < views.count; v++)
                            sum += alone[v]->of[i][c][y * GRID_W + (views.items[v].mirrored ? GRID_W - 1 - x : x)];
                        wrong += all->of[i][c][y * GRID_W + x] != (sum + 3) / 6;
                    }
                cr_expect_eq(wrong, 0, "image %zu, class %d: %d pixels are not the mean", i, all->classes[i][c], wrong);
            }
        }
        free(all);
        ssgcam_device_close(&device);
    }
    for (size_t v = 0; v < views.count; v++) free(alone[v]);
}

/* A mirrored view is an upright view of the mirrored picture. */
Test(stream, a_mirrored_view_sees_the_mirrored_picture)
{
    ssg_device *device = open_faulty(1, 0);
    mixtures *mirrored = see_one(device, (ssg_view){32, 48, 1});
    for (int i = 0; i < IMAGES; i++) {
        ssg_image image;
        uint8_t *bytes;
        size_t size;
        if (i == BROKEN) continue;
        cr_assert_eq(ssg_image_read(&image, paths[i], 3), SSGCAM_OK);
        for (int y = 0; y < image.height; y++)
            for (int x = 0; x < image.width / 2; x++)
                for (int c = 0; c < 3; c++) {
                    uint8_t *left = &image.pixels[(y * image.width + x) * 3 + c], *right = &image.pixels[((y + 1) * image.width - 1 - x) * 3 + c];
                    uint8_t value = *left;
                    *left = *right;
                    *right = value;
                }
        cr_assert_eq(ssg_image_encode_png(&bytes, &size, &image, 0), SSGCAM_OK);
        cr_assert_eq(ssg_file_write(paths[i], bytes, size), SSGCAM_OK);
        ssg_image_clear(&image);
        ssg_free(bytes);
    }
    mixtures *upright = see(device, NULL, 4);
    cr_expect_arr_eq(mirrored, upright, sizeof *upright);
    free(mirrored);
    free(upright);
    ssgcam_device_close(&device);
}

Test(stream, scales_that_cannot_be)
{
    static const struct {
        double scales[9];
        size_t count;
        const char *text;
    } cases[] = {{{1, 0}, 2, "scale 0: it must be above 0"},
                 {{-1}, 1, "scale -1: it must be above 0"},
                 {{1, 1000}, 2, "at most 16384 pixels a side"},
                 {{1, 0.5, 1}, 3, "scale 1: another one gives 32 x 48 pixels too"},
                 {{1, 0.001}, 2, "scale 0.001, 0 x 0 pixels: the network does not take that size"},
                 {{1, 2, 3, 4, 5, 6, 7, 8, 9}, 9, "more than 8 scales"}};
    ssg_views views;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_eq(ssg_views_make(&views, model, cases[i].scales, cases[i].count, 0), SSGCAM_ERR_ARGUMENT, "case %zu", i);
        cr_expect(strstr(ssgcam_last_error(), cases[i].text), "%s", ssgcam_last_error());
    }
}

/* ---- names of devices -------------------------------------------------------------------------------------------------------------------------- */

Test(device_names, several_cpus_divide_the_threads)
{
    ssg_device *device;
    cr_assert_eq(ssgcam_device_open(&device, "cpu,cpu", 6), SSGCAM_OK);
    cr_assert_not_null(device->next);
    cr_expect_eq(device->threads, 3);
    cr_expect_eq(device->next->threads, 3);
    cr_expect_null(device->next->next);
    ssgcam_device_close(&device);
    cr_expect_null(device);
}

Test(device_names, what_is_no_device_is_refused)
{
    static const char *const names[] = {"cpu,",       "cpu,cuda",  "cuda:",   "cuda:0,",          "cuda:0,x",
                                        "cuda:all,1", "cuda,cuda", "cuda:-1", "cuda:99999999999", ""};
    ssg_device *device;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_expect_eq(ssgcam_device_open(&device, names[i], 1), SSGCAM_ERR_ARGUMENT, "'%s'", names[i]);
        cr_expect(strstr(ssgcam_last_error(), "is not known; use auto"), "%s", ssgcam_last_error());
        cr_expect_null(device);
    }
    cr_expect_eq(ssgcam_device_open(&device, "cuda:0,3,0", 1), SSGCAM_ERR_ARGUMENT);
    cr_expect(strstr(ssgcam_last_error(), "'cuda:0,3,0' names GPU 0 twice"), "%s", ssgcam_last_error());
}
