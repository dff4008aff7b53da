/* geometry.h - what the shape-changing ONNX operators do to shapes, in all their opset spellings; shared by constant folding and lowering. */
#ifndef SSG_MODEL_GEOMETRY_H
#define SSG_MODEL_GEOMETRY_H

#include "host/model/model.h"

/* A 1-D integer constant as a shape. */
ssgcam_status ssg_geometry_shape_from(ssg_shape *shape, const ssg_const *numbers);

/* Row-major strides in elements. */
void ssg_geometry_strides(int64_t strides[SSG_MAX_RANK], const ssg_shape *shape);

/* The offset of row-major element `index` of `shape` in memory with other strides. */
size_t ssg_geometry_strided_index(size_t index, const ssg_shape *shape, const int64_t strides[SSG_MAX_RANK]);

/* The element of a tensor of shape `from` that NumPy broadcasting puts at row-major element `index` of `shape`. */
size_t ssg_geometry_broadcast_index(size_t index, const ssg_shape *shape, const ssg_shape *from);

/* Reshape, with `target` its second input (or, before opset 5, NULL and the attribute): 0 copies a dimension, -1 is worked out. */
ssgcam_status ssg_geometry_reshape(ssg_shape *out, const ssg_node *node, const ssg_shape *in, const ssg_const *target);

ssgcam_status ssg_geometry_flatten(ssg_shape *out, const ssg_node *node, const ssg_shape *in);

/* `axes` is the second input from opset 13 on, else NULL and the attribute. */
ssgcam_status ssg_geometry_squeeze(ssg_shape *out, const ssg_node *node, const ssg_shape *in, const ssg_const *axes);
ssgcam_status ssg_geometry_unsqueeze(ssg_shape *out, const ssg_node *node, const ssg_shape *in, const ssg_const *axes);

ssgcam_status ssg_geometry_transpose(ssg_shape *out, int perm[SSG_MAX_RANK], const ssg_node *node, const ssg_shape *in);

/* Slice in its attribute form (before opset 10; the constants NULL) or input form. Steps may be negative; starts are clamped as ONNX says. */
ssgcam_status ssg_geometry_slice(ssg_shape *out, int64_t starts[SSG_MAX_RANK], int64_t steps[SSG_MAX_RANK], const ssg_node *node, const ssg_shape *in,
                                 const ssg_const *start_input, const ssg_const *end_input, const ssg_const *axes_input, const ssg_const *step_input);

/* The axes of a reduction or (un)squeeze as flags; an attribute, an input constant, or `none_means_all`. Fails on an axis out of range or named
 * twice. */
ssgcam_status ssg_geometry_axes(int flags[SSG_MAX_RANK], const ssg_node *node, int rank, const ssg_const *axes_input, int none_means_all);

#endif
