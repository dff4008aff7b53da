/* The methods that are a formula of the activation A and the gradient g of a layer. The formulas are the kernel's (kernels/ref/maps.c states them one
 * by one). */
#include "host/cam/pass.h"

static ssg_map_kind kind_of(ssgcam_method method)
{
    switch (method) {
    case SSGCAM_METHOD_GRADCAM: return SSG_MAP_GRADCAM;
    case SSGCAM_METHOD_GRADCAMPP: return SSG_MAP_GRADCAMPP;
    case SSGCAM_METHOD_XGRADCAM: return SSG_MAP_XGRADCAM;
    case SSGCAM_METHOD_LAYERCAM: return SSG_MAP_LAYERCAM;
    case SSGCAM_METHOD_HIRESCAM: return SSG_MAP_HIRESCAM;
    case SSGCAM_METHOD_GRADCAM_ELEMENTWISE: return SSG_MAP_GRADCAM_ELEMENTWISE;
    default: return SSG_MAP_SSGCAM;
    }
}

static ssgcam_status create(ssg_pass *pass)
{
    return ssg_pass_plan(&pass->plan, &pass->setup, (int)pass->setup.input.dims[0], pass->setup.classes, 0);
}

static ssgcam_status run(ssg_pass *pass, const float *images, const int64_t *chosen)
{
    (void)images;
    return ssg_plan_backward_classes(pass->plan, chosen);
}

static void maps(ssg_pass *pass, int layer, const ssgcam_method_options *const *methods, size_t count, float *const *to, void *scratch)
{
    const ssg_device *device = pass->setup.device;
    ssg_map_spec specs[SSG_MAPS_TOGETHER];
    ssg_tap tap;
    for (size_t i = 0; i < count; i++) specs[i] = ssg_pass_spec(pass, kind_of(methods[i]->method), methods[i]);
    ssg_plan_tap(pass->plan, layer, &tap);
    ssg_features a = ssg_pass_features(&tap.activation_placed, tap.activation), g = ssg_pass_features(&tap.gradient_placed, tap.gradient);
    g.scale = tap.gradient_scale;
    device->ops->maps(&device->run, specs, count, &a, &g, NULL, to, scratch);
}

static void tap(const ssg_pass *pass, int layer, ssg_tap *found)
{
    ssg_plan_tap(pass->plan, layer, found);
}

static void clear(ssg_pass *pass)
{
    (void)pass;
}

const ssg_pass_kind ssg_gradient_pass = {sizeof(ssg_pass), 0, 1, create, run, maps, tap, clear};
