/* ssgcam report: what runs came to, on one page. */
#include <stdio.h>

#include "host/cli/commands.h"
#include "host/cli/common.h"

typedef struct flags {
    common_flags common; /* --help and --quiet */
    const char *out;
} flags;

static const option table[] = {
    {"output", 'o', OPTION_TEXT, offsetof(flags, out), "FILE", "the page (report.html)"},
    {"quiet", 'q', OPTION_FLAG, offsetof(flags, common) + offsetof(common_flags, quiet), NULL, "say nothing"},
    {"help", 'h', OPTION_FLAG, offsetof(flags, common) + offsetof(common_flags, help), NULL, "this text"},
    {NULL, 0, OPTION_HEADING, 0, NULL,
     "RUN: a recipe with its log beside it, a folder that generate wrote, what eval printed with --json,\n"
     "or a table that it wrote with --curve or --pixel-curve; a section each, in the order given."},
};
enum { ROWS = sizeof table / sizeof *table };

static ssgcam_status work(const void *parsed, const text_list *runs)
{
    const flags *f = parsed;
    size_t bytes, count = (size_t)runs->count;
    ssgcam_report_options o = {.runs = runs->items, .run_count = count, .out = f->out ? f->out : "report.html"};
    ssgcam_status status = ssgcam_report_write(&o, &bytes);
    if (status == SSGCAM_OK && !f->common.quiet) printf("%s: %zu section%s, %zu KiB\n", o.out, count, count == 1 ? "" : "s", (bytes + 1023) / 1024);
    return status;
}

int cmd_report(int count, char **arguments)
{
    static const command_spec command = {.name = "report",
                                         .usage = "report RUN... [-o report.html]",
                                         .table = table,
                                         .rows = ROWS,
                                         .least = 1,
                                         .most = ANY_NUMBER,
                                         .missing = "give at least one RUN: a recipe, a folder of masks, or what eval wrote",
                                         .work = work};
    flags f = {0};
    return run_command(&command, count, arguments, &f);
}
