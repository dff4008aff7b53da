#include "host/net/build.h"

#include <string.h>

ssgcam_status ssg_build_op(ssg_graph *graph, ssg_op op, const int *inputs, int count, const ssg_shape *shape, int *output)
{
    int copy[SSG_OP_MAX_INPUTS];
    memcpy(copy, inputs, (size_t)count * sizeof *copy);
    op.inputs = copy;
    op.input_count = count;
    op.positions = 0;
    return ssg_graph_add_op(graph, &op, shape, NULL, output);
}

ssgcam_status ssg_build_binary(ssg_graph *graph, ssg_binary kind, int left, int right, int *output)
{
    ssg_shape shape, x = graph->tensors[left].shape, y = graph->tensors[right].shape;
    if (x.rank == y.rank) { /* rows repeat, which NumPy's broadcasting does not know */
        int64_t rows = x.dims[0] > y.dims[0] ? x.dims[0] : y.dims[0];
        x.dims[0] = y.dims[0] = rows;
    }
    SSG_TRY(ssg_shape_broadcast(&x, &y, &shape));
    return ssg_build_op(graph, (ssg_op){.kind = SSG_OP_BINARY, .binary = kind}, (int[]){left, right}, 2, &shape, output);
}

ssgcam_status ssg_build_scale(ssg_graph *graph, int x, float factor, int *output)
{
    ssg_const *scale = ssg_const_create(SSG_CONST_F32, &(ssg_shape){1, {1}});
    if (!scale) return SSGCAM_ERR_MEMORY;
    scale->f32[0] = factor;
    ssg_shape shape = graph->tensors[x].shape;
    ssgcam_status status = ssg_build_op(graph, (ssg_op){.kind = SSG_OP_AFFINE, .weights = scale, .axis = 1}, &x, 1, &shape, output);
    ssg_const_release(scale);
    return status;
}

ssgcam_status ssg_build_sum(ssg_graph *graph, int x, int axis, int *output)
{
    ssg_op sum = {.kind = SSG_OP_REDUCE};
    ssg_shape shape = graph->tensors[x].shape;
    sum.reduced[axis] = 1;
    shape.dims[axis] = 1;
    return ssg_build_op(graph, sum, &x, 1, &shape, output);
}
