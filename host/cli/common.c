#include "host/cli/common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- loading ----------------------------------------------------------------------------------------------------------------------------- */

ssgcam_status open_device(ssgcam_device **device, const common_flags *flags)
{
    return ssgcam_device_open(device, flags->device ? flags->device : "auto", flags->threads);
}

ssgcam_status load_model(ssgcam_model **model, const char *path, const preprocess_flags *flags)
{
    const char *const fields[][2] = {{"size", flags->size},   {"resize", flags->resize},     {"mean", flags->mean},      {"std", flags->std},
                                     {"scale", flags->scale}, {"channels", flags->channels}, {"classes", flags->classes}};
    ssgcam_preprocess wanted;
    ssgcam_status status = SSGCAM_OK;
    ssgcam_preprocess_init(&wanted);
    for (size_t i = 0; i < sizeof fields / sizeof *fields && status == SSGCAM_OK; i++)
        if (fields[i][1]) status = ssgcam_preprocess_set(&wanted, fields[i][0], fields[i][1]);
    if (status == SSGCAM_OK) status = ssgcam_model_load(model, path, &wanted);
    ssgcam_preprocess_clear(&wanted);
    return status;
}

ssgcam_status load_data(ssgcam_dataset **data, const data_flags *flags, const ssgcam_model *model)
{
    const ssgcam_preprocess *p = model ? ssgcam_model_preprocess(model) : NULL;
    ssgcam_dataset_options options = {
        .data = flags->data, .images = flags->images, .labels = flags->labels, .voc = flags->voc, .split = flags->split};
    if (p && p->class_count) {
        options.classes = (const char *const *)p->classes;
        options.class_count = p->class_count;
    } else if (model) {
        options.class_count = ssgcam_model_class_count(model);
    }
    ssgcam_status status = ssgcam_dataset_load(data, &options);
    if (status == SSGCAM_OK && flags->limit > 0) ssgcam_dataset_truncate(*data, (size_t)flags->limit);
    return status;
}

ssgcam_status load_method(ssgcam_method_options *method, const method_flags *flags)
{
    ssgcam_method kind = SSGCAM_METHOD_SSGCAM;
    ssgcam_status status = flags->method ? ssgcam_method_parse(flags->method, &kind) : SSGCAM_OK;
    *method = ssgcam_method_defaults(kind);
    if (!isnan(flags->sigma)) method->sigma = flags->sigma;
    if (!isnan(flags->noise)) method->noise = flags->noise;
    if (flags->probes) method->probes = flags->probes;
    if (flags->samples) method->samples = flags->samples;
    if (flags->seed >= 0) method->seed = (uint64_t)flags->seed;
    if (status == SSGCAM_OK && flags->combine) status = ssgcam_combine_parse(flags->combine, &method->combine);
    if (status == SSGCAM_OK && flags->weighting) status = ssgcam_weighting_parse(flags->weighting, &method->weighting);
    if (status == SSGCAM_OK && flags->second_order) status = ssgcam_second_order_parse(flags->second_order, &method->second_order);
    if (status == SSGCAM_OK && flags->target) status = ssgcam_target_parse(flags->target, &method->target);
    return status == SSGCAM_OK ? ssgcam_method_check(method) : status;
}

ssgcam_status parse_numbers(const char *flag, const char *text, double *numbers, size_t most, size_t *count)
{
    *count = 0;
    for (const char *at = text; at;) {
        char *end;
        if (*count == most) return ssgcam_fail(SSGCAM_ERR_ARGUMENT, "--%s: more than %zu values", flag, most);
        numbers[(*count)++] = strtod(at, &end);
        if (end == at || (*end && *end != ','))
            return ssgcam_fail(SSGCAM_ERR_ARGUMENT, "--%s '%s' is not a list of numbers separated by commas, such as 1,2,0.5", flag, text);
        at = *end ? end + 1 : NULL;
    }
    return SSGCAM_OK;
}

/* A recipe holds all of these; whoever gives one too expects it to count. */
static ssgcam_status check_recipe_alone(const method_flags *f)
{
    const struct {
        const char *name;
        int given;
    } decided[] = {{"method", f->method != NULL},
                   {"layers", f->layers != NULL},
                   {"weights", f->weights != NULL},
                   {"power", !isnan(f->power)},
                   {"sigma", !isnan(f->sigma)},
                   {"combine", f->combine != NULL},
                   {"weighting", f->weighting != NULL},
                   {"second-order", f->second_order != NULL},
                   {"probes", f->probes > 0},
                   {"target", f->target != NULL},
                   {"samples", f->samples > 0},
                   {"noise", !isnan(f->noise)},
                   {"seed", f->seed >= 0}};
    char all[256] = "";
    for (size_t i = 0; f->recipe && i < sizeof decided / sizeof *decided; i++)
        if (decided[i].given) snprintf(all + strlen(all), sizeof all - strlen(all), "%s--%s", all[0] ? ", " : "", decided[i].name);
    if (!all[0]) return SSGCAM_OK;
    return ssgcam_fail(SSGCAM_ERR_ARGUMENT,
                       "%s: --recipe %s decides this already; leave out the one or the other (--threshold may be given with a recipe)", all,
                       f->recipe);
}

ssgcam_status load_recipe(ssgcam_recipe **recipe, const method_flags *flags, const ssgcam_model *model)
{
    if (flags->recipe) {
        ssgcam_status status = ssgcam_recipe_load(recipe, flags->recipe);
        if (status == SSGCAM_OK && flags->threshold >= 0) (*recipe)->threshold = flags->threshold;
        return status;
    }
    if (flags->power <= 0 || flags->power > MOST_POWER)
        return ssgcam_fail(SSGCAM_ERR_ARGUMENT, "--power %g; it must be above 0 and at most %d", flags->power, MOST_POWER);
    ssgcam_method_options method;
    ssgcam_status status = load_method(&method, flags);
    if (status != SSGCAM_OK) return status;
    size_t weight_count;
    double weights[WEIGHTS_MOST];
    status = parse_numbers("weights", flags->weights, weights, WEIGHTS_MOST, &weight_count);
    if (status != SSGCAM_OK) return status;
    status = ssgcam_recipe_for_model(recipe, model, &method, flags->layers ? flags->layers : "auto", flags->weights ? weights : NULL, weight_count,
                                     flags->threshold >= 0 ? flags->threshold : DEFAULT_THRESHOLD);
    for (size_t i = 0; status == SSGCAM_OK && !isnan(flags->power) && i < (*recipe)->layer_count; i++) (*recipe)->layers[i].power = flags->power;
    return status;
}

ssgcam_status parse_precision(const common_flags *flags, ssgcam_precision *precision)
{
    return ssgcam_precision_parse(flags->precision ? flags->precision : "fp32", precision);
}

ssgcam_status inputs_open(inputs *in, const char *path, const common_flags *common, const preprocess_flags *preprocess, const method_flags *method,
                          const data_flags *data)
{
    *in = (inputs){0};
    ssgcam_status status = method ? check_recipe_alone(method) : SSGCAM_OK;
    if (status == SSGCAM_OK) status = parse_precision(common, &in->precision);
    if (path && status == SSGCAM_OK) status = open_device(&in->device, common);
    if (path && status == SSGCAM_OK) status = load_model(&in->model, path, preprocess);
    if (path && method && status == SSGCAM_OK) status = load_recipe(&in->recipe, method, in->model);
    if (data && status == SSGCAM_OK) status = load_data(&in->data, data, in->model);
    return status;
}

ssgcam_status choose(int *chosen, const char *flag, const char *text, const char *const *names)
{
    char all[256] = "";
    for (*chosen = 0; names[*chosen]; ++*chosen) {
        if (!text || strcmp(text, names[*chosen]) == 0) return SSGCAM_OK;
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", *chosen ? ", " : "", names[*chosen]);
    }
    return ssgcam_fail(SSGCAM_ERR_ARGUMENT, "--%s '%s': one of %s", flag, text, all);
}

void inputs_close(inputs *in)
{
    ssgcam_dataset_destroy(&in->data);
    ssgcam_recipe_destroy(&in->recipe);
    ssgcam_model_destroy(&in->model);
    ssgcam_device_close(&in->device);
}

/* ---- progress ------------------------------------------------------------------------------------------------------------------------------ */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void progress_start(progress *p, const char *unit, const common_flags *flags)
{
    *p = (progress){.unit = unit, .quiet = flags->quiet, .terminal = isatty(STDERR_FILENO), .started = seconds()};
    p->last = p->terminal ? 0 : p->started;
}

void progress_show(void *context, size_t done, size_t total, const char *id, const char *failure)
{
    progress *p = context;
    double now = seconds(), passed = now - p->started, rate = passed > 0 ? (double)done / passed : 0;
    if (failure) {
        fprintf(stderr, "%s%s: failed: %s\n", p->shown && p->terminal ? "\r\033[K" : "", id, failure);
        p->shown = 0;
    }
    if (p->quiet || now - p->last < (p->terminal ? 0.2 : 60)) return;
    p->last = now;
    p->shown = 1;
    double left = rate > 0 ? (double)(total - done) / rate : 0;
    fprintf(stderr, "%s%zu of %zu %s, %.1f a second, %d:%02d left%s", p->terminal ? "\r\033[K" : "", done, total, p->unit, rate, (int)left / 60,
            (int)left % 60, p->terminal ? "" : "\n");
    fflush(stderr);
}

void progress_end(progress *p)
{
    if (p->shown && p->terminal) fprintf(stderr, "\r\033[K");
    p->shown = 0;
}
