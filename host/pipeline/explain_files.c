#include "host/pipeline/explain_files.h"

#include <stdio.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/data/atomic_file.h"
#include "host/data/colour_map.h"
#include "host/data/npy.h"
#include "kernels/ops.h"

/* ---- names -------------------------------------------------------------------------------------------------------------------------- */

const char *ssg_explain_stem(const char *input, size_t *length)
{
    const char *slash = strrchr(input, '/'), *start = slash ? slash + 1 : input, *dot = strrchr(start, '.');
    *length = dot && dot > start ? (size_t)(dot - start) : strlen(start);
    return start;
}

static int is_plain(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static char *path_for(const ssg_explain_files *files, const char *layer, const char *suffix)
{
    size_t length;
    const char *stem = ssg_explain_stem(files->input, &length);
    char number[32] = "", *name = ssg_format(".%s", layer ? layer : "");
    for (char *c = name; c && *c; c++)
        if (!is_plain(*c)) *c = '_';
    if (files->image >= 0) snprintf(number, sizeof number, ".%ld", files->image);
    char *path = name ? ssg_format("%s/%.*s%s.%zu%s%s", files->folder, (int)length, stem, number, files->label, layer ? name : "", suffix) : NULL;
    ssg_free(name);
    return path;
}

static ssgcam_status remember(ssg_explain_files *files, const char *path)
{
    char *longer = ssg_format("%s%s%s", files->list ? files->list : "", files->list ? "\n" : "", path);
    if (!longer) return SSG_OUT_OF_MEMORY;
    ssg_free(files->list);
    files->list = longer;
    return SSGCAM_OK;
}

/* ---- contents ------------------------------------------------------------------------------------------------------------------------ */

ssgcam_status ssg_explain_write_array(ssg_explain_files *files, const char *layer, const char *suffix, const float *values, int rank,
                                      const size_t *dims)
{
    char *path = path_for(files, layer, suffix);
    ssgcam_status status = path ? ssg_npy_write(path, values, rank, dims) : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) status = remember(files, path);
    ssg_free(path);
    return status;
}

static ssgcam_status write_png(ssg_explain_files *files, const char *suffix, const ssg_image *image)
{
    uint8_t *bytes = NULL;
    size_t size;
    char *path = path_for(files, NULL, suffix);
    ssgcam_status status = path ? ssg_image_encode_png(&bytes, &size, image, 0) : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) status = ssg_file_write(path, bytes, size);
    if (status == SSGCAM_OK) status = remember(files, path);
    ssg_free(bytes);
    ssg_free(path);
    return status;
}

/* The map at the picture's size, zero where the network saw nothing. */
static ssgcam_status spread(float **spread_map, const float *map, int height, int width, const ssg_image *picture, const ssg_region *region)
{
    size_t part_pixels = (size_t)region->width * (size_t)region->height;
    float *all = ssg_calloc((size_t)picture->width * (size_t)picture->height, sizeof *all), *part = ssg_alloc_aligned(part_pixels, sizeof *part);
    if (all && part) {
        ssg_ops_cpu()->resize(&(ssg_run){.threads = 1}, part, (size_t)region->height, (size_t)region->width, map, (size_t)height, (size_t)width, 1);
        for (int y = 0; y < region->height; y++)
            memcpy(all + (size_t)(region->y + y) * (size_t)picture->width + (size_t)region->x, part + (size_t)y * (size_t)region->width,
                   (size_t)region->width * sizeof *all);
    }
    ssg_free(part);
    *spread_map = all;
    return all && part ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
}

/* A colour copy of a grey or colour picture. */
static ssgcam_status in_colour(ssg_image *copy, const ssg_image *picture)
{
    size_t pixels = (size_t)picture->width * (size_t)picture->height;
    *copy = (ssg_image){picture->width, picture->height, 3, ssg_alloc_aligned(pixels, 3)};
    if (!copy->pixels) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < 3 * pixels; i++) copy->pixels[i] = picture->channels == 3 ? picture->pixels[i] : picture->pixels[i / 3];
    return SSGCAM_OK;
}

ssgcam_status ssg_explain_write_pictures(ssg_explain_files *files, unsigned save, const float *map, int height, int width, const ssg_image *picture,
                                         const ssg_region *region)
{
    const ssg_image blank = {width, height, 1, NULL};
    const ssg_region whole = {0, 0, width, height};
    ssg_image colour = {0};
    float *all = NULL;
    if (!(save & (SSGCAM_SAVE_OVERLAY | SSGCAM_SAVE_HEATMAP))) return SSGCAM_OK;
    if (!picture) { /* nothing to lay the map over */
        save = SSGCAM_SAVE_HEATMAP;
        region = &whole;
    }
    ssgcam_status status = spread(&all, map, height, width, picture ? picture : &blank, region);
    if (status == SSGCAM_OK && (save & SSGCAM_SAVE_OVERLAY)) {
        status = in_colour(&colour, picture);
        if (status == SSGCAM_OK) {
            ssg_colour_overlay(&colour, all);
            status = write_png(files, ".overlay.png", &colour);
        }
        ssg_image_clear(&colour);
    }
    if (status == SSGCAM_OK && (save & SSGCAM_SAVE_HEATMAP)) {
        const ssg_image *like = picture ? picture : &blank;
        colour = (ssg_image){like->width, like->height, 3, ssg_alloc_aligned((size_t)like->width * (size_t)like->height, 3)};
        status = colour.pixels ? SSGCAM_OK : SSG_OUT_OF_MEMORY;
        if (status == SSGCAM_OK) {
            ssg_colour_heatmap(&colour, all);
            status = write_png(files, ".heatmap.png", &colour);
        }
        ssg_image_clear(&colour);
    }
    ssg_free(all);
    return status;
}
