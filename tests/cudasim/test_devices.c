/* test_devices.c - several simulated devices: the masks of one, byte for byte, also when one of them is lost on the way; and what is said about it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ssgcam/ssgcam.h>

#include "host/device/device.h"
#include "tests/cudasim/sim.h"
#include "tests/support/device_inputs.h"

static const size_t enough = (size_t)1 << 30;

static void open_two(int trace)
{
    make_work();
    open_inputs();
    cudasim_set_machine(2, 13000, enough);
    cudasim_set_trace(trace);
    cr_assert_eq(generate("cuda", folder("one"), 1), SSGCAM_OK, "%s", ssgcam_last_error());
}

static void close_two(void)
{
    close_inputs();
    remove_work();
}

static FILE *said;
static int standard_error;

static void listen(void)
{
    said = tmpfile();
    fflush(stderr);
    standard_error = dup(STDERR_FILENO);
    dup2(fileno(said), STDERR_FILENO);
}

/* How often `text` was said since. */
static int heard(const char *text)
{
    char all[8192];
    int count = 0;
    fflush(stderr);
    dup2(standard_error, STDERR_FILENO);
    close(standard_error);
    rewind(said);
    all[fread(all, 1, sizeof all - 1, said)] = '\0';
    fclose(said);
    for (const char *at = all; (at = strstr(at, text)); at++) count++;
    return count;
}

/* Every access is looked at: a device's memory used by the other, a copy that does not wait for the work before it. */
Test(devices, two_give_the_masks_of_one, .timeout = 240)
{
    open_two(1);
    static const char *const names[] = {"cuda:0,1", "cuda:1,0", "cuda:all", "cuda:1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_assert_eq(generate(names[i], folder("several"), 1), SSGCAM_OK, "%s: %s", names[i], ssgcam_last_error());
        cr_expect_eq(different(folder("one"), folder("several")), 0, "%s", names[i]);
        no_faults(names[i]);
    }
    close_two();
}

/* As device.h promises them, by someone who never waits in between: what is sent twice in a row arrives twice, what is fetched is what stood there.
 */
Test(devices, lanes_need_no_waiting)
{
    enum { N = 1000 };
    ssgcam_device *device;
    ssg_lane *up, *down;
    void *memory[2];
    float numbers[2][N], back[N];
    const void *fetched;
    cudasim_set_machine(1, 13000, enough);
    cr_assert_eq(ssgcam_device_open(&device, "cuda", 1), SSGCAM_OK, "%s", ssgcam_last_error());
    const ssg_device_interface *d = device->interface;
    cr_assert_eq(d->lane_create(device, sizeof *numbers, &up), SSGCAM_OK);
    cr_assert_eq(d->lane_create(device, sizeof *numbers, &down), SSGCAM_OK);
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < N; k++) numbers[i][k] = (float)(i * N + k);
        cr_assert_eq(d->memory_create(device, sizeof *numbers, &memory[i]), SSGCAM_OK);
        cr_assert_eq(d->send(device, up, numbers[i], sizeof *numbers), SSGCAM_OK);
        cr_assert_eq(d->receive(device, up, memory[i], sizeof *numbers), SSGCAM_OK);
        memset(numbers[i], 0, sizeof *numbers);
    }
    cr_assert_eq(d->copy(device, down->memory, memory[0], sizeof *numbers), SSGCAM_OK);
    cr_assert_eq(d->fetch(device, down, sizeof *numbers), SSGCAM_OK);
    cr_assert_eq(d->clear(device, memory[0], sizeof *numbers), SSGCAM_OK);
    cr_assert_eq(d->fetched(device, down, &fetched), SSGCAM_OK);
    cr_assert_eq(d->download(device, back, memory[1], sizeof back), SSGCAM_OK);
    for (int k = 0; k < N; k++) {
        cr_assert_eq(((const float *)fetched)[k], (float)k);
        cr_assert_eq(back[k], (float)(N + k));
    }
    for (int i = 0; i < 2; i++) d->memory_destroy(device, memory[i]);
    d->lane_destroy(device, up);
    d->lane_destroy(device, down);
    ssgcam_device_close(&device);
    no_faults("lanes");
}

/* What became of work on two devices whose n-th call lost one. */
typedef struct loss {
    ssgcam_status status;
    int said;   /* how often that the other goes on */
    long calls; /* fewer than n: none was lost */
} loss;

typedef ssgcam_status device_task(ssgcam_device *device, void *context);

static loss lose_one(long n, device_task *task, void *context)
{
    ssgcam_device *device;
    loss l;
    cr_assert_eq(ssgcam_device_open(&device, "cuda:0,1", 2), SSGCAM_OK, "%s", ssgcam_last_error());
    listen();
    long before = cudasim_call_count();
    cudasim_fail_call(n, CUDASIM_LOSE_ONE);
    l.status = task(device, context);
    l.calls = cudasim_call_count() - before;
    ssgcam_device_close(&device);
    cudasim_fail_call(0, 0);
    l.said = heard("the other device goes on without it");
    no_faults("a lost device");
    return l;
}

static ssgcam_status generate_lost(ssgcam_device *device, void *context)
{
    (void)context;
    return generate_on(device, folder("lost"), 1, 1);
}

/* The n-th call loses a device; n runs through a whole run. The other device finishes, and that is said once. */
Test(devices, one_may_be_lost, .timeout = 280)
{
    open_two(0);
    int losses = 0;
    for (long n = 1;; n += 43) {
        loss l = lose_one(n, generate_lost, NULL);
        cr_expect_eq(l.status, SSGCAM_OK, "call %ld: %s", n, ssgcam_last_error());
        cr_expect_leq(l.said, 1, "call %ld: said %d times", n, l.said); /* not at all if nothing was left to do */
        cr_expect_eq(different(folder("one"), folder("lost")), 0, "call %ld", n);
        losses += l.said;
        if (l.calls < n) break;
    }
    cr_expect_gt(losses, 3);
    close_two();
}

static int same_scores(const ssgcam_eval_result *a, const ssgcam_eval_result *b)
{
    size_t labels = a->class_count + 1;
    return a->images == b->images && a->class_count == b->class_count &&
           memcmp(a->confusion, b->confusion, labels * labels * sizeof *a->confusion) == 0 &&
           memcmp(a->curve_mean, b->curve_mean, sizeof a->curve_mean) == 0;
}

typedef struct scored {
    const ssgcam_dataset *labelled;
    ssgcam_eval_result result;
} scored;

static ssgcam_status evaluate_lost(ssgcam_device *device, void *context)
{
    scored *s = context;
    return evaluate_on(device, s->labelled, &s->result);
}

/* Counts of masks on the way, as masks themselves: two devices have those of one, and the other has them if one is lost. */
Test(devices, two_give_the_scores_of_one_and_one_may_be_lost, .timeout = 240)
{
    open_two(0);
    ssgcam_dataset *labelled = labelled_data();
    ssgcam_eval_result one, two;
    cr_assert_eq(evaluate("cuda", labelled, &one), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(evaluate("cuda:0,1", labelled, &two), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_expect(same_scores(&one, &two));
    ssgcam_eval_clear(&two);
    int losses = 0;
    for (long n = 1;; n += 131) {
        scored lost = {.labelled = labelled};
        loss l = lose_one(n, evaluate_lost, &lost);
        losses += l.said;
        cr_expect_eq(l.status, SSGCAM_OK, "call %ld: %s", n, ssgcam_last_error());
        if (l.status == SSGCAM_OK) cr_expect(same_scores(&one, &lost.result), "call %ld", n);
        ssgcam_eval_clear(&lost.result);
        if (l.calls < n) break;
    }
    cr_expect_gt(losses, 1);
    ssgcam_eval_clear(&one);
    ssgcam_dataset_destroy(&labelled);
    close_two();
}

static ssgcam_status search_on(ssgcam_device *device, const ssgcam_dataset *labelled, const char *out)
{
    static const double sigmas[] = {0, 2};
    ssgcam_search_options o = {
        .device = device, .model = model, .data = labelled, .mask_values = "object", .layers = "all", .sigmas = sigmas, .sigma_count = 2};
    ssgcam_search_result result;
    o.evaluations = 200;
    o.runs = 1;
    o.batch = 1;
    o.fresh = 1;
    o.out = out;
    ssgcam_status status = ssgcam_search_run(&o, &result);
    ssgcam_search_clear(&result);
    return status;
}

static ssgcam_status search_lost(ssgcam_device *device, void *labelled)
{
    return search_on(device, labelled, folder("lost.json"));
}

/* While the bank is made the other device goes on; the first scores, and the search ends if that is lost. */
Test(devices, a_search_goes_on_without_a_device_that_is_lost, .timeout = 280)
{
    open_two(0);
    ssgcam_dataset *labelled = labelled_data();
    ssgcam_device *device;
    cr_assert_eq(ssgcam_device_open(&device, "cuda:0,1", 2), SSGCAM_OK, "%s", ssgcam_last_error());
    long before = cudasim_call_count();
    cr_assert_eq(search_on(device, labelled, folder("right.json")), SSGCAM_OK, "%s", ssgcam_last_error());
    long all = cudasim_call_count() - before;
    ssgcam_device_close(&device);
    char *right = read_text(folder("right.json"));
    int went_on = 0, ended = 0;
    for (long n = all / 40; n < all; n += all / 16) {
        loss l = lose_one(n, search_lost, labelled);
        cr_expect(l.status == SSGCAM_OK || l.status == SSGCAM_ERR_DEVICE, "call %ld: status %d, %s", n, (int)l.status, ssgcam_last_error());
        if (l.status == SSGCAM_OK) {
            char *found = read_text(folder("lost.json"));
            cr_expect_str_eq(found, right, "call %ld", n);
            free(found);
        }
        went_on += l.status == SSGCAM_OK && l.said;
        ended += l.status == SSGCAM_ERR_DEVICE;
    }
    cr_expect_gt(went_on, 0);
    cr_expect_gt(ended, 0);
    free(right);
    ssgcam_dataset_destroy(&labelled);
    close_two();
}

/* With none left the run stops; the same command continues it. */
Test(devices, all_may_be_lost, .timeout = 280)
{
    open_two(0);
    static const char *const names[] = {"cuda", "cuda:0,1"};
    int stops = 0;
    for (size_t k = 0; k < 2; k++)
        for (long n = 1;; n += 97) {
            ssgcam_device *device;
            cr_assert_eq(ssgcam_device_open(&device, names[k], 2), SSGCAM_OK, "%s", ssgcam_last_error());
            long before = cudasim_call_count();
            cudasim_fail_call(n, CUDASIM_LOSE_ALL);
            ssgcam_status status = generate_on(device, folder("stopped"), 1, 1);
            long calls = cudasim_call_count() - before;
            ssgcam_device_close(&device);
            cudasim_fail_call(0, 0);
            cr_expect(status == SSGCAM_ERR_DEVICE || (status == SSGCAM_OK && n > 100), "call %ld: status %d, %s", n, (int)status,
                      ssgcam_last_error());
            stops += status == SSGCAM_ERR_DEVICE;
            no_faults("all devices lost");
            cr_assert_eq(ssgcam_device_open(&device, "cuda", 2), SSGCAM_OK, "%s", ssgcam_last_error());
            cr_expect_eq(generate_on(device, folder("stopped"), 1, 0), SSGCAM_OK, "%s", ssgcam_last_error());
            cr_expect_eq(different(folder("one"), folder("stopped")), 0, "call %ld", n);
            ssgcam_device_close(&device);
            if (calls < n) break;
        }
    cr_expect_gt(stops, 4);
    close_two();
}

Test(devices, little_memory_is_said_once, .timeout = 120)
{
    open_two(0);
    cr_assert_eq(generate("cuda", folder("one"), 4), SSGCAM_OK, "%s", ssgcam_last_error());
    size_t little = enough;
    int most = 0;
    for (ssgcam_status status = SSGCAM_OK; status == SSGCAM_OK; little = little * 4 / 5) {
        cudasim_set_machine(2, 13000, little);
        listen();
        status = generate("cuda:0,1", folder("short"), 4);
        int times = heard("images at a time (--batch)");
        cr_expect_leq(times, 1, "%zu bytes: said %d times", little, times);
        if (times > most) most = times;
        if (status == SSGCAM_OK)
            cr_expect_eq(different(folder("one"), folder("short")), 0, "%zu bytes", little);
        else
            cr_expect_eq(status, SSGCAM_ERR_MEMORY, "%s", ssgcam_last_error());
        no_faults("short of memory");
    }
    cr_expect_eq(most, 1);
    close_two();
}

/* The first launch of a kernel loads it: memory may be short for that too, and is then not short for fewer images. */
Test(devices, a_kernel_that_finds_no_room_makes_the_pass_smaller, .timeout = 240)
{
    open_two(0);
    long before = cudasim_launch_count();
    cr_assert_eq(generate("cuda", folder("one"), 4), SSGCAM_OK, "%s", ssgcam_last_error());
    long launches = cudasim_launch_count() - before;
    for (long n = 1; n <= launches; n += 3) {
        listen();
        cudasim_fail_launch(n);
        ssgcam_status status = generate("cuda", folder("short"), 4);
        cudasim_fail_launch(0);
        cr_expect_eq(heard("images at a time (--batch)"), 1, "launch %ld", n);
        cr_expect_eq(status, SSGCAM_OK, "launch %ld: %s", n, ssgcam_last_error());
        if (status == SSGCAM_OK) cr_expect_eq(different(folder("one"), folder("short")), 0, "launch %ld", n);
        no_faults("a kernel without room");
    }
    close_two();
}

/* One call after the other fails, once: the masks are right, or the run ends with an error. */
static void fail_each(long calls, long step)
{
    for (long n = 1; n < calls; n += step) {
        cudasim_fail_call(n, 0);
        ssgcam_status status = generate("cuda", folder("failed"), 1);
        cudasim_fail_call(0, 0);
        if (status == SSGCAM_OK)
            cr_expect_eq(different(folder("one"), folder("failed")), 0, "call %ld", n);
        else
            cr_expect(status == SSGCAM_ERR_MEMORY || status == SSGCAM_ERR_DEVICE, "call %ld: status %d, %s", n, (int)status, ssgcam_last_error());
        const char *text;
        for (size_t i = 0; i < cudasim_fault_count(); i++) cr_expect(0, "call %ld: %s", n, (cudasim_fault_at(i, &text), text));
        cudasim_faults_clear();
    }
}

Test(devices, any_call_may_fail, .timeout = 240)
{
    open_two(0);
    long before = cudasim_call_count();
    cr_assert_eq(generate("cuda", folder("one"), 1), SSGCAM_OK);
    fail_each(cudasim_call_count() - before, 11);
    close_two();
}

/* With the steps taken down as graphs: the same bytes with fewer calls; any call of the way may fail, and then the steps run one by one or the run
 * ends. */
Test(devices, recorded_steps_give_the_same_masks, .timeout = 240)
{
    open_two(1);
    long before = cudasim_call_count();
    cr_assert_eq(generate("cuda", folder("one"), 1), SSGCAM_OK);
    long without = cudasim_call_count() - before;
    setenv("SSGCAM_CUDA_GRAPHS", "1", 1);
    before = cudasim_call_count();
    cr_assert_eq(generate("cuda", folder("recorded"), 1), SSGCAM_OK, "%s", ssgcam_last_error());
    long with = cudasim_call_count() - before;
    cr_expect_lt(with, without, "%ld calls with graphs, %ld without", with, without);
    cr_expect_eq(different(folder("one"), folder("recorded")), 0);
    no_faults("recorded steps");
    cudasim_set_trace(0);
    cr_expect_eq(generate("cuda:0,1", folder("recorded"), 1), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_expect_eq(different(folder("one"), folder("recorded")), 0);
    fail_each(with, 17);
    unsetenv("SSGCAM_CUDA_GRAPHS");
    close_two();
}

/* What CUDA does not take down, be it the first step or a later one, runs step by step. */
Test(devices, a_recording_that_breaks_is_done_without, .timeout = 120)
{
    open_two(0);
    setenv("SSGCAM_CUDA_GRAPHS", "1", 1);
    for (int n = 1; n <= 9; n += 2) {
        cudasim_break_recordings(n);
        cr_expect_eq(generate("cuda", folder("broken"), 1), SSGCAM_OK, "broken at %d: %s", n, ssgcam_last_error());
        cr_expect_eq(different(folder("one"), folder("broken")), 0, "broken at %d", n);
        no_faults("a recording that breaks");
    }
    unsetenv("SSGCAM_CUDA_GRAPHS");
    close_two();
}

Test(devices, names_that_mean_none)
{
    ssgcam_device *device;
    cudasim_set_machine(2, 13000, enough);
    cr_expect_eq(ssgcam_device_open(&device, "cuda:0,7", 1), SSGCAM_ERR_DEVICE);
    cr_expect(strstr(ssgcam_last_error(), "'cuda:7' does not exist: there are 2 GPUs"), "%s", ssgcam_last_error());
    cr_expect_null(device);
    cr_expect_eq(ssgcam_device_open(&device, "cuda:1,1", 1), SSGCAM_ERR_ARGUMENT);
    cr_expect(strstr(ssgcam_last_error(), "names GPU 1 twice"), "%s", ssgcam_last_error());
    cr_assert_eq(ssgcam_device_open(&device, "cuda:all", 1), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_expect_str_eq(device->label, "cuda:0");
    cr_assert_not_null(device->next);
    cr_expect_str_eq(device->next->label, "cuda:1");
    cr_expect_null(device->next->next);
    ssgcam_device_close(&device);
    cudasim_set_machine(2, 0, enough);
    cr_expect_eq(ssgcam_device_open(&device, "cuda:all", 1), SSGCAM_ERR_DEVICE);
    cr_expect(strstr(ssgcam_last_error(), "no NVIDIA driver"), "%s", ssgcam_last_error());
    no_faults("names");
}
