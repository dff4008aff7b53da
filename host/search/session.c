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
#include "host/data/atomic_file.h"

static const double save_every_ms = 10000;
static const size_t most_bytes = (size_t)1 << 30;
static const char magic[8] = "SSGSRC2";

/* magic, identity, state, size of the run's state, that state, checksum of all before. */
typedef struct head {
    char magic[8];
    ssg_session_identity identity;
    ssg_session_state state;
    uint64_t evolve_size;
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
    if (h.evolve_size != size - sizeof h - sizeof checksum || checksum != XXH3_64bits(bytes, size - sizeof checksum))
        return ssg_fail(SSGCAM_ERR_INPUT, "%s: the checkpoint is damaged; remove it, or start over with --fresh", s->checkpoint);
    SSG_TRY(compare(s, &h.identity));
    s->state = h.state;
    s->evolve_size = (size_t)h.evolve_size;
    s->resumed = 1;
    if (!h.evolve_size) return SSGCAM_OK;
    if (!(s->evolve = ssg_calloc(s->evolve_size, 1))) return SSG_OUT_OF_MEMORY;
    memcpy(s->evolve, bytes + sizeof h, s->evolve_size);
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
    *session = (ssg_session){.identity = *identity, .started_ms = ssg_clock_ms(), .saved_ms = ssg_clock_ms()};
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

ssgcam_status ssg_session_save(ssg_session *s, const ssgcam_evolve *search)
{
    if (!s->checkpoint) return SSGCAM_OK;
    size_t inner = search ? ssgcam_evolve_save_size(search) : 0, size = sizeof(head) + inner + sizeof(uint64_t);
    if (fflush(s->log) != 0) return ssg_fail(SSGCAM_ERR_IO, "%s: cannot be written: %s", s->log_path, strerror(errno));
    char *bytes = ssg_calloc(size, 1);
    if (!bytes) return SSG_OUT_OF_MEMORY;
    head h;
    memset(&h, 0, sizeof h);
    memcpy(h.magic, magic, sizeof magic);
    h.identity = s->identity;
    s->state.log_bytes = (uint64_t)ftell(s->log);
    h.state = s->state;
    h.evolve_size = inner;
    memcpy(bytes, &h, sizeof h);
    ssgcam_status status = search ? ssgcam_evolve_save(search, bytes + sizeof h, inner) : SSGCAM_OK;
    uint64_t checksum = XXH3_64bits(bytes, size - sizeof checksum);
    memcpy(bytes + size - sizeof checksum, &checksum, sizeof checksum);
    if (status == SSGCAM_OK) status = ssg_file_write(s->checkpoint, bytes, size);
    ssg_free(bytes);
    s->saved_ms = ssg_clock_ms();
    return status;
}

ssgcam_status ssg_session_save_sometimes(ssg_session *s, const ssgcam_evolve *search)
{
    return ssg_clock_ms() - s->saved_ms < save_every_ms ? SSGCAM_OK : ssg_session_save(s, search);
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
    ssg_free(s->evolve);
    ssg_free(s->checkpoint);
    ssg_free(s->log_path);
    *s = (ssg_session){0};
}
