/* grid.h - which maps a bank holds: every method with every power over every layer. Row r of the bank is layer r / choices, choice r % choices. */
#ifndef SSG_SEARCH_GRID_H
#define SSG_SEARCH_GRID_H

#include <ssgcam/search.h>

#include "host/cam/engine.h"

typedef struct ssg_grid {
    size_t layers, methods, powers, choices; /* choices = methods * powers */
    const char **layer;                      /* names, the model's */
    ssgcam_method_options *method;
    double *power;
    ssg_cam_row *rows; /* layers x methods, for the stream */
    uint32_t *mixed;   /* the choices that a recipe may use, ascending */
    size_t mixed_count;
    int height, width;
} ssg_grid;

ssgcam_status ssg_grid_make(ssg_grid *grid, const ssgcam_search_options *options);
void ssg_grid_clear(ssg_grid *grid);

static inline const ssgcam_method_options *ssg_grid_method(const ssg_grid *grid, size_t row)
{
    return &grid->method[row % grid->choices / grid->powers];
}

/* "features.28 ssgcam sigma 4 product power 2"; free with ssg_free. */
char *ssg_grid_name(const ssg_grid *grid, size_t row);

#endif
