/* ssgcam bench: how long the stages take here. */
#include <jansson.h>
#include <stdio.h>

#include "host/cli/commands.h"
#include "host/cli/common.h"

typedef struct flags {
    common_flags common;
    method_flags method;
    preprocess_flags preprocess;
    int classes, batch, repeat;
} flags;

static const option table[] = {
    METHOD_OPTIONS(flags, method),
    {NULL, 0, OPTION_HEADING, 0, NULL, "The measurement:"},
    {"classes", 'c', OPTION_LEAST1, offsetof(flags, classes), "K", "classes per image (1)"},
    {"batch", 'b', OPTION_LEAST1, offsetof(flags, batch), "N", "images per pass (4; on a GPU 16)"},
    {"repeat", 0, OPTION_LEAST1, offsetof(flags, repeat), "R", "measured passes; the median is given (10)"},
    PREPROCESS_OPTIONS(flags, preprocess),
    COMMON_OPTIONS,
};
enum { ROWS = sizeof table / sizeof *table };

static const char *bound_by(const ssgcam_bench_result *r)
{
    if (r->maps_ms > r->forward_ms && r->maps_ms > r->backward_ms) return "maps";
    return r->backward_ms > r->forward_ms ? "the backward pass" : "the forward pass";
}

static void print_text(const ssgcam_bench_result *r)
{
    printf("  forward   %9.2f ms an image\n  backward  %9.2f ms\n  maps      %9.2f ms\n  together  %9.2f ms, %.1f images a second; most goes to %s\n",
           r->forward_ms, r->backward_ms, r->maps_ms, r->total_ms, 1000 / r->total_ms, bound_by(r));
    printf("  memory    %9.1f MiB reserved for tensors and maps; the process filled %.1f MiB at most, all in all\n", (double)r->memory / 1048576,
           (double)r->peak_memory / 1048576);
}

static ssgcam_status print_json(const ssgcam_bench_result *r)
{
    return print_json_root(json_pack("{s:f,s:f,s:f,s:f,s:I,s:I,s:s}", "forward_ms", r->forward_ms, "backward_ms", r->backward_ms, "maps_ms",
                                     r->maps_ms, "total_ms", r->total_ms, "memory_bytes", (json_int_t)r->memory, "peak_memory_bytes",
                                     (json_int_t)r->peak_memory, "bound_by", bound_by(r)));
}

static ssgcam_status work(const void *parsed, const text_list *arguments)
{
    const flags *f = parsed;
    inputs in;
    ssgcam_bench_result result;
    ssgcam_status status = inputs_open(&in, arguments->items[0], &f->common, &f->preprocess, &f->method, NULL);
    if (status == SSGCAM_OK) {
        ssgcam_bench_options o = {.device = in.device,
                                  .model = in.model,
                                  .recipe = in.recipe,
                                  .precision = in.precision,
                                  .classes = f->classes,
                                  .batch = f->batch,
                                  .repeat = f->repeat};
        status = ssgcam_bench_run(&o, &result);
    }
    if (status == SSGCAM_OK && f->common.json)
        status = print_json(&result);
    else if (status == SSGCAM_OK)
        print_text(&result);
    inputs_close(&in);
    return status;
}

int cmd_bench(int count, char **arguments)
{
    static const command_spec command = {
        .name = "bench", .usage = "bench MODEL [options]", .table = table, .rows = ROWS, TAKES_A_MODEL, .work = work};
    flags f = {.method = METHOD_FLAGS_INIT};
    return run_command(&command, count, arguments, &f);
}
