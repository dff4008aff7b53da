/* main.c - the program `ssgcam`: picks the command. */
#include <ssgcam/ssgcam.h>
#include <stdio.h>
#include <string.h>

#include "host/cli/commands.h"
#include "host/cli/options.h"
#include "host/cli/run.h"

typedef struct command {
    const char *name;
    int (*run)(int count, char **arguments);
    const char *help;
} command;

static const command commands[] = {
    {"inspect", cmd_inspect, "a model's layers, input, classes and preprocessing"},
    {"explain", cmd_explain, "where the model looks in a few images: overlays, heat maps, arrays"},
    {"search", cmd_search, "a recipe: the mix of layers that labels a small labelled set best"},
    {"generate", cmd_generate, "masks for a whole data set"},
    {"eval", cmd_eval, "how good masks, boxes and maps are: IoU, MaxBoxAcc, deletion and insertion"},
    {"report", cmd_report, "one page of what searches, masks and scores came to"},
    {"bench", cmd_bench, "how long forward, backward and maps take here, and in how much memory"},
    {"devices", cmd_devices, "processors, GPUs and libraries, and what each can do"},
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static int usage(FILE *to, int code)
{
    fprintf(to, "ssgcam %s: from an image classifier and image labels to pixel labels\n\nusage: ssgcam COMMAND [options]\n\n", ssgcam_version());
    for (int i = 0; i < COMMAND_COUNT; i++) fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].help);
    fprintf(to, "\n`ssgcam COMMAND --help` explains a command. Exit codes: 0 done, 1 some items failed, 2 usage, 3 input unusable,\n"
                "4 device or resources, 130 interrupted (the same command continues).\n");
    return code;
}

static int run(int count, char **arguments)
{
    if (count < 2) return usage(stderr, 2);
    const char *name = arguments[1];
    if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) return usage(stdout, 0);
    if (!strcmp(name, "--version") || !strcmp(name, "version")) return printf("ssgcam %s\n", ssgcam_version()), 0;
    const char *names[COMMAND_COUNT];
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0) return commands[i].run(count - 2, arguments + 2);
        names[i] = commands[i].name;
    }
    const char *nearest = options_nearest(name, names, COMMAND_COUNT);
    fprintf(stderr, "ssgcam: there is no command '%s'%s%s%s `ssgcam --help` lists them.\n", name, nearest ? "; did you mean '" : ".",
            nearest ? nearest : "", nearest ? "'?" : "");
    return 2;
}

int main(int count, char **arguments)
{
    return finish_output(run(count, arguments));
}
