/* onnx_tensor.h - TensorProto to constant. */
#ifndef SSG_MODEL_ONNX_TENSOR_H
#define SSG_MODEL_ONNX_TENSOR_H

#include "host/model/tensor.h"
#include "onnx/onnx.pb-c.h"

/* Decodes an initialiser or attribute tensor: float, double, float16 and bfloat16 become F32; integers and booleans I64. The data may stand in the
 * typed field, in raw_data, or (model_path not NULL) in a file beside the model; its length is checked against the shape. */
ssgcam_status ssg_onnx_tensor_decode(ssg_const **out, const Onnx__TensorProto *tensor, const char *model_path);

#endif
