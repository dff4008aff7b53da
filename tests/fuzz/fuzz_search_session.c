/* fuzz_search_session.c - arbitrary bytes as the checkpoint of a search; the checksum is repaired so that the values behind it are reached too, and
 * the candidates it holds are scored. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "host/base/philox.h"
#include "host/data/atomic_file.h"
#include "host/search/session.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static const ssg_session_identity identity = {"key", "options", "bank"};
static char out[64], checkpoint[80];

static void open_and_score(void)
{
    static const uint8_t maps[4 * 64] = {9, 200, 7}, truth[64] = {1, 1}, class_zero = 0;
    const ssg_score_image image = {maps, truth, &class_zero, 1, 4, 64, NULL};
    ssg_problem problem = {.bank = {.images = &image, .image_count = 1, .class_count = 1}, .layers = 2, .choices = 2, .threads = 1};
    ssg_session session;
    double fitness;
    if (ssg_session_open(&session, out, &identity, 0) != SSGCAM_OK) return;
    ssg_candidate best = session.state.best[0];
    if (ssg_problem_score(&problem, &best, 1, 1, &fitness) == SSGCAM_OK) ssg_problem_prune(&problem, &best, &fitness);
    ssg_session_close(&session, 0);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    ssg_session session;
    char *bytes;
    size_t whole;
    snprintf(out, sizeof out, "/tmp/ssgcam-fuzz-%ld.json", (long)getpid());
    snprintf(checkpoint, sizeof checkpoint, "/tmp/ssgcam-fuzz-%ld.checkpoint", (long)getpid());
    if (ssg_file_write(checkpoint, data, size) == SSGCAM_OK) open_and_score();

    if (ssg_session_open(&session, out, &identity, 1) != SSGCAM_OK) return 0;
    session.state.best[0] = (ssg_candidate){.row = {0, 3}, .weight = {100, 27}, .tau = 90};
    ssgcam_status status = ssg_session_save(&session);
    ssg_session_close(&session, 0);
    if (status != SSGCAM_OK || ssg_file_read(&bytes, &whole, checkpoint, 1 << 20) != SSGCAM_OK) return 0;
    for (size_t i = 0; i + 112 < whole && i < size; i++) bytes[104 + i] = (char)(bytes[104 + i] ^ data[i]);
    uint64_t checksum = XXH3_64bits(bytes, whole - sizeof checksum);
    memcpy(bytes + whole - sizeof checksum, &checksum, sizeof checksum);
    if (ssg_file_write(checkpoint, bytes, whole) == SSGCAM_OK) open_and_score();
    ssg_free(bytes);
    unlink(checkpoint);
    return 0;
}

#ifdef SSG_FUZZ_REPLAY
/* Without a fuzzer: pseudo-random inputs that flip a few bytes of a good checkpoint. */
int main(void)
{
    unsigned char data[1024];
    for (uint32_t seed = 0; seed < 300; seed++) {
        ssg_draws draws = ssg_draws_named(seed, 0, 0, 0);
        memset(data, 0, sizeof data);
        for (uint32_t i = 1 + ssg_draw_below(&draws, 4); i-- > 0;) data[ssg_draw_below(&draws, sizeof data)] = (unsigned char)ssg_draw_u32(&draws);
        LLVMFuzzerTestOneInput(data, ssg_draw_below(&draws, sizeof data));
    }
    char log[80];
    snprintf(log, sizeof log, "/tmp/ssgcam-fuzz-%ld.log.jsonl", (long)getpid());
    unlink(log);
    return 0;
}
#endif
