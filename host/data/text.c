#include "host/data/text.h"

#include <string.h>

static const uint16_t glyphs[][SSG_TEXT_HEIGHT] = {
#include "host/data/font.inc"
};

static void draw_character(ssg_image *image, int left, int top, unsigned char c, const uint8_t rgb[3])
{
    const uint16_t *rows = glyphs[c >= 32 && c < 127 ? c - 32 : '?' - 32];
    for (int y = 0; y < SSG_TEXT_HEIGHT; y++)
        for (int x = 0; x < SSG_TEXT_WIDTH; x++) {
            int px = left + x, py = top + y;
            if (!(rows[y] >> x & 1) || px < 0 || py < 0 || px >= image->width || py >= image->height) continue;
            memcpy(image->pixels + 3 * ((size_t)py * (size_t)image->width + (size_t)px), rgb, 3);
        }
}

void ssg_text_draw(ssg_image *image, int x, int y, const char *text, const uint8_t rgb[3])
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if ((*c & 0xC0) == 0x80) continue; /* the rest of a UTF-8 sequence */
        draw_character(image, x, y, *c, rgb);
        x += SSG_TEXT_WIDTH;
    }
}
