#include "host/data/tensor_input.h"

#include <math.h>
#include <string.h>

/* The size of an image whose shorter side was brought to height x width, so that it covers it. */
static void covering_size(int *h, int *w, int image_height, int image_width, int height, int width)
{
    double scale_y = (double)height / image_height, scale_x = (double)width / image_width, scale = scale_y > scale_x ? scale_y : scale_x;
    *h = (int)(image_height * scale + 0.5);
    *w = (int)(image_width * scale + 0.5);
    *h = *h < height ? height : *h;
    *w = *w < width ? width : *w;
}

ssg_region ssg_preprocess_region(const ssgcam_preprocess *p, int width, int height, int network_height, int network_width)
{
    if (p->resize != SSGCAM_RESIZE_CROP) return (ssg_region){0, 0, width, height};
    int h, w;
    covering_size(&h, &w, height, width, network_height, network_width);
    int64_t x0 = (w - network_width) / 2, y0 = (h - network_height) / 2;
    int left = (int)((x0 * width + w / 2) / w), right = (int)(((x0 + network_width) * width + w / 2) / w);
    int top = (int)((y0 * height + h / 2) / h), bottom = (int)(((y0 + network_height) * height + h / 2) / h);
    return (ssg_region){left, top, right > left ? right - left : 1, bottom > top ? bottom - top : 1};
}

/* The centre height x width of an image whose shorter side was brought to the size. */
static ssgcam_status crop_centre(ssg_image *to, const ssg_image *from, int height, int width)
{
    int h, w;
    covering_size(&h, &w, from->height, from->width, height, width);
    ssg_image scaled;
    SSG_TRY(ssg_image_resize(&scaled, from, w, h));
    ssgcam_status status = ssg_image_make(to, width, height, from->channels);
    for (int y = 0; status == SSGCAM_OK && y < height; y++)
        memcpy(to->pixels + (size_t)y * (size_t)(width * from->channels),
               scaled.pixels + ((size_t)(y + (h - height) / 2) * (size_t)w + (size_t)((w - width) / 2)) * (size_t)from->channels,
               (size_t)(width * from->channels));
    ssg_image_clear(&scaled);
    return status;
}

ssgcam_status ssg_preprocess_image(float *tensor, const ssgcam_preprocess *p, const ssg_image *image, int height, int width, int nhwc)
{
    ssg_image sized = {0};
    const ssg_image *use = image;
    if (p->resize == SSGCAM_RESIZE_NONE) {
        if (image->width != width || image->height != height)
            return ssg_fail(SSGCAM_ERR_INPUT, "%dx%d pixels where %dx%d are wanted (resize is \"none\")", image->width, image->height, width, height);
    } else {
        SSG_TRY(p->resize == SSGCAM_RESIZE_CROP ? crop_centre(&sized, image, height, width) : ssg_image_resize(&sized, image, width, height));
        use = &sized;
    }
    size_t channels = (size_t)use->channels, pixels = (size_t)width * (size_t)height;
    for (size_t c = 0; c < channels; c++) {
        float table[256];
        for (int v = 0; v < 256; v++) table[v] = (float)((v * p->scale - p->mean[c]) / p->std[c]);
        const uint8_t *from = use->pixels + (p->channels == SSGCAM_CHANNELS_BGR ? channels - 1 - c : c);
        float *to = tensor + (nhwc ? c : c * pixels);
        size_t step = nhwc ? channels : 1;
        for (size_t i = 0; i < pixels; i++) to[i * step] = table[from[i * channels]];
    }
    ssg_image_clear(&sized);
    return SSGCAM_OK;
}

ssgcam_status ssg_tensor_check(const float *tensor, const int64_t dims[3])
{
    int64_t count = dims[0] * dims[1] * dims[2], at = 0;
    while (at < count && isfinite(tensor[at])) at++;
    if (at == count) return SSGCAM_OK;
    return ssg_fail(SSGCAM_ERR_INPUT, "%g at [%lld][%lld][%lld]; every value must be a finite number", (double)tensor[at],
                    (long long)(at / dims[2] / dims[1]), (long long)(at / dims[2] % dims[1]), (long long)(at % dims[2]));
}

void ssg_preprocess_mirror(float *tensor, int channels, int height, int width, int nhwc)
{
    size_t lines = (size_t)height * (nhwc ? 1 : (size_t)channels), step = nhwc ? (size_t)channels : 1, length = (size_t)width * step;
    for (size_t y = 0; y < lines; y++)
        for (size_t x = 0; x < (size_t)width / 2; x++)
            for (size_t c = 0; c < step; c++) {
                float *left = tensor + y * length + x * step + c, *right = tensor + (y + 1) * length - (x + 1) * step + c, value = *left;
                *left = *right;
                *right = value;
            }
}
