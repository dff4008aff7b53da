/* ssgcam/sheet.h - a contact sheet: one picture, and beside it maps of several methods or layers laid over it, with captions. */
#ifndef SSGCAM_SHEET_H
#define SSGCAM_SHEET_H

#include <ssgcam/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssgcam_sheet ssgcam_sheet;

/* Begins a sheet. input: the image that the maps belong to, shown first with `caption`; for a .npy array there is no picture, and the maps stand
 * alone. The model says which part of the picture the network sees. */
SSGCAM_API ssgcam_status ssgcam_sheet_create(ssgcam_sheet **out, const ssgcam_model *model, const char *input, const char *caption);

/* Adds a panel: a map in [0, 1], height x width, of what the network sees. Captions too long for a panel lose their beginning. */
SSGCAM_API ssgcam_status ssgcam_sheet_add(ssgcam_sheet *sheet, const float *map, size_t height, size_t width, const char *caption);

/* Writes the panels in rows of `columns` (0: all that fit into a square) as PNG. */
SSGCAM_API ssgcam_status ssgcam_sheet_write(const ssgcam_sheet *sheet, const char *path, size_t columns);

SSGCAM_API void ssgcam_sheet_destroy(ssgcam_sheet **sheet);

#ifdef __cplusplus
}
#endif
#endif
