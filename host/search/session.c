#include "host/search/session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "host/base/alloc.h"
#include "host/base/clock.h"
#include "host/base/files.h"
#include "host/data/atomic_file.h"

static const double save_every_ms = 10000;
static const size_t most_bytes = (size_t)1 << 30;
static const char magic[8] = "SSGSRC3";

/* Then the runs under way, one after the other, and a checksum of all before. */
typedef struct head {
    char magic[8];
    ssg_session_identity identity;
    ssg_session_state state;
    uint64_t sizes[SSG_SIDE_BY_SIDE]; /* of the runs under way */
} head;

static ssgcam_status compare(const ssg_session *s, const ssg_session_identity *found)
{
    int bank_known = s->identity.bank[0] != '\0', same_options = memcmp(found->options, s->identity.options, sizeof found->options) == 0;
    int same_bank = memcmp(found->key, s->identity.key, sizeof found->key) == 0 &&
                    (!bank_known || memcmp(found->bank, s->identity.bank, sizeof found->bank) == 0);
    if (same_bank && same_options) return SSGCAM_OK;
    return ssg_fail(SSGCAM_ERR_INPUT, "%s: the checkpoint of a search %s; finish that one, choose another -o, or start over with --fresh",
                    s->checkpoint, same_bank ? "with other options" : "on other data, another model or another grid");
}

static ssgcam_status take_checkpoint(ssg_session *s, const char *bytes, size_t size)
{
    head h;
    uint64_t checksum;
    if (size < sizeof h + sizeof checksum || memcmp(bytes, magic, sizeof magic) != 0)
        return ssg_fail(SSGCAM_ERR_INPUT, "%s: not a checkpoint of this version; remove it, or start over with --fresh", s->checkpoint);
    memcpy(&h, bytes, sizeof h);
    memcpy(&checksum, bytes + size - sizeof checksum, sizeof checksum);
    size_t room = size - sizeof h - sizeof checksum;
    for (size_t i = 0; i < SSG_SIDE_BY_SIDE && room != SIZE_MAX; i++) room = h.sizes[i] <= room ? room - (size_t)h.sizes[i] : SIZE_MAX;
    if (room != 0 || checksum != XXH3_64bits(bytes, size - sizeof checksum))
        return ssg_fail(SSGCAM_ERR_INPUT, "%s: the checkpoint is damaged; remove it, or start over with --fresh", s->checkpoint);
    SSG_TRY(compare(s, &h.identity));
    s->state = h.state;
    s->resumed = 1;
    bytes += sizeof h;
    for (size_t i = 0; i < SSG_SIDE_BY_SIDE; i++) {
        ssg_session_run *run = &s->under_way[i];
        if (h.sizes[i] == 0) continue;
        if (!(run->evolve = ssg_calloc((size_t)h.sizes[i], 1))) return SSG_OUT_OF_MEMORY;
        run->size = (size_t)h.sizes[i];
        memcpy(run->evolve, bytes, run->size);
        bytes += run->size;
    }
    return SSGCAM_OK;
}

static ssgcam_status open_log(ssg_session *s)
{
    struct stat about;
    int longer = s->resumed && stat(s->log_path, &about) == 0 && (uint64_t)about.st_size > s->state.log_bytes;
    if (longer && truncate(s->log_path, (off_t)s->state.log_bytes) != 0)
        return ssg_fail(SSGCAM_ERR_IO, "%s: cannot be cut to the checkpoint: %s", s->log_path, strerror(errno));
    s->log = fopen(s->log_path, s->resumed ? "ab" : "wb");
    return s->log ? SSGCAM_OK : ssg_fail(SSGCAM_ERR_IO, "%s: cannot be written: %s", s->log_path, strerror(errno));
}

static ssgcam_status read_checkpoint(ssg_session *s)
{
    char *bytes = NULL;
    size_t size;
    if (access(s->checkpoint, F_OK) != 0) return SSGCAM_OK;
    SSG_TRY(ssg_file_read(&bytes, &size, s->checkpoint, most_bytes));
    ssgcam_status status = take_checkpoint(s, bytes, size);
    ssg_free(bytes);
    return status;
}

ssgcam_status ssg_session_open(ssg_session *session, const char *out, const ssg_session_identity *identity, int fresh)
{
    double now = ssg_clock_ms();
    *session = (ssg_session){.identity = *identity, .lock = PTHREAD_MUTEX_INITIALIZER, .started_ms = now, .saved_ms = now};
    if (!out) return SSGCAM_OK;
    session->checkpoint = ssg_path_beside(out, ".checkpoint");
    session->log_path = ssg_path_beside(out, ".log.jsonl");
    ssgcam_status status = session->checkpoint && session->log_path ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK && !fresh) status = read_checkpoint(session);
    if (status == SSGCAM_OK) status = open_log(session);
    if (status != SSGCAM_OK) ssg_session_close(session, 0);
    return status;
}

ssgcam_status ssg_session_check(const char *out, const ssg_session_identity *identity, int fresh)
{
    ssg_session session = {.identity = *identity};
    if (!out || fresh) return SSGCAM_OK;
    session.identity.bank[0] = '\0';
    session.checkpoint = ssg_path_beside(out, ".checkpoint");
    ssgcam_status status = session.checkpoint ? read_checkpoint(&session) : SSG_OUT_OF_MEMORY;
    ssg_session_close(&session, 0);
    return status;
}

ssgcam_status ssg_session_keep(ssg_session *s, size_t run, const ssgcam_evolve *search)
{
    ssg_session_run *to = &s->under_way[run - (size_t)s->state.phase];
    if (!s->checkpoint) return SSGCAM_OK;
    if (!to->evolve) {
        to->size = ssgcam_evolve_save_size(search);
        if (!(to->evolve = ssg_calloc(to->size, 1))) return SSG_OUT_OF_MEMORY;
    }
    return ssgcam_evolve_save(search, to->evolve, to->size);
}

const ssg_session_run *ssg_session_run_of(const ssg_session *s, size_t run)
{
    size_t place = run - (size_t)s->state.phase;
    return place < SSG_SIDE_BY_SIDE && s->under_way[place].evolve ? &s->under_way[place] : NULL;
}

void ssg_session_pass(ssg_session *s, size_t count)
{
    size_t left = SSG_SIDE_BY_SIDE - count;
    for (size_t i = 0; i < count; i++) ssg_free(s->under_way[i].evolve);
    memmove(s->under_way, s->under_way + count, left * sizeof *s->under_way);
    memset(s->under_way + left, 0, count * sizeof *s->under_way);
    s->state.phase += count;
}

void ssg_session_halt(ssg_session *s)
{
    pthread_mutex_lock(&s->lock);
    s->halted = 1;
    pthread_mutex_unlock(&s->lock);
}

ssgcam_status ssg_session_save(ssg_session *s)
{
    if (!s->checkpoint) return SSGCAM_OK;
    size_t size = sizeof(head) + sizeof(uint64_t);
    for (size_t i = 0; i < SSG_SIDE_BY_SIDE; i++) size += s->under_way[i].size;
    if (fflush(s->log) != 0) return ssg_fail(SSGCAM_ERR_IO, "%s: cannot be written: %s", s->log_path, strerror(errno));
    char *bytes = ssg_calloc(size, 1);
    if (!bytes) return SSG_OUT_OF_MEMORY;
    head h;
    memset(&h, 0, sizeof h);
    memcpy(h.magic, magic, sizeof magic);
    h.identity = s->identity;
    s->state.log_bytes = (uint64_t)ftell(s->log);
    h.state = s->state;
    for (size_t i = 0; i < SSG_SIDE_BY_SIDE; i++) h.sizes[i] = s->under_way[i].size;
    memcpy(bytes, &h, sizeof h);
    char *to = bytes + sizeof h;
    for (size_t i = 0; i < SSG_SIDE_BY_SIDE; to += s->under_way[i++].size)
        if (s->under_way[i].size) memcpy(to, s->under_way[i].evolve, s->under_way[i].size);
    uint64_t checksum = XXH3_64bits(bytes, size - sizeof checksum);
    memcpy(bytes + size - sizeof checksum, &checksum, sizeof checksum);
    ssgcam_status status = ssg_file_write(s->checkpoint, bytes, size);
    ssg_free(bytes);
    s->saved_ms = ssg_clock_ms();
    return status;
}

ssgcam_status ssg_session_save_sometimes(ssg_session *s)
{
    return ssg_clock_ms() - s->saved_ms < save_every_ms ? SSGCAM_OK : ssg_session_save(s);
}

ssgcam_status ssg_session_log(ssg_session *s, const char *format, ...)
{
    if (!s->log) return SSGCAM_OK;
    va_list arguments;
    va_start(arguments, format);
    int put = vfprintf(s->log, format, arguments);
    va_end(arguments);
    if (put < 0 || fputc('\n', s->log) == EOF || fflush(s->log) != 0)
        return ssg_fail(SSGCAM_ERR_IO, "%s: cannot be written: %s", s->log_path, strerror(errno));
    return SSGCAM_OK;
}

void ssg_session_close(ssg_session *s, int finished)
{
    if (s->log) fclose(s->log);
    if (finished && s->checkpoint) unlink(s->checkpoint);
    for (size_t i = 0; i < SSG_SIDE_BY_SIDE; i++) ssg_free(s->under_way[i].evolve);
    ssg_free(s->checkpoint);
    ssg_free(s->log_path);
    *s = (ssg_session){0};
}
