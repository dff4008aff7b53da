/* test_base.c - status sentences, checked allocation, parallel loops. */
#include <criterion/criterion.h>

#include <stdint.h>

#include "host/base/alloc.h"
#include "host/base/parallel.h"
#include "host/base/status.h"

Test(status, keeps_the_sentence_and_prefixes_it)
{
    cr_assert_eq(ssg_fail(SSGCAM_ERR_INPUT, "node %d", 7), SSGCAM_ERR_INPUT);
    cr_assert_str_eq(ssgcam_last_error(), "node 7");
    cr_assert_eq(ssg_fail_prefix(SSGCAM_ERR_INPUT, "model.onnx"), SSGCAM_ERR_INPUT);
    cr_assert_str_eq(ssgcam_last_error(), "model.onnx: node 7");
}

Test(alloc, overflow_is_an_error)
{
    cr_assert_null(ssg_alloc_aligned(SIZE_MAX / 2, 3));
    cr_assert_null(ssg_calloc(SIZE_MAX / 2, 3));
    cr_assert_neq(ssgcam_last_error()[0], '\0');
}

Test(alloc, fails_on_request)
{
    ssg_alloc_fail_at(2, 0);
    void *first = ssg_calloc(1, 8), *second = ssg_calloc(1, 8), *third = ssg_calloc(1, 8);
    cr_assert(first && !second && third);
    ssg_free(first);
    ssg_free(third);
}

static void mark(void *context, size_t index, int thread)
{
    (void)thread;
    ((int *)context)[index]++;
}

Test(parallel, visits_every_index_once)
{
    int seen[1000] = {0};
    for (int threads = 1; threads <= 3; threads++) ssg_parallel_for(threads, 1000, mark, seen);
    for (int i = 0; i < 1000; i++) cr_assert_eq(seen[i], 3);
}
