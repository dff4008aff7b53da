/* fold.h - evaluates one ONNX node whose inputs are all constants: shape arithmetic and small weight arithmetic. */
#ifndef SSG_MODEL_FOLD_H
#define SSG_MODEL_FOLD_H

#include "host/model/model.h"

/* Whether ssg_fold() knows `op`. */
int ssg_fold_supports(const char *op);

/* Evaluates `node` on `inputs` (input_count entries, NULL for one left out) into outputs[0]; nodes with several outputs are not folded. */
ssgcam_status ssg_fold(ssg_const **output, const ssg_node *node, ssg_const *const *inputs, int64_t opset);

#endif
