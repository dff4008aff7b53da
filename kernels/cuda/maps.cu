/* maps.cu - the raw maps of one layer: which kernels make them. smooth.cu: SSG-CAM; sums.cu: all that is a sum over channels. */
#include "kernels/cuda/cuda.h"
#include "kernels/cuda/ops.cuh"
#include "kernels/cuda/smooth.cuh"
#include "kernels/cuda/sums.cuh"

/* Scratch: partial maps; channel weights; sums of tiles. The methods are not known yet. */
struct ssg_layout_of {
    size_t partial, weights, sums, total;
};

static ssg_layout_of layout_of(const ssg_features *g, size_t count)
{
    ssg_layout_of l = {};
    l.weights = l.partial + ssg_cuda_smooth_outputs(count) * ssg_cuda_groups(g->channels) * g->rows * g->height * g->width;
    l.sums = l.weights + g->rows * g->channels;
    l.total = l.sums + g->rows * g->channels * ssg_cuda_smooth_tiles(g);
    return l;
}

size_t ssg_cuda_maps_scratch(const ssg_run *, const ssg_features *, const ssg_features *gradient, size_t count)
{
    return layout_of(gradient, count).total * sizeof(float);
}

static void map_by(const ssg_run *run, const ssg_map_spec *spec, const ssg_features *activation, const ssg_features *gradient, const float *second,
                   float *maps, float *room, const ssg_layout_of &l)
{
    size_t groups = ssg_cuda_groups(gradient->channels);
    switch (spec->kind) {
    case SSG_MAP_SSGCAM: /* weights of channels; ssg_cuda_maps() has made the others */
        ssg_cuda_smooth_weights(run, spec, gradient, second, room + l.weights, room + l.sums);
        ssg_cuda_sum(run, SSG_TERM_WEIGHTED, activation, NULL, room + l.weights, gradient->rows, groups, spec->keep_sign, maps, room + l.partial);
        return;
    case SSG_MAP_LAYERCAM:
        ssg_cuda_sum(run, SSG_TERM_LAYERCAM, activation, gradient, NULL, gradient->rows, groups, spec->keep_sign, maps, room);
        return;
    case SSG_MAP_HIRESCAM:
        ssg_cuda_sum(run, SSG_TERM_HIRESCAM, activation, gradient, NULL, gradient->rows, groups, spec->keep_sign, maps, room);
        return;
    case SSG_MAP_GRADCAM_ELEMENTWISE:
        ssg_cuda_sum(run, SSG_TERM_ELEMENTWISE, activation, gradient, NULL, gradient->rows, groups, spec->keep_sign, maps, room);
        return;
    case SSG_MAP_GRADCAM:
    case SSG_MAP_XGRADCAM:
    case SSG_MAP_GRADCAMPP:
    case SSG_MAP_SMOOTHGRADCAMPP:
        ssg_cuda_channel_weights(run, spec->kind, activation, gradient, second, room + l.weights);
        ssg_cuda_sum(run, SSG_TERM_WEIGHTED, activation, NULL, room + l.weights, gradient->rows, groups, spec->keep_sign, maps, room + l.partial);
        return;
    }
}

void ssg_cuda_maps(const ssg_run *run, const ssg_map_spec *specs, size_t count, const ssg_features *activation, const ssg_features *gradient,
                   const float *second, float *const *maps, void *scratch)
{
    ssg_layout_of l = layout_of(gradient, count);
    ssg_map_spec smooth[SSG_MAPS_TOGETHER];
    float *smooth_maps[SSG_MAPS_TOGETHER];
    size_t smooths = 0;
    for (size_t i = 0; i < count; i++) {
        if (specs[i].kind != SSG_MAP_SSGCAM || specs[i].channelwise) {
            map_by(run, &specs[i], activation, gradient, second, maps[i], (float *)scratch, l);
            continue;
        }
        smooth[smooths] = specs[i];
        smooth_maps[smooths++] = maps[i];
    }
    ssg_cuda_smooth(run, smooth, smooths, activation, gradient, second, smooth_maps, (float *)scratch + l.partial);
}

const ssg_ops *ssg_ops_cuda(void)
{
    static const ssg_ops ops = {"cuda",          ssg_cuda_maps_scratch, ssg_cuda_maps,     ssg_cuda_weighted, ssg_cuda_normalise,
                                ssg_cuda_resize, ssg_cuda_accumulate,   ssg_cuda_quantise, ssg_cuda_mix,      ssg_cuda_resize_fused,
                                ssg_cuda_label,  ssg_cuda_confusion,    ssg_cuda_moments,  ssg_cuda_products};
    return &ops;
}
