#include "host/cam/tap_copy.h"

#include "host/base/alloc.h"
#include "kernels/element.h"

ssgcam_status ssg_tap_copy(float **values, size_t dims[3], ssg_device *device, const ssg_cam *cam, int row, ssg_tap_tensor what, size_t batch_row)
{
    ssg_tap tap;
    ssg_cam_tap(cam, row, &tap);
    *values = NULL;
    const ssg_placed *placed = what == SSG_TAP_ACTIVATION ? &tap.activation_placed : &tap.gradient_placed;
    const void *data = what == SSG_TAP_ACTIVATION ? tap.activation : what == SSG_TAP_GRADIENT ? tap.gradient : tap.second;
    if (!data) return SSGCAM_OK;
    const int64_t *shape = placed->shape.dims;
    size_t K = dims[0] = (size_t)shape[1], H = dims[1] = (size_t)shape[2], W = dims[2] = (size_t)shape[3];
    size_t block = (size_t)ssg_layout_block(placed->layout, shape[1]), blocks = (K + block - 1) / block, pixels = H * W;
    size_t count = blocks * block * pixels;
    ssg_element type = (ssg_element)placed->precision;
    size_t bytes = count * ssg_element_size(type);
    float scale = what == SSG_TAP_GRADIENT ? tap.gradient_scale : 1;
    void *blocked = ssg_alloc_aligned(bytes, 1);
    *values = ssg_alloc_aligned(K * pixels, sizeof **values);
    ssgcam_status status = blocked && *values ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
    const char *from = (const char *)data + batch_row * bytes;
    if (status == SSGCAM_OK) status = device->interface->download(device, blocked, from, bytes);
    for (size_t k = 0; status == SSGCAM_OK && k < K; k++)
        for (size_t i = 0; i < pixels; i++)
            (*values)[k * pixels + i] = scale * ssg_element_at(blocked, type, ((k / block) * pixels + i) * block + k % block);
    ssg_free(blocked);
    if (status != SSGCAM_OK) {
        ssg_free(*values);
        *values = NULL;
    }
    return status;
}
