/* session.h - the files beside a recipe while it is being searched: the checkpoint and the log.
 *
 * The checkpoint holds every finished phase's result and the state of those under way; a search that reads it ends with the bytes it would have
 * ended with uninterrupted. The log has one JSON object a line; when a checkpoint is taken up again, lines behind it are cut off.
 *
 * Runs may go side by side: each holds `lock` while it changes the session or calls a function of it. */
#ifndef SSG_SEARCH_SESSION_H
#define SSG_SEARCH_SESSION_H

#include <pthread.h>
#include <stdio.h>

#include "host/search/baselines.h"

enum { SSG_MOST_RUNS = 64, SSG_SIDE_BY_SIDE = 8 };

/* What a search may not change between checkpoint and continuation. */
typedef struct ssg_session_identity {
    char key[33];     /* images, labels, model, grid: what the maps are made from; and which images belong together */
    char options[33]; /* seed, budget, strategy, folds ... */
    char bank[33];    /* the maps themselves, and the masks */
} ssg_session_identity;

typedef struct ssg_session_state {
    uint64_t phase;                    /* the first that is not finished: runs, then the random search */
    uint64_t evaluations, generations; /* of finished phases */
    uint64_t drawn;                    /* random search: candidates tried */
    uint64_t log_bytes, stop;
    ssg_candidate best[SSG_MOST_RUNS + 1]; /* of each phase so far */
    double fitness[SSG_MOST_RUNS + 1];
    ssg_rivals rivals[SSG_MOST_RUNS]; /* of each run's images */
} ssg_session_state;

/* A run under way, as its last generation left it; NULL where it has not begun. */
typedef struct ssg_session_run {
    uint8_t *evolve;
    size_t size;
} ssg_session_run;

typedef struct ssg_session {
    ssg_session_identity identity;
    ssg_session_state state;
    ssg_session_run under_way[SSG_SIDE_BY_SIDE]; /* runs state.phase, state.phase + 1 ... */
    pthread_mutex_t lock;
    int halted;                  /* all runs are to stop after their generation */
    char *checkpoint, *log_path; /* NULL: no files */
    FILE *log;
    int resumed;
    double started_ms, saved_ms;
} ssg_session;

/* out: the recipe's path, or NULL. Takes up a checkpoint unless `fresh`; one of another search is SSGCAM_ERR_INPUT. */
ssgcam_status ssg_session_open(ssg_session *session, const char *out, const ssg_session_identity *identity, int fresh);

/* Refuses a checkpoint of another search by what is known before there is a bank: identity.bank is not read, no file is written. */
ssgcam_status ssg_session_check(const char *out, const ssg_session_identity *identity, int fresh);

/* Remembers a run as it is now, for the checkpoint. */
ssgcam_status ssg_session_keep(ssg_session *session, size_t run, const ssgcam_evolve *search);

/* What is remembered of a run, or NULL. */
const ssg_session_run *ssg_session_run_of(const ssg_session *session, size_t run);

/* The first `count` phases under way are finished. */
void ssg_session_pass(ssg_session *session, size_t count);

/* Takes the lock itself. */
void ssg_session_halt(ssg_session *session);

/* Writes the checkpoint. */
ssgcam_status ssg_session_save(ssg_session *session);

/* The same if the last one is ten seconds old. */
ssgcam_status ssg_session_save_sometimes(ssg_session *session);

/* A line of the log, printf style, without the newline. */
ssgcam_status ssg_session_log(ssg_session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* finished: the checkpoint is removed. */
void ssg_session_close(ssg_session *session, int finished);

#endif
