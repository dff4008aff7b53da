/* run.h - from the arguments of a command to its exit code: parsing, help, signals, what is printed. */
#ifndef SSG_CLI_RUN_H
#define SSG_CLI_RUN_H

#include <jansson.h>
#include <limits.h>
#include <ssgcam/status.h>

#include "host/cli/options.h"

/* What a command does; `flags` is filled, `arguments` are those that are no options. */
typedef ssgcam_status command_work(const void *flags, const text_list *arguments);

enum { ANY_NUMBER = INT_MAX };

typedef struct command_spec {
    const char *name, *usage; /* "bench", and the line behind "usage: ssgcam " */
    const option *table;      /* into a struct that begins with common_flags (common.h) */
    size_t rows;
    int least, most;     /* arguments that are no options */
    const char *missing; /* what is said if there are fewer, e.g. "the model is missing" */
    int polls;           /* the work polls stop_requested, so that the first signal only asks */
    command_work *work;
} command_spec;

/* Of a command whose one argument is the model. */
#define TAKES_A_MODEL .least = 1, .most = 1, .missing = "the model (an .onnx file) is missing"

/* Parses, answers --help or works, and gives the exit code. */
int run_command(const command_spec *command, int count, char **arguments, void *flags);

/* The exit code of a status, and its sentence on standard error unless the status is OK. */
int finish(const char *command, ssgcam_status status);

/* The exit code of the program: that of its command, unless what was printed did not arrive. */
int finish_output(int code);

/* Set by SIGINT, SIGTERM and SIGUSR1; a second one ends the program at once. */
extern int stop_requested;

/* Prints a result and takes the reference. NULL, as of json_pack that failed, is a failure too. */
ssgcam_status print_json_root(json_t *root);

/* Of two steps, the first of which went well or in part: the second's failure, else how the first went. */
ssgcam_status status_after(ssgcam_status first, ssgcam_status second);

#endif
