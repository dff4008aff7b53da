#include <ssgcam/sheet.h>

#include <string.h>

#include "host/base/alloc.h"
#include "host/data/atomic_file.h"
#include "host/data/text.h"
#include "host/flow/network.h"
#include "host/pipeline/laid_over.h"

enum { PANEL_SIDE = 320, /* the longer side of a picture */ GAP = 8, CAPTION = SSG_TEXT_HEIGHT + 6, MOST_PANELS = 256 };

typedef struct panel {
    ssg_image image; /* RGB, at the panel's size */
    char *caption;
} panel;

struct ssgcam_sheet {
    const ssgcam_model *model;
    ssg_image picture; /* RGB, at the panel's size; empty for an array */
    ssg_region region; /* of it that the network sees */
    panel *panels;
    size_t count;
};

static ssgcam_status add_panel(ssgcam_sheet *sheet, ssg_image *image, const char *caption)
{
    if (sheet->count == MOST_PANELS) return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "a sheet has at most %d panels", MOST_PANELS);
    char *copy = ssg_strdup(caption ? caption : "");
    if (!copy) return SSG_OUT_OF_MEMORY;
    ssgcam_status status = ssg_grow(&sheet->panels, sheet->count + 1, sizeof *sheet->panels);
    if (status != SSGCAM_OK) {
        ssg_free(copy);
        return status;
    }
    sheet->panels[sheet->count++] = (panel){*image, copy};
    *image = (ssg_image){0};
    return SSGCAM_OK;
}

/* The size that brings the longer side to PANEL_SIDE. */
static void fit(int *width, int *height)
{
    int longer = *width > *height ? *width : *height;
    *width = *width * PANEL_SIDE / longer;
    *height = *height * PANEL_SIDE / longer;
    if (*width < 1) *width = 1;
    if (*height < 1) *height = 1;
}

static ssgcam_status read_picture(ssgcam_sheet *sheet, const char *path)
{
    ssg_image whole = {0};
    SSG_TRY(ssg_image_read(&whole, path, 3));
    int width = whole.width, height = whole.height;
    fit(&width, &height);
    ssgcam_status status = ssg_image_resize(&sheet->picture, &whole, width, height);
    ssg_image_clear(&whole);
    sheet->region = ssg_preprocess_region(&sheet->model->preprocess, width, height, sheet->model->height, sheet->model->width);
    return status;
}

ssgcam_status ssgcam_sheet_create(ssgcam_sheet **out, const ssgcam_model *model, const char *input, const char *caption)
{
    *out = NULL;
    ssgcam_sheet *sheet = ssg_calloc(1, sizeof *sheet);
    if (!sheet) return SSG_OUT_OF_MEMORY;
    sheet->model = model;
    size_t length = strlen(input);
    ssgcam_status status = SSGCAM_OK;
    if (length < 4 || strcmp(input + length - 4, ".npy") != 0) {
        ssg_image copy = {0};
        status = read_picture(sheet, input);
        if (status == SSGCAM_OK) status = ssg_picture_in_colour(&copy, &sheet->picture);
        if (status == SSGCAM_OK) status = add_panel(sheet, &copy, caption);
        ssg_image_clear(&copy);
    }
    if (status != SSGCAM_OK) ssgcam_sheet_destroy(&sheet);
    *out = sheet;
    return status;
}

void ssgcam_sheet_destroy(ssgcam_sheet **sheet)
{
    if (!sheet || !*sheet) return;
    for (size_t i = 0; i < (*sheet)->count; i++) {
        ssg_image_clear(&(*sheet)->panels[i].image);
        ssg_free((*sheet)->panels[i].caption);
    }
    ssg_image_clear(&(*sheet)->picture);
    ssg_free((*sheet)->panels);
    ssg_free(*sheet);
    *sheet = NULL;
}

ssgcam_status ssgcam_sheet_add(ssgcam_sheet *sheet, const float *map, size_t height, size_t width, const char *caption)
{
    ssg_image image = {0};
    ssg_image blank = {(int)width, (int)height, 3, NULL};
    ssg_region region = sheet->region;
    if (height < 1 || width < 1 || height > SSGCAM_SIDE_MOST || width > SSGCAM_SIDE_MOST)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "a map of %zu x %zu", height, width);
    if (!sheet->picture.pixels) {
        fit(&blank.width, &blank.height);
        region = (ssg_region){0, 0, blank.width, blank.height};
    }
    ssgcam_status status = ssg_map_in_colour(&image, map, (int)height, (int)width, sheet->picture.pixels ? &sheet->picture : &blank, &region);
    if (status == SSGCAM_OK) status = add_panel(sheet, &image, caption);
    ssg_image_clear(&image);
    return status;
}

/* ---- the picture of it all ---------------------------------------------------------------------------------------------------------- */

static void place(ssg_image *sheet, const panel *p, int x, int y, int width, int height)
{
    static const uint8_t ink[3] = {20, 20, 20};
    int left = x + (width - p->image.width) / 2, top = y + (height - p->image.height) / 2;
    for (int row = 0; row < p->image.height; row++)
        memcpy(sheet->pixels + 3 * ((size_t)(top + row) * (size_t)sheet->width + (size_t)left),
               p->image.pixels + 3 * (size_t)row * (size_t)p->image.width, 3 * (size_t)p->image.width);
    size_t room = (size_t)(width / SSG_TEXT_WIDTH), length = strlen(p->caption);
    ssg_text_draw(sheet, x, y + height + 3, p->caption + (length > room ? length - room : 0), ink);
}

ssgcam_status ssgcam_sheet_write(const ssgcam_sheet *sheet, const char *path, size_t columns)
{
    int width = 1, height = 1;
    if (!sheet->count) return ssg_fail(SSGCAM_ERR_ARGUMENT, "%s: a sheet without panels", path);
    for (size_t i = 0; i < sheet->count; i++) {
        width = sheet->panels[i].image.width > width ? sheet->panels[i].image.width : width;
        height = sheet->panels[i].image.height > height ? sheet->panels[i].image.height : height;
    }
    for (size_t side = 1; !columns; side++)
        if (side * side >= sheet->count) columns = side;
    if (columns > sheet->count) columns = sheet->count;
    size_t rows = (sheet->count + columns - 1) / columns;
    ssg_image all;
    SSG_TRY(ssg_image_make(&all, GAP + (int)columns * (width + GAP), GAP + (int)rows * (height + CAPTION + GAP), 3));
    memset(all.pixels, 255, 3 * (size_t)all.width * (size_t)all.height);
    for (size_t i = 0; i < sheet->count; i++)
        place(&all, &sheet->panels[i], GAP + (int)(i % columns) * (width + GAP), GAP + (int)(i / columns) * (height + CAPTION + GAP), width, height);
    uint8_t *png = NULL;
    size_t size;
    ssgcam_status status = ssg_image_encode_png(&png, &size, &all, 0);
    if (status == SSGCAM_OK) status = ssg_file_write(path, png, size);
    ssg_free(png);
    ssg_image_clear(&all);
    return status;
}
