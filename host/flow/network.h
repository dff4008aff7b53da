/* network.h - inside of ssgcam_model: the imported model with its input size, layers and preprocessing. */
#ifndef SSG_FLOW_NETWORK_H
#define SSG_FLOW_NETWORK_H

#include <ssgcam/model.h>
#include <ssgcam/recipe.h>

#include "host/cam/engine.h"
#include "host/model/layers.h"

struct ssgcam_model {
    ssg_model *model;
    ssgcam_preprocess preprocess;
    int height, width, nhwc;
    size_t class_count;
    char *head; /* NULL if there is none */
    ssgcam_layer *layers;
    size_t layer_count;
};

/* The input shape for a batch, at the network's own size or another one. */
ssg_shape ssg_network_input(const ssgcam_model *model, int batch, int height, int width);

/* The input as the model's file declares it, e.g. "N x 3 x H x 48": letters stand for what is free. */
const char *ssg_network_input_text(const ssgcam_model *model, char text[SSG_SHAPE_TEXT]);

/* Refuses a size other than the one that the model's file declares. (Many networks would take it all the same: their export only wrote down its own.)
 */
ssgcam_status ssg_network_check_size(const ssgcam_model *model, int height, int width);

/* The rows of a recipe for the engine: fills `rows` (layer_count entries) with the model's own layer names. A layer that the model lacks is an error
 * that lists all missing ones. A recipe searched on another model (its digest differs) is refused only for missing layers. */
ssgcam_status ssg_network_recipe_rows(const ssgcam_model *model, const ssgcam_recipe *recipe, ssg_cam_row *rows);

/* Layers by text ("auto", "all", "last", names separated by commas): fills `picked` with indices (layer_count entries). */
ssgcam_status ssg_network_pick(const ssgcam_model *model, const char *text, size_t *picked, size_t *count);

#endif
