#include "host/cam/pass.h"

ssg_features ssg_pass_features(const ssg_placed *placed, const void *data)
{
    const int64_t *dims = placed->shape.dims;
    return (ssg_features){.data = data,
                          .rows = (size_t)dims[0],
                          .channels = (size_t)dims[1],
                          .height = (size_t)dims[2],
                          .width = (size_t)dims[3],
                          .block = (size_t)ssg_layout_block(placed->layout, dims[1]),
                          .type = (ssg_element)placed->precision};
}

size_t ssg_pass_image_floats(const ssg_pass_setup *setup)
{
    return ssg_shape_count(&setup->input) / (size_t)setup->input.dims[0];
}

ssgcam_status ssg_pass_plan(ssg_plan **plan, const ssg_pass_setup *setup, int images, int classes, int directions)
{
    ssg_plan_options options = {.input = setup->input,
                                .taps = setup->layers,
                                .tap_count = setup->layer_count,
                                .classes = classes,
                                .precision = setup->precision,
                                .target = classes ? setup->method.target : SSGCAM_TARGET_LOGIT,
                                .narrow_taps = setup->narrow_taps,
                                .directions = directions};
    options.input.dims[0] = images;
    return ssg_plan_create(plan, setup->device, setup->model, &options);
}

int ssg_pass_chunk(const ssg_pass_setup *setup, int count, size_t bytes)
{
    size_t fit = setup->chunk_bytes / (bytes ? bytes : 1);
    int most = fit < 1 ? 1 : fit > (size_t)count ? count : (int)fit, chunks = (count + most - 1) / most;
    return (count + chunks - 1) / chunks;
}

ssg_map_spec ssg_pass_spec(const ssg_pass *pass, ssg_map_kind kind, const ssgcam_method_options *method)
{
    return (ssg_map_spec){.kind = kind,
                          .sigma = method->sigma,
                          .coherence = method->combine == SSGCAM_COMBINE_COHERENCE,
                          .channelwise = method->weighting == SSGCAM_WEIGHTING_CHANNEL,
                          .keep_sign = pass->setup.keep_sign};
}

ssgcam_status ssg_pass_room(ssg_pass *pass, size_t bytes, float **memory)
{
    ssg_device *device = pass->setup.device;
    SSG_TRY(device->interface->memory_create(device, bytes, (void **)memory));
    pass->memory += bytes;
    return device->interface->clear(device, *memory, bytes);
}
