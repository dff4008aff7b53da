#include "host/search/bank_order.h"

#include "kernels/score.h"

enum { SIDE = 8 };

static int squares(int length)
{
    return (length + SIDE - 1) / SIDE;
}

size_t ssg_bank_stride(int height, int width)
{
    return (size_t)squares(height) * (size_t)squares(width) * SIDE * SIDE;
}

static void order(uint8_t *to, const uint8_t *from, int height, int width, int ignore)
{
    for (int top = 0; top < height; top += SIDE)
        for (int left = 0; left < width; left += SIDE)
            for (int y = top; y < top + SIDE; y++)
                for (int x = left; x < left + SIDE; x++) {
                    int inside = y < height && x < width;
                    size_t at = (size_t)(y < height ? y : height - 1) * (size_t)width + (size_t)(x < width ? x : width - 1);
                    *to++ = inside || !ignore ? from[at] : SSG_SCORE_IGNORED;
                }
}

void ssg_bank_order_map(uint8_t *to, const uint8_t *from, int height, int width)
{
    order(to, from, height, width, 0);
}

void ssg_bank_order_truth(uint8_t *to, const uint8_t *from, int height, int width)
{
    order(to, from, height, width, 1);
}
