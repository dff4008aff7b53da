/* test_base.c - status sentences, checked allocation, digests, files and paths, parallel loops. */
#include <criterion/criterion.h>

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/alloc.h"
#include "host/base/digest.h"
#include "host/base/files.h"
#include "host/base/parallel.h"
#include "host/base/status.h"
#include "host/base/utf8.h"

Test(status, keeps_the_sentence_and_prefixes_it)
{
    cr_assert_eq(ssg_fail(SSGCAM_ERR_INPUT, "node %d", 7), SSGCAM_ERR_INPUT);
    cr_assert_str_eq(ssgcam_last_error(), "node 7");
    cr_assert_eq(ssg_fail_prefix(SSGCAM_ERR_INPUT, "model.onnx"), SSGCAM_ERR_INPUT);
    cr_assert_str_eq(ssgcam_last_error(), "model.onnx: node 7");
}

Test(status, says_that_another_allocator_failed)
{
    ssg_fail(SSGCAM_ERR_INPUT, "what failed before");
    cr_assert_eq(ssg_out_of_memory("reading a table"), SSGCAM_ERR_MEMORY);
    cr_assert_str_eq(ssgcam_last_error(), "out of memory while reading a table");
}

static void *fail_elsewhere(void *failure)
{
    ssg_failure_take(failure, ssg_fail(SSGCAM_ERR_IO, "%01000d: free some space", 7));
    return NULL;
}

Test(status, travels_between_threads_whole)
{
    ssg_failure failure = {.status = SSGCAM_OK};
    pthread_t thread;
    ssg_fail(SSGCAM_ERR_INPUT, "another");
    cr_assert_eq(ssg_failure_raise(&failure), SSGCAM_OK);
    cr_assert_str_eq(ssgcam_last_error(), "another");
    cr_assert_eq(pthread_create(&thread, NULL, fail_elsewhere, &failure), 0);
    pthread_join(thread, NULL);
    cr_assert_eq(ssg_failure_raise(&failure), SSGCAM_ERR_IO);
    cr_assert_str_eq(ssgcam_last_error() + 999, "7: free some space");
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

Test(digest, is_the_hash_as_text)
{
    char text[SSG_DIGEST_TEXT], whole[SSG_DIGEST_TEXT];
    XXH3_state_t state;
    ssg_digest_text(text, (XXH128_hash_t){.high64 = 0x1f, .low64 = 0xabcdef0123456789});
    cr_expect_str_eq(text, "000000000000001fabcdef0123456789");
    ssg_digest_begin(&state);
    XXH3_128bits_update(&state, "in two ", 7);
    XXH3_128bits_update(&state, "pieces", 6);
    ssg_digest_end(text, &state);
    ssg_digest_text(whole, XXH3_128bits("in two pieces", 13));
    cr_expect_str_eq(text, whole);
}

static void expect_stem(const char *path, const char *stem)
{
    size_t length;
    const char *found = ssg_path_stem(path, &length);
    cr_expect(length == strlen(stem) && strncmp(found, stem, length) == 0, "%s: '%.*s'", path, (int)length, found);
}

Test(files, paths_are_taken_apart)
{
    expect_stem("a/b.c/cat.tar.gz", "cat.tar");
    expect_stem("cat.png", "cat");
    expect_stem("a.b/cat", "cat");
    expect_stem("a/.hidden", ".hidden");
    expect_stem("a/", "");
    cr_expect_str_eq(ssg_path_name("a/b/cat.png"), "cat.png");
    cr_expect_str_eq(ssg_path_name("cat.png"), "cat.png");
}

Test(files, are_read_whole_or_refused)
{
    char path[] = "/tmp/ssgcam-base.XXXXXX", *bytes;
    size_t size;
    int file = mkstemp(path);
    cr_assert(file >= 0 && write(file, "twelve bytes", 12) == 12 && close(file) == 0);
    cr_assert_eq(ssg_file_read(&bytes, &size, path, 12), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_expect(size == 12 && strcmp(bytes, "twelve bytes") == 0);
    ssg_free(bytes);
    cr_expect_eq(ssg_file_read(&bytes, &size, path, 11), SSGCAM_ERR_INPUT);
    cr_expect(size == 12 && !bytes && strstr(ssgcam_last_error(), "12 bytes; at most 11"), "%s", ssgcam_last_error());
    unlink(path);
    cr_expect_eq(ssg_file_read(&bytes, &size, path, 12), SSGCAM_ERR_NOT_FOUND);
    cr_expect(size == 0 && !bytes);
    cr_expect_eq(ssg_file_read(&bytes, &size, "/tmp", 12), SSGCAM_ERR_INPUT);
    cr_expect(size == 0 && strstr(ssgcam_last_error(), "/tmp: not a regular file"), "%s", ssgcam_last_error());
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

Test(utf8, only_whole_characters_are_valid)
{
    static const char *const valid[] = {"",
                                        "plain",
                                        ("gl\xc3\xbc"
                                         "ck"),
                                        "\xe2\x82\xac",
                                        "\xf0\x9f\x94\xac",
                                        "\x7f"};
    static const char *const broken[] = {("gl\xfc"
                                          "ck"),
                                         "\xc3",
                                         "\xe2\x82",
                                         "\xc0\xaf",
                                         "\xed\xa0\x80",
                                         "\xf4\x90\x80\x80",
                                         "\x80"};
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) cr_assert(ssg_utf8_is_valid(valid[i]), "%zu", i);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        char text[8];
        cr_assert(!ssg_utf8_is_valid(broken[i]), "%zu", i);
        snprintf(text, sizeof text, "%s", broken[i]);
        ssg_utf8_mend(text);
        cr_assert(ssg_utf8_is_valid(text) && strlen(text) == strlen(broken[i]), "%s", text);
    }
    char mixed[] = "a\xfc\xc3\xbc\xe2\x82z";
    ssg_utf8_mend(mixed);
    cr_assert_str_eq(mixed, "a?\xc3\xbc??z");
}
