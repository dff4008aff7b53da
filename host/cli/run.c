#include "host/cli/run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/cli/common.h"

/* ---- signals --------------------------------------------------------------------------------------------------------------------------- */

int stop_requested;

static void on_signal(int number)
{
    (void)number;
    if (__atomic_exchange_n(&stop_requested, 1, __ATOMIC_RELAXED)) _exit(130); /* safe: every file appears whole or not at all */
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* ---- results --------------------------------------------------------------------------------------------------------------------------- */

ssgcam_status print_json_root(json_t *root)
{
    char *text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(8)) : NULL;
    json_decref(root);
    if (!text)
        return ssgcam_fail(SSGCAM_ERR_INTERNAL,
                           "the result cannot be written as JSON: a name is not UTF-8, a figure is not a number, or memory ran out");
    puts(text); /* whether it arrived: finish_output */
    free(text);
    return SSGCAM_OK;
}

ssgcam_status status_after(ssgcam_status first, ssgcam_status second)
{
    return second == SSGCAM_OK ? first : second;
}

/* ---- exit codes ------------------------------------------------------------------------------------------------------------------------ */

int finish(const char *command, ssgcam_status status)
{
    if (status != SSGCAM_OK) fprintf(stderr, "ssgcam %s: %s\n", command, ssgcam_last_error());
    switch (status) {
    case SSGCAM_OK: return 0;
    case SSGCAM_ERR_PARTIAL: return 1;
    case SSGCAM_ERR_ARGUMENT: return 2;
    case SSGCAM_ERR_INPUT:
    case SSGCAM_ERR_NOT_FOUND:
    case SSGCAM_ERR_UNSUPPORTED: return 3;
    case SSGCAM_ERR_INTERRUPTED: return 130;
    default: return 4;
    }
}

int finish_output(int code)
{
    int flushed = fflush(stdout) == 0;
    if (flushed && !ferror(stdout)) return code;
    fprintf(stderr, "ssgcam: what was printed could not be written to standard output; is the disk full?\n");
    return code > 1 ? code : 4;
}

/* ---- a whole command ------------------------------------------------------------------------------------------------------------------- */

/* -1: go on; else the exit code. */
static int begin(const command_spec *c, int count, char **arguments, void *flags, text_list *rest)
{
    int code = options_parse(c->name, c->table, c->rows, count, arguments, flags, rest);
    const common_flags *common = flags;
    if (code) return code;
    ssgcam_set_remarks(common->quiet ? SSGCAM_REMARKS_NONE : common->verbose ? SSGCAM_REMARKS_ALL : SSGCAM_REMARKS_FEW);
    if (!common->help) return -1;
    printf("usage: ssgcam %s\n", c->usage);
    options_help(c->table, c->rows);
    return 0;
}

static ssgcam_status check_count(const command_spec *c, const text_list *rest)
{
    if (rest->count < c->least) return ssgcam_fail(SSGCAM_ERR_ARGUMENT, "%s. See `ssgcam %s --help`.", c->missing, c->name);
    if (rest->count <= c->most) return SSGCAM_OK;
    return ssgcam_fail(SSGCAM_ERR_ARGUMENT, "'%s' is one argument too many. See `ssgcam %s --help`.", rest->items[c->most], c->name);
}

int run_command(const command_spec *c, int count, char **arguments, void *flags)
{
    text_list rest = {0};
    int code = begin(c, count, arguments, flags, &rest);
    if (code < 0) {
        ssgcam_status status = check_count(c, &rest);
        if (status == SSGCAM_OK && c->polls) catch_signals();
        code = finish(c->name, status == SSGCAM_OK ? c->work(flags, &rest) : status);
    }
    options_free(c->table, c->rows, flags, &rest);
    return code;
}
