#include "host/search/grid.h"

#include <stdio.h>

#include "host/base/alloc.h"
#include "host/flow/network.h"
#include "kernels/score.h"

static const double default_sigmas[] = {0, 1, 2, 4, 8}, default_powers[] = {0.25, 0.5, 1};
static const ssgcam_method default_methods[] = {SSGCAM_METHOD_SSGCAM};

static ssgcam_status take_layers(ssg_grid *grid, const ssgcam_search_options *o)
{
    size_t *picked = ssg_calloc(o->model->layer_count, sizeof *picked);
    if (!picked) return SSG_OUT_OF_MEMORY;
    ssgcam_status status = ssg_network_pick(o->model, o->layers ? o->layers : "auto", picked, &grid->layers);
    if (status == SSGCAM_OK && grid->layers > SSG_SCORE_LAYERS)
        status = ssg_fail(SSGCAM_ERR_ARGUMENT, "%zu layers; a search mixes at most %d: name the ones to use with --layers", grid->layers,
                          SSG_SCORE_LAYERS);
    if (status == SSGCAM_OK && !(grid->layer = ssg_calloc(grid->layers, sizeof *grid->layer))) status = SSG_OUT_OF_MEMORY;
    for (size_t l = 0; status == SSGCAM_OK && l < grid->layers; l++) grid->layer[l] = o->model->layers[picked[l]].name;
    ssg_free(picked);
    return status;
}

static ssgcam_status add_method(ssg_grid *grid, const ssgcam_method_options *method)
{
    SSG_TRY(ssgcam_method_check(method));
    SSG_TRY(ssg_grow(&grid->method, grid->methods + 1, sizeof *grid->method));
    grid->method[grid->methods++] = *method;
    return SSGCAM_OK;
}

static ssgcam_status add_ssgcam(ssg_grid *grid, const ssgcam_search_options *o)
{
    const double *sigmas = o->sigma_count ? o->sigmas : default_sigmas;
    size_t count = o->sigma_count ? o->sigma_count : sizeof default_sigmas / sizeof *default_sigmas;
    for (int weighting = 0; weighting <= (o->channel_too ? 1 : 0); weighting++)
        for (int combine = o->coherence_only ? 1 : 0; combine <= (o->product_only ? 0 : 1); combine++)
            for (size_t s = 0; s < count; s++) {
                ssgcam_method_options method = ssgcam_method_defaults(SSGCAM_METHOD_SSGCAM);
                method.sigma = sigmas[s];
                method.combine = (ssgcam_combine)combine;
                method.weighting = (ssgcam_weighting)weighting;
                if (combine == SSGCAM_COMBINE_COHERENCE && sigmas[s] == 0) continue; /* g1 g1 = g2: every element coherent, a plain LayerCAM */
                SSG_TRY(add_method(grid, &method));
            }
    return SSGCAM_OK;
}

static ssgcam_status take_methods(ssg_grid *grid, const ssgcam_search_options *o)
{
    const ssgcam_method *methods = o->method_count ? o->methods : default_methods;
    size_t count = o->method_count ? o->method_count : 1;
    if (o->product_only && o->coherence_only) return ssg_fail(SSGCAM_ERR_ARGUMENT, "product only and coherence only leave no combination");
    for (size_t m = 0; m < count; m++) {
        if (methods[m] == SSGCAM_METHOD_SMOOTHGRADCAMPP || methods[m] == SSGCAM_METHOD_SCORECAM)
            return ssg_fail(SSGCAM_ERR_ARGUMENT, "%s needs network passes of its own for every map and cannot be searched; leave it out",
                            ssgcam_method_name(methods[m]));
        ssgcam_method_options method = ssgcam_method_defaults(methods[m]);
        SSG_TRY(methods[m] == SSGCAM_METHOD_SSGCAM ? add_ssgcam(grid, o) : add_method(grid, &method));
    }
    return grid->methods ? SSGCAM_OK : ssg_fail(SSGCAM_ERR_ARGUMENT, "the grid holds no method");
}

static ssgcam_status take_powers(ssg_grid *grid, const ssgcam_search_options *o)
{
    const double *powers = o->power_count ? o->powers : default_powers;
    grid->powers = o->power_count ? o->power_count : sizeof default_powers / sizeof *default_powers;
    if (!(grid->power = ssg_calloc(grid->powers, sizeof *grid->power))) return SSG_OUT_OF_MEMORY;
    for (size_t p = 0; p < grid->powers; p++) {
        if (!(powers[p] > 0 && powers[p] <= 16)) return ssg_fail(SSGCAM_ERR_ARGUMENT, "power %g; it must be above 0 and at most 16", powers[p]);
        grid->power[p] = powers[p];
    }
    grid->choices = grid->methods * grid->powers;
    return grid->layers * grid->choices <= 1 << 20 ? SSGCAM_OK : ssg_fail(SSGCAM_ERR_ARGUMENT, "the grid is too large");
}

static ssgcam_status take_mixed(ssg_grid *grid, const ssgcam_search_options *o)
{
    if (!(grid->mixed = ssg_calloc(grid->choices, sizeof *grid->mixed))) return SSG_OUT_OF_MEMORY;
    for (size_t c = 0; c < grid->choices; c++) {
        int wanted = o->mixed_count == 0;
        for (size_t m = 0; m < o->mixed_count; m++) wanted = wanted || ssg_grid_method(grid, c)->method == o->mixed[m];
        if (wanted) grid->mixed[grid->mixed_count++] = (uint32_t)c;
    }
    return grid->mixed_count ? SSGCAM_OK : ssg_fail(SSGCAM_ERR_ARGUMENT, "none of the methods to mix is among the methods of the grid");
}

static ssgcam_status make(ssg_grid *grid, const ssgcam_search_options *o)
{
    SSG_TRY(take_layers(grid, o));
    SSG_TRY(take_methods(grid, o));
    SSG_TRY(take_powers(grid, o));
    SSG_TRY(take_mixed(grid, o));
    grid->height = o->grid[0] ? o->grid[0] : o->model->height;
    grid->width = o->grid[1] ? o->grid[1] : o->model->width;
    if (grid->height < 1 || grid->width < 1 || grid->height > 4096 || grid->width > 4096)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "a grid of %d x %d; give 1 to 4096", grid->height, grid->width);
    if (!(grid->rows = ssg_calloc(grid->layers * grid->methods, sizeof *grid->rows))) return SSG_OUT_OF_MEMORY;
    for (size_t l = 0; l < grid->layers; l++)
        for (size_t m = 0; m < grid->methods; m++) grid->rows[l * grid->methods + m] = (ssg_cam_row){grid->layer[l], grid->method[m]};
    return SSGCAM_OK;
}

ssgcam_status ssg_grid_make(ssg_grid *grid, const ssgcam_search_options *options)
{
    *grid = (ssg_grid){0};
    ssgcam_status status = make(grid, options);
    if (status != SSGCAM_OK) ssg_grid_clear(grid);
    return status;
}

void ssg_grid_clear(ssg_grid *grid)
{
    ssg_free(grid->layer);
    ssg_free(grid->method);
    ssg_free(grid->power);
    ssg_free(grid->rows);
    ssg_free(grid->mixed);
    *grid = (ssg_grid){0};
}

char *ssg_grid_name(const ssg_grid *grid, size_t row)
{
    const ssgcam_method_options *m = ssg_grid_method(grid, row);
    char setting[96] = "", power[32] = "";
    if (m->method == SSGCAM_METHOD_SSGCAM)
        snprintf(setting, sizeof setting, " sigma %g %s%s", m->sigma, ssgcam_combine_name(m->combine),
                 m->weighting == SSGCAM_WEIGHTING_CHANNEL ? " channel" : "");
    if (grid->power[row % grid->powers] != 1) snprintf(power, sizeof power, " power %g", grid->power[row % grid->powers]);
    return ssg_format("%s %s%s%s", grid->layer[row / grid->choices], ssgcam_method_name(m->method), setting, power);
}
