#include "host/flow/views.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "host/base/alloc.h"

enum { MOST_SCALES = SSG_VIEWS_MOST / 2 };

/* Lowers the graph for one image, which says whether it takes that size. */
static ssgcam_status check_size(const ssgcam_model *m, const ssg_view *view, double scale)
{
    ssg_graph *graph;
    ssg_shape input = ssg_network_input(m, 1, view->height, view->width);
    if (m->preprocess.resize == SSGCAM_RESIZE_NONE)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "scale %g: images are not resized (resize is \"none\"), so only scale 1 is possible", scale);
    ssgcam_status status = ssg_graph_lower(&graph, m->model, &input, NULL, 0);
    ssg_graph_destroy(&graph);
    if (status == SSGCAM_OK || status == SSGCAM_ERR_MEMORY) return status;
    return ssg_fail_prefix(SSGCAM_ERR_ARGUMENT, "scale %g, %d x %d pixels: the network does not take that size", scale, view->height, view->width);
}

static ssgcam_status add_scale(ssg_views *views, const ssgcam_model *m, double scale)
{
    if (!(scale > 0) || scale * m->height > SSGCAM_SIDE_MOST || scale * m->width > SSGCAM_SIDE_MOST)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "scale %g: it must be above 0, and the network's input at most %d pixels a side", scale,
                        SSGCAM_SIDE_MOST);
    if (views->count == MOST_SCALES) return ssg_fail(SSGCAM_ERR_ARGUMENT, "more than %d scales", MOST_SCALES);
    ssg_view view = {.height = (int)(m->height * scale + 0.5), .width = (int)(m->width * scale + 0.5)};
    for (size_t i = 0; i < views->count; i++)
        if (view.height == views->items[i].height && view.width == views->items[i].width)
            return ssg_fail(SSGCAM_ERR_ARGUMENT, "scale %g: another one gives %d x %d pixels too", scale, view.height, view.width);
    if (view.height != m->height || view.width != m->width) SSG_TRY(check_size(m, &view, scale));
    views->items[views->count++] = view;
    return SSGCAM_OK;
}

/* How far from 1: of 1/2 as far as of 2. */
static double distance(double scale)
{
    return fabs(log(scale));
}

ssgcam_status ssg_views_make(ssg_views *views, const ssgcam_model *model, const double *scales, size_t scale_count, int flip)
{
    size_t nearest = 0;
    *views = (ssg_views){.count = 0};
    for (size_t i = 0; i < scale_count; i++) {
        SSG_TRY(add_scale(views, model, scales[i]));
        if (distance(scales[i]) < distance(scales[nearest])) nearest = i;
    }
    if (scale_count == 0) SSG_TRY(add_scale(views, model, 1));
    ssg_view first = views->items[nearest];
    memmove(views->items + 1, views->items, nearest * sizeof first);
    views->items[0] = first;
    for (size_t i = 0, upright = views->count; flip && i < upright; i++) {
        views->items[views->count] = views->items[i];
        views->items[views->count++].mirrored = 1;
    }
    return SSGCAM_OK;
}

char *ssg_views_describe(const double *scales, size_t scale_count, int flip)
{
    char text[MOST_SCALES * 16] = "";
    for (size_t i = 0, used = 0; i < scale_count && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.9g", i ? "," : "", scales[i]);
    return ssg_format("%s%s", scale_count ? text : "1", flip ? " and mirrored" : "");
}
