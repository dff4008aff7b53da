/* build.h - appending operators to a graph: shared by the transformations of this folder (backward, tangent, target). */
#ifndef SSG_NET_BUILD_H
#define SSG_NET_BUILD_H

#include "host/model/graph.h"

/* Appends `op` reading `count` tensors; gives the new tensor, of `shape`. */
ssgcam_status ssg_build_op(ssg_graph *graph, ssg_op op, const int *inputs, int count, const ssg_shape *shape, int *output);

/* left `kind` right with broadcasting; where the batches differ, the rows of the smaller one repeat. */
ssgcam_status ssg_build_binary(ssg_graph *graph, ssg_binary kind, int left, int right, int *output);

/* x * factor. */
ssgcam_status ssg_build_scale(ssg_graph *graph, int x, float factor, int *output);

/* The sum over one axis, which stays as 1. */
ssgcam_status ssg_build_sum(ssg_graph *graph, int x, int axis, int *output);

#endif
