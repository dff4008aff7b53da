#include "host/eval/map_view.h"

#include <stdio.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "host/data/atomic_file.h"

static const char name[] = "input.json";
static const size_t most_bytes = 1 << 20;

ssgcam_status ssg_map_view_write(const char *folder, const ssgcam_preprocess *preprocess, int network_height, int network_width)
{
    char *path = ssg_path_join(folder, name);
    char *text = ssg_format("{\"resize\": \"%s\", \"size\": [%d, %d]}\n", ssgcam_resize_name(preprocess->resize), network_height, network_width);
    ssgcam_status status = path && text ? ssg_file_write(path, text, strlen(text)) : SSG_OUT_OF_MEMORY;
    ssg_free(path);
    ssg_free(text);
    return status;
}

static ssgcam_status parse(ssg_map_view *view, const char *text, size_t size, const char *path)
{
    ssgcam_preprocess input;
    ssgcam_preprocess_init(&input);
    ssgcam_status status = ssgcam_preprocess_parse(&input, text, size, path);
    if (status == SSGCAM_OK && input.resize == SSGCAM_RESIZE_CROP && !input.size[0])
        status = ssg_fail(SSGCAM_ERR_INPUT, "%s: a crop, but not of which size; add \"size\": [height, width] of the network's input", path);
    if (status == SSGCAM_OK) *view = (ssg_map_view){1, input.resize, input.size[0], input.size[1]};
    ssgcam_preprocess_clear(&input);
    return status;
}

ssgcam_status ssg_map_view_read(ssg_map_view *view, const char *folder)
{
    *view = (ssg_map_view){.resize = SSGCAM_RESIZE_STRETCH};
    char *path = ssg_path_join(folder, name), *text;
    size_t size;
    if (!path) return SSG_OUT_OF_MEMORY;
    ssgcam_status status = ssg_file_read(&text, &size, path, most_bytes);
    if (status == SSGCAM_OK) {
        status = parse(view, text, size, path);
        ssg_free(text);
    } else if (status == SSGCAM_ERR_NOT_FOUND) {
        status = SSGCAM_OK;
    }
    ssg_free(path);
    return status;
}

ssg_region ssg_map_view_region(const ssg_map_view *view, int width, int height)
{
    return ssg_preprocess_region(&(ssgcam_preprocess){.resize = view->resize}, width, height, view->height, view->width);
}

/* A crop depends on the sides' ratio only. */
static int same_part(const ssg_map_view *view, ssgcam_resize resize, int height, int width)
{
    int was_crop = view->resize == SSGCAM_RESIZE_CROP, is_crop = resize == SSGCAM_RESIZE_CROP;
    if (!was_crop || !is_crop) return was_crop == is_crop;
    return (int64_t)view->height * width == (int64_t)view->width * height;
}

/* What part of an image that is, in words. */
static const char *part(char text[64], ssgcam_resize resize, int height, int width)
{
    if (resize == SSGCAM_RESIZE_CROP)
        snprintf(text, 64, "the centre as a crop to %dx%d leaves it", height, width);
    else
        snprintf(text, 64, "whole images");
    return text;
}

ssgcam_status ssg_map_view_check(const ssg_map_view *view, const char *folder, const ssgcam_preprocess *preprocess, int network_height,
                                 int network_width)
{
    char shown[64], seen[64];
    if (!view->told || same_part(view, preprocess->resize, network_height, network_width)) return SSGCAM_OK;
    return ssg_fail(
        SSGCAM_ERR_INPUT,
        "%s/%s: the maps show %s, but the network sees %s; give the preprocessing that they were made with (`resize` and `size` of MODEL.json, "
        "--resize, --size), or make them again",
        folder, name, part(shown, view->resize, view->height, view->width), part(seen, preprocess->resize, network_height, network_width));
}
