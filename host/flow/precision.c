#include "host/flow/precision.h"

#include <string.h>

#include "host/base/status.h"

static const struct {
    const char *name;
    ssg_precision inside;
} precisions[] = {[SSGCAM_PRECISION_FP32] = {"fp32", SSG_PRECISION_F32},
                  [SSGCAM_PRECISION_BF16] = {"bf16", SSG_PRECISION_BF16},
                  [SSGCAM_PRECISION_TF32] = {"tf32", SSG_PRECISION_TF32},
                  [SSGCAM_PRECISION_FP16] = {"fp16", SSG_PRECISION_F16},
                  [SSGCAM_PRECISION_WINOGRAD] = {"winograd", SSG_PRECISION_WINOGRAD}};
enum { COUNT = sizeof precisions / sizeof *precisions };

ssgcam_status ssgcam_precision_parse(const char *name, ssgcam_precision *precision)
{
    for (int i = 0; i < COUNT; i++)
        if (strcmp(precisions[i].name, name) == 0) {
            *precision = (ssgcam_precision)i;
            return SSGCAM_OK;
        }
    return ssg_fail(SSGCAM_ERR_ARGUMENT, "precision '%s'; it must be fp32, winograd, bf16, fp16 or tf32", name);
}

const char *ssgcam_precision_name(ssgcam_precision precision)
{
    return (size_t)precision < COUNT ? precisions[precision].name : "unknown";
}

ssg_precision ssg_precision_of(ssgcam_precision precision)
{
    return precisions[precision].inside;
}

const char *ssg_precision_hint(ssg_precision precision)
{
    return precision == SSG_PRECISION_F16 ? "; fp16 ends at 65504, try --precision bf16 or fp32" : "";
}
