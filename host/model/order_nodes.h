/* order_nodes.h - a model's nodes in the order in which they can be computed. */
#ifndef SSG_MODEL_ORDER_NODES_H
#define SSG_MODEL_ORDER_NODES_H

#include "host/model/model.h"

/* Producers before consumers; nodes that the output does not need go to the end, out of sight. A cycle, or an input that nothing makes:
 * SSGCAM_ERR_INPUT with the nodes' names. */
ssgcam_status ssg_model_order_nodes(ssg_model *model);

#endif
