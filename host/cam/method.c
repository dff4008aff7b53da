#include <ssgcam/method.h>

#include <math.h>
#include <string.h>

#include "host/base/nearest_name.h"
#include "host/base/status.h"

static const char *const methods[] = {"ssgcam",          "gradcam", "gradcampp", "xgradcam", "layercam", "hirescam", "gradcam_elementwise",
                                      "smoothgradcampp", "scorecam"};
static const char *const combines[] = {"product", "coherence"};
static const char *const weightings[] = {"element", "channel"};
static const char *const second_orders[] = {"square", "exact"};
static const char *const targets[] = {"logit", "logsoftmax", "softmax", "rest"};

#define COUNT(names) (sizeof(names) / sizeof *(names))

/* The index of `name` in a list, or a sentence that lists what there is. */
static ssgcam_status look_up(const char *what, const char *name, const char *const *names, size_t count, int *index)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) {
            *index = (int)i;
            return SSGCAM_OK;
        }
    char all[256] = "";
    for (size_t i = 0; i < count; i++) {
        if (i) strncat(all, ", ", sizeof all - strlen(all) - 1);
        strncat(all, names[i], sizeof all - strlen(all) - 1);
    }
    const char *nearest = ssg_nearest_name(name, names, count);
    if (nearest) return ssg_fail(SSGCAM_ERR_ARGUMENT, "there is no %s '%s'; did you mean '%s'? There are: %s", what, name, nearest, all);
    return ssg_fail(SSGCAM_ERR_ARGUMENT, "there is no %s '%s'; there are: %s", what, name, all);
}

#define PARSER(function, type, what, names)                        \
    ssgcam_status function(const char *name, type *value)          \
    {                                                              \
        int index;                                                 \
        SSG_TRY(look_up(what, name, names, COUNT(names), &index)); \
        *value = (type)index;                                      \
        return SSGCAM_OK;                                          \
    }

PARSER(ssgcam_method_parse, ssgcam_method, "method", methods)
PARSER(ssgcam_combine_parse, ssgcam_combine, "combination", combines)
PARSER(ssgcam_weighting_parse, ssgcam_weighting, "weighting", weightings)
PARSER(ssgcam_second_order_parse, ssgcam_second_order, "second order", second_orders)
PARSER(ssgcam_target_parse, ssgcam_target, "target", targets)

const char *ssgcam_method_name(ssgcam_method method)
{
    return (size_t)method < COUNT(methods) ? methods[method] : "unknown";
}

const char *ssgcam_combine_name(ssgcam_combine combine)
{
    return (size_t)combine < COUNT(combines) ? combines[combine] : "unknown";
}

const char *ssgcam_weighting_name(ssgcam_weighting weighting)
{
    return (size_t)weighting < COUNT(weightings) ? weightings[weighting] : "unknown";
}

const char *ssgcam_second_order_name(ssgcam_second_order second_order)
{
    return (size_t)second_order < COUNT(second_orders) ? second_orders[second_order] : "unknown";
}

const char *ssgcam_target_name(ssgcam_target target)
{
    return (size_t)target < COUNT(targets) ? targets[target] : "unknown";
}

ssgcam_method_options ssgcam_method_defaults(ssgcam_method method)
{
    return (ssgcam_method_options){.method = method, .sigma = method == SSGCAM_METHOD_SSGCAM ? 2 : 0, .probes = 8, .samples = 8, .noise = 0.15};
}

ssgcam_status ssgcam_method_check(const ssgcam_method_options *o)
{
    if ((size_t)o->method >= COUNT(methods)) return ssg_fail(SSGCAM_ERR_ARGUMENT, "method number %d does not exist", (int)o->method);
    if (!(o->sigma >= 0 && o->sigma <= 64)) return ssg_fail(SSGCAM_ERR_ARGUMENT, "sigma %g; it must be 0 to 64 pixels of the layer", o->sigma);
    if (o->probes < 1 || o->probes > 100000) return ssg_fail(SSGCAM_ERR_ARGUMENT, "%d probes; give 1 to 100000", o->probes);
    if (o->samples < 1 || o->samples > 100000) return ssg_fail(SSGCAM_ERR_ARGUMENT, "%d samples; give 1 to 100000", o->samples);
    if (!(o->noise >= 0 && o->noise <= 10)) return ssg_fail(SSGCAM_ERR_ARGUMENT, "noise %g; it must be 0 to 10", o->noise);
    if (o->seed > INT32_MAX) return ssg_fail(SSGCAM_ERR_ARGUMENT, "seed %llu; it must be 0 to %d", (unsigned long long)o->seed, (int)INT32_MAX);
    if (o->second_order == SSGCAM_SECOND_ORDER_EXACT && o->method != SSGCAM_METHOD_SSGCAM)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "--second-order exact belongs to method ssgcam, not %s", ssgcam_method_name(o->method));
    return SSGCAM_OK;
}
