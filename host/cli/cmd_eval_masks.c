/* ssgcam eval masks: how good masks, or the maps behind them, are, made before or on the fly. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "host/cli/commands.h"
#include "host/cli/common.h"

typedef struct flags {
    common_flags common;
    data_flags data;
    method_flags method;
    preprocess_flags preprocess;
    const char *masks, *maps, *curve, *pixel_curve;
    int batch;
} flags;

static const option table[] = {
    {"masks", 0, OPTION_TEXT, offsetof(flags, masks), "DIR", "masks made before (DIR/ID.png), or:"},
    {"maps", 0, OPTION_TEXT, offsetof(flags, maps), "DIR", "maps made before (DIR/ID.CLASS.npy or DIR/ID.npy); or else give a MODEL"},
    METHOD_OPTIONS(flags, method),
    DATA_OPTIONS(flags, data),
    {"mask-values", 0, OPTION_TEXT, offsetof(flags, data) + offsetof(data_flags, mask_values), "HOW",
     "true masks hold: classes, object, object>=N; or no masks: boxes, ellipses (what lies in a box, or in the ellipse in it) (classes)"},
    {NULL, 0, OPTION_HEADING, 0, NULL, "The job:"},
    {"batch", 'b', OPTION_LEAST1, offsetof(flags, batch), "N", "images per network pass (4; on a GPU 16)"},
    {"curve", 0, OPTION_TEXT, offsetof(flags, curve), "CSV", "write mIoU and foreground IoU at every threshold"},
    {"pixel-curve", 0, OPTION_TEXT, offsetof(flags, pixel_curve), "CSV", "write precision and recall of pixels (PxAP) at every threshold"},
    PREPROCESS_OPTIONS(flags, preprocess),
    COMMON_OPTIONS,
};
enum { ROWS = sizeof table / sizeof *table };

static const char *label_name(const ssgcam_dataset *data, size_t label)
{
    return label == 0 ? "background" : label - 1 < data->class_count ? data->classes[label - 1] : "?";
}

/* ---- output ------------------------------------------------------------------------------------------------------------------------------ */

static ssgcam_status print_json(const ssgcam_eval_result *r, const ssgcam_dataset *data)
{
    size_t n = r->class_count + 1;
    json_t *labels = json_array(), *iou = json_array(), *confusion = json_array(), *curve = r->has_curve ? json_array() : NULL;
    for (size_t i = 0; i < n; i++) {
        json_t *row = json_array();
        for (size_t k = 0; k < n; k++) json_array_append_new(row, json_integer((json_int_t)r->confusion[i * n + k]));
        json_array_append_new(confusion, row);
        json_array_append_new(labels, json_string(label_name(data, i)));
        json_array_append_new(iou, isnan(r->iou[i]) ? json_null() : json_real(r->iou[i]));
    }
    for (int t = 0; curve && t < SSGCAM_THRESHOLDS; t++) json_array_append_new(curve, json_real(r->curve_mean[t]));
    json_t *root = json_pack("{s:I,s:I,s:f,s:f,s:f,s:f,s:o,s:o,s:o,s:o,s:o*}", "images", (json_int_t)r->images, "failed", (json_int_t)r->failed,
                             "mean_iou", r->mean_iou, "foreground_iou", r->foreground_iou, "object_iou", r->object_iou, "object_mean_iou",
                             r->object_mean, "threshold", r->threshold < 0 ? json_null() : json_integer(r->threshold), "labels", labels, "iou", iou,
                             "confusion", confusion, "curve_mean_iou", curve);
    if (r->has_curve) json_object_set_new(root, "px_ap", isnan(r->px_ap) ? json_null() : json_real(r->px_ap));
    if (r->has_curve)
        json_object_set_new(root, "best",
                            json_pack("{s:i,s:f,s:f}", "threshold", r->best_threshold, "mean_iou", r->curve_mean[r->best_threshold], "foreground_iou",
                                      r->curve_foreground[r->best_threshold]));
    return print_json_root(root);
}

static int best_of(const double *curve)
{
    int best = 0;
    for (int t = 1; t < SSGCAM_THRESHOLDS; t++)
        if (curve[t] > curve[best]) best = t;
    return best;
}

/* Each measure at the threshold that suits it best, which is chosen on the truth: an upper bound for these maps. */
static void print_best(const ssgcam_eval_result *r)
{
    int foreground = best_of(r->curve_foreground), object = best_of(r->curve_object_mean);
    printf("  %-24s %8.2f %8.2f %8s %8.2f\n  %-24s %8d %8d %8s %8d\n", "at its best threshold", 100 * r->curve_mean[r->best_threshold],
           100 * r->curve_foreground[foreground], "", 100 * r->curve_object_mean[object], "  which is", r->best_threshold, foreground, "", object);
}

static void print_text(const ssgcam_eval_result *r, const ssgcam_dataset *data)
{
    size_t n = r->class_count + 1;
    printf("%zu images, %zu failed\n\n  %-24s %8s %14s %14s\n", r->images, r->failed, "label", "IoU %", "true pixels", "predicted");
    for (size_t i = 0; i < n; i++) {
        uint64_t truth = 0, predicted = 0;
        for (size_t k = 0; k < n; k++) {
            truth += r->confusion[i * n + k];
            predicted += r->confusion[k * n + i];
        }
        if (!truth && !predicted) continue;
        printf("  %-24s %8.2f %14llu %14llu\n", label_name(data, i), 100 * r->iou[i], (unsigned long long)truth, (unsigned long long)predicted);
    }
    printf("\n  %-24s %8s %8s %8s %8s\n", "", "mIoU %", "classes", "object", "object +");
    printf("  %-24s %8.2f %8.2f %8.2f %8.2f\n", r->has_curve ? "at this threshold" : "these masks", 100 * r->mean_iou, 100 * r->foreground_iou,
           100 * r->object_iou, 100 * r->object_mean);
    if (r->has_curve) print_best(r);
    if (r->has_curve) printf("\n  %-24s %8.2f\n", "PxAP %", 100 * r->px_ap);
    printf("\n  mIoU: mean over background and classes; classes: without background; object: all classes as one;\n"
           "  object +: mean of that and background\n");
    if (r->has_curve) printf("  PxAP: average precision of the maps' pixels against those of their class, one curve over all\n");
}

static ssgcam_status write_curve(const char *path, const ssgcam_eval_result *r)
{
    const ssgcam_curve curves[] = {{"mean_iou", r->curve_mean}, {"foreground_iou", r->curve_foreground}, {"object_mean_iou", r->curve_object_mean}};
    return ssgcam_curves_write(path, "threshold", 1, SSGCAM_THRESHOLDS, curves, sizeof curves / sizeof *curves);
}

static ssgcam_status write_pixel_curve(const char *path, const ssgcam_eval_result *r)
{
    const ssgcam_curve curves[] = {{"precision", r->px_precision}, {"recall", r->px_recall}};
    return ssgcam_curves_write(path, "threshold", 0.001, SSGCAM_PIXEL_THRESHOLDS, curves, sizeof curves / sizeof *curves);
}

static ssgcam_status give(const ssgcam_eval_result *r, const ssgcam_dataset *data, const flags *f)
{
    ssgcam_status status = SSGCAM_OK;
    if (f->common.json)
        status = print_json(r, data);
    else
        print_text(r, data);
    if (status == SSGCAM_OK && f->curve) status = write_curve(f->curve, r);
    return status == SSGCAM_OK && f->pixel_curve ? write_pixel_curve(f->pixel_curve, r) : status;
}

/* ---- the job ------------------------------------------------------------------------------------------------------------------------------ */

static ssgcam_status work(const void *parsed, const text_list *arguments)
{
    const flags *f = parsed;
    const char *path = arguments->count ? arguments->items[0] : NULL;
    inputs in;
    ssgcam_eval_result result = {0};
    if (!!path + !!f->masks + !!f->maps != 1) return ssgcam_fail(SSGCAM_ERR_ARGUMENT, "give either a MODEL or --masks DIR or --maps DIR");
    if (f->masks && (f->curve || f->pixel_curve))
        return ssgcam_fail(SSGCAM_ERR_ARGUMENT, "--curve and --pixel-curve need a MODEL or --maps: masks made before hold one threshold only");
    ssgcam_status status = f->curve ? ssgcam_output_check(f->curve) : SSGCAM_OK;
    if (status == SSGCAM_OK && f->pixel_curve) status = ssgcam_output_check(f->pixel_curve);
    if (status != SSGCAM_OK) return status;
    status = inputs_open(&in, path, &f->common, &f->preprocess, &f->method, &f->data);
    if (status == SSGCAM_OK) {
        progress line;
        progress_start(&line, "images", &f->common);
        ssgcam_eval_options o = {.data = in.data,
                                 .mask_values = f->data.mask_values,
                                 .predictions = f->masks,
                                 .maps = f->maps,
                                 .threshold = f->method.threshold >= 0 ? f->method.threshold : DEFAULT_THRESHOLD,
                                 .device = in.device,
                                 .model = in.model,
                                 .recipe = in.recipe,
                                 .batch = f->batch,
                                 .precision = in.precision,
                                 .stop = &stop_requested,
                                 .progress = progress_show,
                                 .context = &line,
                                 .threads = f->common.threads};
        status = ssgcam_eval_masks(&o, &result);
        progress_end(&line);
        if (status == SSGCAM_OK || status == SSGCAM_ERR_PARTIAL) status = status_after(status, give(&result, in.data, f));
    }
    ssgcam_eval_clear(&result);
    inputs_close(&in);
    return status;
}

int cmd_eval_masks(int count, char **arguments)
{
    static const command_spec command = {.name = "eval masks",
                                         .usage = "eval masks [MODEL] --data DIR [--masks DIR | --maps DIR] [options]",
                                         .table = table,
                                         .rows = ROWS,
                                         .most = 1,
                                         .polls = 1,
                                         .work = work};
    flags f = {.method = METHOD_FLAGS_INIT};
    return run_command(&command, count, arguments, &f);
}
