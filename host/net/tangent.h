/* tangent.h - appends a forward-mode sweep to a graph: how everything changes when the taps are moved a little.
 *
 * Every tap l gets a direction v_l, and its activation is thought of as A_l + e v_l. For each operator, forward or backward, the operator that turns
 * the tangents (derivatives by e, at e = 0) of its inputs into that of its output is appended. The tangent of the gradient with respect to tap l is
 * then row l of the Hessian-vector product H v, where H is the Hessian of the score in all taps together: block (l, m) says how layer l's gradient
 * changes when layer m is moved. With directions in one tap only, that is the product with the tap's own Hessian; with independent random signs in
 * all taps, the expectation of v_l (H v)_l is the diagonal of the tap's own Hessian, since the other blocks average out.
 *
 * A tangent may have several directions of the same gradients: its rows are direction-major, so row r belongs to gradient row r % (C N) and to image
 * r % N. */
#ifndef SSG_NET_TANGENT_H
#define SSG_NET_TANGENT_H

#include "host/model/graph.h"

/* Appends the sweep to a graph with a backward pass. rows: of all tangents, a multiple of the gradients' rows. directions[i] gets the tensor that
 * takes the direction of tap i, products[i] the tangent of gradients[i]. A tap whose Hessian is zero whatever the weights are (the score is piecewise
 * linear in it) is an error that names it and says which targets work. */
ssgcam_status ssg_tangent_append(ssg_graph *graph, int64_t rows, const int *taps, const int *gradients, int tap_count, int *directions,
                                 int *products);

/* Replaces operators whose second derivatives would need operators of their own (LRN) by several plain ones with the same result. To be called before
 * the backward pass is appended. */
ssgcam_status ssg_spell_out(ssg_graph *graph);

#endif
