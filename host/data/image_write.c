#include <spng.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/data/image.h"

/* Bits 0, 1, 2 of the label go to the highest bit of r, g, b, bits 3, 4, 5 to the next, and so on. */
void ssg_palette_colour(uint8_t rgb[3], uint8_t label)
{
    rgb[0] = rgb[1] = rgb[2] = 0;
    for (unsigned rest = label, bit = 7; rest; rest >>= 3, bit--)
        for (unsigned c = 0; c < 3; c++) rgb[c] |= (uint8_t)((rest >> c & 1) << bit);
}

static void voc_palette(struct spng_plte *palette)
{
    palette->n_entries = 256;
    for (unsigned i = 0; i < 256; i++) {
        uint8_t rgb[3];
        ssg_palette_colour(rgb, (uint8_t)i);
        palette->entries[i] = (struct spng_plte_entry){.red = rgb[0], .green = rgb[1], .blue = rgb[2]};
    }
}

ssgcam_status ssg_image_encode_png(uint8_t **bytes, size_t *size, const ssg_image *image, int palette)
{
    *bytes = NULL;
    spng_ctx *png = spng_ctx_new(SPNG_CTX_ENCODER);
    if (!png) return ssg_fail(SSGCAM_ERR_MEMORY, "the PNG encoder cannot start");
    struct spng_ihdr header = {.width = (uint32_t)image->width, .height = (uint32_t)image->height, .bit_depth = 8};
    header.color_type = palette ? SPNG_COLOR_TYPE_INDEXED : image->channels == 3 ? SPNG_COLOR_TYPE_TRUECOLOR : SPNG_COLOR_TYPE_GRAYSCALE;
    spng_set_option(png, SPNG_ENCODE_TO_BUFFER, 1);
    /* Masks are long runs of one value: without filters they compress best and fastest, and a low level is as good as a high one. */
    spng_set_option(png, SPNG_IMG_COMPRESSION_LEVEL, palette ? 3 : 4);
    spng_set_option(png, SPNG_FILTER_CHOICE, palette ? SPNG_FILTER_CHOICE_NONE : SPNG_FILTER_CHOICE_UP);
    int code = spng_set_ihdr(png, &header);
    struct spng_plte colours;
    if (palette) voc_palette(&colours);
    if (!code && palette) code = spng_set_plte(png, &colours);
    if (!code)
        code = spng_encode_image(png, image->pixels, (size_t)image->width * (size_t)image->height * (size_t)image->channels, SPNG_FMT_PNG,
                                 SPNG_ENCODE_FINALIZE);
    void *buffer = code ? NULL : spng_get_png_buffer(png, size, &code);
    spng_ctx_free(png);
    if (!buffer) return ssg_fail(SSGCAM_ERR_MEMORY, "the PNG encoder failed: %s", spng_strerror(code));
    *bytes = buffer; /* malloc'ed by the encoder; ssg_free is free */
    return SSGCAM_OK;
}
