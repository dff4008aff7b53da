#include "host/net/target.h"

#include "host/net/build.h"

ssgcam_status ssg_target_append(ssg_graph *graph, ssgcam_target target, int *score)
{
    ssg_shape shape = graph->tensors[graph->logits].shape;
    int logits = graph->logits;
    *score = logits;
    if (target == SSGCAM_TARGET_LOGIT) return SSGCAM_OK;
    ssg_shape flat = {2, {shape.dims[0], (int64_t)ssg_shape_count(&shape) / shape.dims[0]}};
    if (flat.dims[1] < 2)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "target %s needs at least two classes: the softmax of a single score is always 1; use target logit",
                        ssgcam_target_name(target));
    if (!ssg_shape_equal(&shape, &flat)) SSG_TRY(ssg_build_op(graph, (ssg_op){.kind = SSG_OP_RESHAPE}, &logits, 1, &flat, &logits));
    ssg_op softmax = {.kind = SSG_OP_SOFTMAX, .axis = 1, .log = target != SSGCAM_TARGET_SOFTMAX, .name = ssgcam_target_name(target)};
    SSG_TRY(ssg_build_op(graph, softmax, &logits, 1, &flat, score));
    return target == SSGCAM_TARGET_REST ? ssg_build_binary(graph, SSG_BINARY_ADD, logits, *score, score) : SSGCAM_OK;
}
