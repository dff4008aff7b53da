/* ssgcam eval perturb: what the network answers when the pixels that a map points at are replaced, or only they are left. */
#include <jansson.h>
#include <stdio.h>

#include "host/cli/commands.h"
#include "host/cli/common.h"

typedef struct flags {
    common_flags common;
    data_flags data;
    preprocess_flags preprocess;
    const char *maps, *curve, *fill, *order;
    double blur, noise;
    int steps, seed;
} flags;

static const option table[] = {
    {"maps", 0, OPTION_TEXT, offsetof(flags, maps), "DIR", "the maps: DIR/ID.CLASS.npy or DIR/ID.npy, as generate --maps writes them"},
    {"fill", 0, OPTION_TEXT, offsetof(flags, fill), "WHAT", "what pixels are replaced by: blur, mean, zero, road (blur)"},
    {"blur", 0, OPTION_REAL, offsetof(flags, blur), "S", "sigma of the blur in pixels of the network's input (10)"},
    {"noise", 0, OPTION_REAL, offsetof(flags, noise), "S", "road: deviation of the noise, in the preprocessed image's unit (0.01)"},
    {"order", 0, OPTION_TEXT, offsetof(flags, order), "HOW", "which pixels first: most, least, random (most)"},
    {"steps", 0, OPTION_LEAST1, offsetof(flags, steps), "N", "steps from none to all pixels (10)"},
    {"seed", 0, OPTION_COUNT, offsetof(flags, seed), "S", "of the random order and the noise (0)"},
    {"curve", 0, OPTION_TEXT, offsetof(flags, curve), "CSV", "write the curves"},
    DATA_OPTIONS(flags, data),
    PREPROCESS_OPTIONS(flags, preprocess),
    COMMON_OPTIONS,
};
enum { ROWS = sizeof table / sizeof *table };

static const char *const fills[] = {"blur", "mean", "zero", "road", NULL}, *const orders[] = {"most", "least", "random", NULL};

/* ---- output ------------------------------------------------------------------------------------------------------------------------------ */

static json_t *curve_json(const ssgcam_perturb_curve *curve, int steps)
{
    json_t *probability = json_array(), *accuracy = json_array();
    for (int i = 0; i <= steps; i++) {
        json_array_append_new(probability, json_real(curve->probability[i]));
        json_array_append_new(accuracy, json_real(curve->accuracy[i]));
    }
    return json_pack("{s:f,s:o,s:o}", "area", curve->area, "probability", probability, "accuracy", accuracy);
}

/* With what figures may be compared (docs/perturb.md); null where the fill has no such setting. */
static json_t *settings_json(const ssgcam_perturb_result *r)
{
    return json_pack("{s:s,s:o,s:o,s:s,s:i,s:I}", "fill", fills[r->fill], "blur", r->fill == SSGCAM_PERTURB_BLUR ? json_real(r->blur) : json_null(),
                     "noise", r->fill == SSGCAM_PERTURB_ROAD ? json_real(r->noise) : json_null(), "order", orders[r->order], "steps", r->steps,
                     "seed", (json_int_t)r->seed);
}

static ssgcam_status print_json(const ssgcam_perturb_result *r, int road)
{
    json_t *root = json_pack("{s:I,s:I,s:I,s:f,s:f,s:o,s:o}", "images", (json_int_t)r->images, "failed", (json_int_t)r->failed, "maps",
                             (json_int_t)r->maps, "average_drop", r->average_drop, "average_increase", r->average_increase, "deletion",
                             curve_json(&r->deletion, r->steps), "insertion", curve_json(&r->insertion, r->steps));
    json_t *settings = settings_json(r);
    int failed = json_object_update(root, settings);
    json_decref(settings);
    if (failed) {
        json_decref(root);
        root = NULL;
    }
    if (road) json_object_set_new(root, "road", json_real(r->road));
    return print_json_root(root);
}

static void print_text(const ssgcam_perturb_result *r, int road)
{
    printf("%zu images, %zu failed, %zu maps\n\n", r->images, r->failed, r->maps);
    printf("  %8s   %-21s   %-21s\n", "", "replaced (deletion)", "only these (insertion)");
    printf("  %8s   %10s %10s   %10s %10s\n", "pixels %", "prob. %", "top-1 %", "prob. %", "top-1 %");
    for (int i = 0; i <= r->steps; i++)
        printf("  %8.0f   %10.2f %10.2f   %10.2f %10.2f\n", 100.0 * i / r->steps, 100 * r->deletion.probability[i], 100 * r->deletion.accuracy[i],
               100 * r->insertion.probability[i], 100 * r->insertion.accuracy[i]);
    printf("\n  %8s   %10.4f %10s   %10.4f\n\n", "area", r->deletion.area, "", r->insertion.area);
    if (road) printf("  ROAD %.4f: half of insertion less deletion, mean of the parts between none and all\n\n", r->road);
    printf("  image times map: average drop %.2f %%, increase in %.2f %% of the maps\n\n", 100 * r->average_drop, 100 * r->average_increase);
    printf("  prob.: of the label's class (softmax), mean; top-1: that class is the network's first answer; area: under prob.,\n"
           "  small for deletion and large for insertion if the map points at what the network needs (--order random to compare)\n");
}

static ssgcam_status write_curve(const char *path, const ssgcam_perturb_result *r)
{
    const ssgcam_curve curves[] = {{"deletion_probability", r->deletion.probability},
                                   {"deletion_accuracy", r->deletion.accuracy},
                                   {"insertion_probability", r->insertion.probability},
                                   {"insertion_accuracy", r->insertion.accuracy}};
    return ssgcam_curves_write(path, "part", 1.0 / r->steps, (size_t)r->steps + 1, curves, sizeof curves / sizeof *curves);
}

static ssgcam_status give(const ssgcam_perturb_result *r, const flags *f, int road)
{
    ssgcam_status status = SSGCAM_OK;
    if (f->common.json)
        status = print_json(r, road);
    else
        print_text(r, road);
    return status == SSGCAM_OK && f->curve ? write_curve(f->curve, r) : status;
}

/* ---- the job ------------------------------------------------------------------------------------------------------------------------------ */

static ssgcam_status evaluate(const flags *f, const inputs *in, int fill, int order)
{
    ssgcam_perturb_result result;
    progress line;
    progress_start(&line, "images", &f->common);
    ssgcam_perturb_options o = {.data = in->data,
                                .maps = f->maps,
                                .device = in->device,
                                .model = in->model,
                                .fill = (ssgcam_perturb_fill)fill,
                                .order = (ssgcam_perturb_order)order,
                                .blur = isnan(f->blur) ? 0 : f->blur,
                                .noise = isnan(f->noise) ? 0
                                         : f->noise > 0  ? f->noise
                                                         : -1, /* the library's 0 is the default */
                                .steps = f->steps,
                                .seed = (uint64_t)f->seed,
                                .precision = in->precision,
                                .stop = &stop_requested,
                                .progress = progress_show,
                                .context = &line};
    ssgcam_status status = ssgcam_eval_perturb(&o, &result);
    progress_end(&line);
    if (status != SSGCAM_OK && status != SSGCAM_ERR_PARTIAL) return status;
    return status_after(status, give(&result, f, o.fill == SSGCAM_PERTURB_ROAD));
}

static ssgcam_status work(const void *parsed, const text_list *arguments)
{
    const flags *f = parsed;
    const char *path = arguments->count ? arguments->items[0] : NULL;
    inputs in;
    int fill, order;
    if (!path || !f->maps) return ssgcam_fail(SSGCAM_ERR_ARGUMENT, "give a MODEL and --maps DIR (ssgcam generate --maps writes them)");
    if (f->blur == 0) return ssgcam_fail(SSGCAM_ERR_ARGUMENT, "--blur 0; it must be above 0: a blur of 0 would replace nothing");
    ssgcam_status status = choose(&fill, "fill", f->fill, fills);
    if (status == SSGCAM_OK) status = choose(&order, "order", f->order, orders);
    if (status == SSGCAM_OK && f->curve) status = ssgcam_output_check(f->curve);
    if (status != SSGCAM_OK) return status;
    status = inputs_open(&in, path, &f->common, &f->preprocess, NULL, &f->data);
    if (status == SSGCAM_OK) status = evaluate(f, &in, fill, order);
    inputs_close(&in);
    return status;
}

int cmd_eval_perturb(int count, char **arguments)
{
    static const command_spec command = {.name = "eval perturb",
                                         .usage = "eval perturb MODEL --maps DIR --data DIR [options]",
                                         .table = table,
                                         .rows = ROWS,
                                         .most = 1,
                                         .polls = 1,
                                         .work = work};
    flags f = {.blur = NAN, .noise = NAN}; /* not given */
    return run_command(&command, count, arguments, &f);
}
