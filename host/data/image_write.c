#include <spng.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/data/image.h"

/* Entry i spreads its bits over the channels from the top: bits 0, 1, 2 to the highest bit of r, g, b, bits 3, 4, 5 to the next, and so on (PASCAL
 * VOC). */
static void voc_palette(struct spng_plte *palette)
{
    palette->n_entries = 256;
    for (unsigned i = 0; i < 256; i++) {
        unsigned rest = i;
        struct spng_plte_entry colour = {0};
        for (int bit = 7; bit >= 0; bit--, rest >>= 3) {
            colour.red |= (uint8_t)((rest & 1) << bit);
            colour.green |= (uint8_t)((rest >> 1 & 1) << bit);
            colour.blue |= (uint8_t)((rest >> 2 & 1) << bit);
        }
        palette->entries[i] = colour;
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
