/* test_cudasim.cpp - the simulator itself: each kind of fault is found once planted, in every order of threads, and its clean twin passes. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "tests/cudasim/planted.h"

static void expect(size_t which, cudasim_order order)
{
    const planted *p = &planted_faults[which];
    const char *text;
    cudasim_set_order(order, 5);
    p->run(0);
    cr_expect_eq(cudasim_fault_count(), 0u, "the clean twin of '%s' was accused: %s", p->name, (cudasim_fault_at(0, &text), text));
    cudasim_faults_clear();
    p->run(1);
    size_t found = 0;
    for (size_t i = 0; i < cudasim_fault_count(); i++) found += cudasim_fault_at(i, &text) == p->kind;
    cr_expect(found > 0, "'%s' was not found", p->name);
    cudasim_faults_clear();
}

Test(cudasim, every_planted_fault_is_found_and_no_clean_twin_accused, .timeout = 60)
{
    cr_assert_geq(planted_count, 12u);
    for (size_t i = 0; i < planted_count; i++)
        if (planted_faults[i].kind != CUDASIM_LEAK)
            for (int order = CUDASIM_FORWARD; order <= CUDASIM_SHUFFLED; order++) expect(i, (cudasim_order)order);
}

Test(cudasim, a_leak_is_found)
{
    for (size_t i = 0; i < planted_count; i++)
        if (planted_faults[i].kind == CUDASIM_LEAK) expect(i, CUDASIM_FORWARD);
}

Test(cudasim, barriers_and_shuffles_compute)
{
    for (int order = CUDASIM_FORWARD; order <= CUDASIM_SHUFFLED; order++) {
        cudasim_set_order((cudasim_order)order, 9);
        cr_expect_eq(planted_sum(), 255 * 256 / 2);
        cr_expect_eq(planted_scan(), 64);
    }
    cr_expect_eq(cudasim_fault_count(), 0u);
}

Test(cudasim, reading_before_waiting_gives_poison)
{
    cr_expect_eq(planted_early_read(1), 7);
    cr_expect_neq(planted_early_read(0), 7);
}

Test(cudasim, copies_of_a_stream_keep_their_order)
{
    cr_expect_eq(planted_round_trip(), 7);
}

Test(cudasim, reusing_pinned_memory_before_waiting_changes_what_is_copied)
{
    cr_expect_eq(planted_early_reuse(1), 7);
    cr_expect_eq(planted_early_reuse(0), 8);
}

Test(cudasim, recorded_work_runs_when_it_is_launched_and_as_often)
{
    for (int times = 0; times < 4; times++) cr_expect_eq(planted_replay(times), times);
    cr_expect_eq(cudasim_fault_count(), 0u);
}

Test(cudasim, a_broken_recording_refuses_work_until_it_is_ended)
{
    for (int n = 1; n <= 4; n++) cr_expect_eq(planted_broken_recording(n), n - 1);
}

static cudasim_traffic traffic_of(const char *kernel, int stride)
{
    cudasim_traffic_clear();
    planted_traffic(stride);
    for (size_t i = 0; i < cudasim_traffic_count(); i++)
        if (strstr(cudasim_traffic_at(i).kernel, kernel)) return cudasim_traffic_at(i);
    return cudasim_traffic{};
}

Test(cudasim, traffic_is_counted_as_the_hardware_groups_it)
{
    cudasim_traffic t = traffic_of("walk_global", 1); /* a read and a write of 128 bytes each */
    cr_expect_eq(t.requests, 2u);
    cr_expect_eq(t.sectors, 8u);
    cr_expect_eq(t.ideal, 8u);
    cr_expect_eq(t.distinct, 8u);
    t = traffic_of("walk_global", 8);
    cr_expect_eq(t.sectors, 36u);
    cr_expect_eq(t.ideal, 8u);
    t = traffic_of("walk_shared", 1);
    cr_expect_eq(t.waves, 1u);
    cr_expect_eq(t.ideal_waves, 1u);
    t = traffic_of("walk_shared", 32);
    cr_expect_eq(t.waves, 32u);
    cr_expect_eq(traffic_of("walk_shared", 31).waves, 1u);
}
