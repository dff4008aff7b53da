#include "host/pipeline/explain_files.h"

#include <stdio.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "host/data/atomic_file.h"
#include "host/data/npy.h"
#include "host/pipeline/laid_over.h"

/* ---- names -------------------------------------------------------------------------------------------------------------------------- */

static int is_plain(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static char *path_for(const ssg_explain_files *files, const char *layer, const char *suffix)
{
    size_t length;
    const char *stem = ssg_path_stem(files->input, &length);
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

ssgcam_status ssg_explain_write_pictures(ssg_explain_files *files, unsigned save, const float *map, int height, int width, const ssg_image *picture,
                                         const ssg_region *region)
{
    const ssg_image blank = {picture ? picture->width : width, picture ? picture->height : height, 3, NULL};
    const ssg_region whole = {0, 0, width, height};
    ssgcam_status status = SSGCAM_OK;
    if (!(save & (SSGCAM_SAVE_OVERLAY | SSGCAM_SAVE_HEATMAP))) return SSGCAM_OK;
    if (!picture) save = SSGCAM_SAVE_HEATMAP; /* nothing to lay the map over */
    for (int alone = 0; status == SSGCAM_OK && alone < 2; alone++) {
        ssg_image colour = {0};
        if (!(save & (alone ? SSGCAM_SAVE_HEATMAP : SSGCAM_SAVE_OVERLAY))) continue;
        status = ssg_map_in_colour(&colour, map, height, width, alone ? &blank : picture, picture ? region : &whole);
        if (status == SSGCAM_OK) status = write_png(files, alone ? ".heatmap.png" : ".overlay.png", &colour);
        ssg_image_clear(&colour);
    }
    return status;
}
