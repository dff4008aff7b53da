/* ssgcam generate: masks for a whole data set. */
#include <jansson.h>
#include <stdio.h>

#include "host/cli/commands.h"
#include "host/cli/common.h"

typedef struct flags {
    common_flags common;
    data_flags data;
    method_flags method;
    preprocess_flags preprocess;
    const char *out, *scales, *shard;
    int flip, batch, maps, overlays, fresh;
} flags;

static const option table[] = {
    {"output", 'o', OPTION_TEXT, offsetof(flags, out), "DIR", "where masks/ID.png and the journal go (required)"},
    METHOD_OPTIONS(flags, method),
    DATA_OPTIONS(flags, data),
    {NULL, 0, OPTION_HEADING, 0, NULL, "The job:"},
    {"scales", 0, OPTION_TEXT, offsetof(flags, scales), "X,Y", "look at every image in these sizes too and average: 0.5,1,1.5 (1)"},
    {"flip", 0, OPTION_FLAG, offsetof(flags, flip), NULL, "look at every image mirrored too, in each size"},
    {"batch", 'b', OPTION_LEAST1, offsetof(flags, batch), "N", "images per network pass (4; on a GPU 16)"},
    {"shard", 0, OPTION_TEXT, offsetof(flags, shard), "i/n", "only every n-th image, beginning with the i-th"},
    {"maps", 0, OPTION_FLAG, offsetof(flags, maps), NULL, "also write maps/ID.CLASS.npy, the fused maps in [0, 1]"},
    {"overlays", 0, OPTION_FLAG, offsetof(flags, overlays), NULL, "also write overlays/ID.png: masks in colour, true outlines in white"},
    {"fresh", 0, OPTION_FLAG, offsetof(flags, fresh), NULL, "start over instead of continuing an earlier run"},
    PREPROCESS_OPTIONS(flags, preprocess),
    COMMON_OPTIONS,
};
enum { ROWS = sizeof table / sizeof *table, MOST_SCALES = 64 }; /* to read; the library takes fewer */

static ssgcam_status parse_shard(const char *text, int *shard, int *shards)
{
    char behind;
    if (!text) return SSGCAM_OK;
    if (sscanf(text, "%d/%d%c", shard, shards, &behind) == 2 && *shard >= 1 && *shards >= *shard) return SSGCAM_OK;
    return ssgcam_fail(SSGCAM_ERR_ARGUMENT, "--shard '%s' is not i/n with i from 1 to n, e.g. 3/8", text);
}

static ssgcam_status print_json(const ssgcam_generate_result *r, const char *out)
{
    return print_json_root(json_pack("{s:s,s:I,s:I,s:I,s:I,s:f,s:f,s:f}", "output", out, "total", (json_int_t)r->total, "written",
                                     (json_int_t)r->written, "kept", (json_int_t)r->kept, "failed", (json_int_t)r->failed, "network_ms",
                                     r->network_ms, "maps_ms", r->maps_ms, "total_ms", r->total_ms));
}

static void print_text(const ssgcam_generate_result *r, const char *out)
{
    printf("%zu of %zu masks in %s/masks", r->written + r->kept, r->total, out);
    if (r->kept) printf(" (%zu from before)", r->kept);
    if (r->failed) printf(", %zu failed", r->failed);
    if (r->written)
        printf("; %.1f s, %.0f ms an image, network %.0f %%", r->total_ms / 1000, r->total_ms / (double)r->written,
               100 * r->network_ms / r->total_ms);
    printf("\n");
}

static ssgcam_status work(const void *parsed, const text_list *arguments)
{
    const flags *f = parsed;
    inputs in;
    int shard = 0, shards = 0;
    size_t scale_count;
    double scales[MOST_SCALES];
    ssgcam_generate_result result = {0};
    if (!f->out) return ssgcam_fail(SSGCAM_ERR_ARGUMENT, "-o DIR is missing: where should the masks go?");
    ssgcam_status status = parse_shard(f->shard, &shard, &shards);
    if (status == SSGCAM_OK) status = parse_numbers("scales", f->scales, scales, MOST_SCALES, &scale_count);
    if (status != SSGCAM_OK) return status;
    status = inputs_open(&in, arguments->items[0], &f->common, &f->preprocess, &f->method, &f->data);
    if (status == SSGCAM_OK) {
        progress line;
        progress_start(&line, "images", &f->common);
        ssgcam_generate_options o = {.device = in.device,
                                     .model = in.model,
                                     .data = in.data,
                                     .recipe = in.recipe,
                                     .precision = in.precision,
                                     .out = f->out,
                                     .batch = f->batch,
                                     .scales = scales,
                                     .scale_count = scale_count,
                                     .flip = f->flip,
                                     .shard = shard,
                                     .shards = shards,
                                     .maps = f->maps,
                                     .overlays = f->overlays,
                                     .fresh = f->fresh,
                                     .stop = &stop_requested,
                                     .progress = progress_show,
                                     .context = &line};
        status = ssgcam_generate_run(&o, &result);
        progress_end(&line);
        if (result.total && f->common.json)
            status = status_after(status, print_json(&result, f->out));
        else if (result.total && !f->common.quiet)
            print_text(&result, f->out);
    }
    inputs_close(&in);
    return status;
}

int cmd_generate(int count, char **arguments)
{
    static const command_spec command = {.name = "generate",
                                         .usage = "generate MODEL --data DIR | --images DIR --labels CSV -o OUT [options]",
                                         .table = table,
                                         .rows = ROWS,
                                         TAKES_A_MODEL,
                                         .polls = 1,
                                         .work = work};
    flags f = {.method = METHOD_FLAGS_INIT};
    return run_command(&command, count, arguments, &f);
}
