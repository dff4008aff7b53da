/* ssgcam eval boxes: weakly supervised localisation, from maps made before or on the fly. */
#include <jansson.h>
#include <stdio.h>

#include "host/cli/commands.h"
#include "host/cli/common.h"

typedef struct flags {
    common_flags common;
    data_flags data;
    method_flags method;
    preprocess_flags preprocess;
    const char *maps, *curve;
    int batch;
} flags;

static const option table[] = {
    {"maps", 0, OPTION_TEXT, offsetof(flags, maps), "DIR", "maps made before (DIR/ID.CLASS.npy or DIR/ID.npy); or else give a MODEL"},
    METHOD_OPTIONS(flags, method),
    DATA_OPTIONS(flags, data),
    {NULL, 0, OPTION_HEADING, 0, NULL, "The job:"},
    {"batch", 'b', OPTION_LEAST1, offsetof(flags, batch), "N", "images per network pass (4; on a GPU 16)"},
    {"curve", 0, OPTION_TEXT, offsetof(flags, curve), "CSV", "write the share of hits at every threshold"},
    PREPROCESS_OPTIONS(flags, preprocess),
    COMMON_OPTIONS,
};
enum { ROWS = sizeof table / sizeof *table };

static const double least_iou[SSGCAM_BOX_DELTAS] = {0.3, 0.5, 0.7};

/* ---- output ------------------------------------------------------------------------------------------------------------------------------ */

static json_t *best_json(const double (*curve)[SSGCAM_BOX_THRESHOLDS], const int *best)
{
    json_t *list = json_array();
    for (int d = 0; d < SSGCAM_BOX_DELTAS; d++)
        json_array_append_new(list, json_pack("{s:f,s:f,s:i}", "iou", least_iou[d], "accuracy", curve[d][best[d]], "threshold", best[d]));
    return list;
}

static ssgcam_status print_json(const ssgcam_boxes_result *r)
{
    json_t *root = json_pack("{s:s,s:I,s:I,s:I,s:f,s:f,s:o,s:o}", "protocol", "maxboxacc", "images", (json_int_t)r->images, "failed",
                             (json_int_t)r->failed, "maps", (json_int_t)r->maps, "max_box_acc", r->max_box_acc, "max_box_acc_v2", r->max_box_acc_v2,
                             "largest_contour", best_json(r->largest, r->best_largest), "any_contour", best_json(r->any, r->best_any));
    if (r->has_answers) {
        json_object_set_new(root, "top1_localisation", json_pack("{s:f,s:i}", "accuracy", r->top1[r->best_top1], "threshold", r->best_top1));
        json_object_set_new(root, "top5_localisation", json_pack("{s:f,s:i}", "accuracy", r->top5[r->best_top5], "threshold", r->best_top5));
    }
    return print_json_root(root);
}

static void print_row(const char *name, const double (*curve)[SSGCAM_BOX_THRESHOLDS], const int *best)
{
    printf("  %-24s", name);
    for (int d = 0; d < SSGCAM_BOX_DELTAS; d++) printf(" %8.2f (%3d)", 100 * curve[d][best[d]], best[d]);
    putchar('\n');
}

static void print_text(const ssgcam_boxes_result *r)
{
    printf("%zu images, %zu failed, %zu maps\n\n  %-24s", r->images, r->failed, r->maps, "hits %, IoU at least");
    for (int d = 0; d < SSGCAM_BOX_DELTAS; d++) printf(" %8.1f      ", least_iou[d]);
    putchar('\n');
    print_row("box of largest contour", r->largest, r->best_largest);
    print_row("box of any contour", r->any, r->best_any);
    printf("\n  %-24s %8.2f\n  %-24s %8.2f\n", "MaxBoxAcc (GT-known)", 100 * r->max_box_acc, "MaxBoxAccV2", 100 * r->max_box_acc_v2);
    if (r->has_answers)
        printf("  %-24s %8.2f (%3d)\n  %-24s %8.2f (%3d)\n", "Top-1 localisation", 100 * r->top1[r->best_top1], r->best_top1, "Top-5 localisation",
               100 * r->top5[r->best_top5], r->best_top5);
    printf("\n  GT-known: maps of the true classes. In brackets the threshold, of 0 to 254, that suits best; it is chosen on the truth.\n");
}

static ssgcam_status write_curve(const char *path, const ssgcam_boxes_result *r)
{
    const ssgcam_curve curves[] = {{"largest_30", r->largest[0]}, {"largest_50", r->largest[1]}, {"largest_70", r->largest[2]},
                                   {"any_30", r->any[0]},         {"any_50", r->any[1]},         {"any_70", r->any[2]}};
    return ssgcam_curves_write(path, "threshold", 1, SSGCAM_BOX_THRESHOLDS, curves, sizeof curves / sizeof *curves);
}

static ssgcam_status give(const ssgcam_boxes_result *r, const flags *f)
{
    ssgcam_status status = SSGCAM_OK;
    if (f->common.json)
        status = print_json(r);
    else
        print_text(r);
    return status == SSGCAM_OK && f->curve ? write_curve(f->curve, r) : status;
}

/* ---- the job ------------------------------------------------------------------------------------------------------------------------------ */

static ssgcam_status work(const void *parsed, const text_list *arguments)
{
    const flags *f = parsed;
    const char *path = arguments->count ? arguments->items[0] : NULL;
    inputs in;
    ssgcam_boxes_result result = {0};
    if (!path == !f->maps) return ssgcam_fail(SSGCAM_ERR_ARGUMENT, "give either a MODEL or --maps DIR");
    ssgcam_status status = f->curve ? ssgcam_output_check(f->curve) : SSGCAM_OK;
    if (status != SSGCAM_OK) return status;
    status = inputs_open(&in, path, &f->common, &f->preprocess, &f->method, &f->data);
    if (status == SSGCAM_OK) {
        progress line;
        progress_start(&line, "images", &f->common);
        ssgcam_boxes_options o = {.data = in.data,
                                  .maps = f->maps,
                                  .device = in.device,
                                  .model = in.model,
                                  .recipe = in.recipe,
                                  .batch = f->batch,
                                  .precision = in.precision,
                                  .stop = &stop_requested,
                                  .progress = progress_show,
                                  .context = &line,
                                  .threads = f->common.threads};
        status = ssgcam_eval_boxes(&o, &result);
        progress_end(&line);
        if (status == SSGCAM_OK || status == SSGCAM_ERR_PARTIAL) status = status_after(status, give(&result, f));
    }
    inputs_close(&in);
    return status;
}

int cmd_eval_boxes(int count, char **arguments)
{
    static const command_spec command = {.name = "eval boxes",
                                         .usage = "eval boxes [MODEL] --data DIR [--maps DIR] [options]",
                                         .table = table,
                                         .rows = ROWS,
                                         .most = 1,
                                         .polls = 1,
                                         .work = work};
    flags f = {.method = METHOD_FLAGS_INIT};
    return run_command(&command, count, arguments, &f);
}
