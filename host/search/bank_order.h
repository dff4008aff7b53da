/* bank_order.h - the order in which a bank keeps pixels: 8 x 8 squares of the grid from left to right, from top to bottom, so that the 64 neighbours
 * of a block (kernels/score_blocks.h) have similar values. Squares that reach beyond the grid are filled up. */
#ifndef SSG_SEARCH_BANK_ORDER_H
#define SSG_SEARCH_BANK_ORDER_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of a grid in this order, a multiple of 64. */
size_t ssg_bank_stride(int height, int width);

/* A map, filled up with its nearest pixels: every row of the bank with those of the same place, so no mixture's maximum changes. */
void ssg_bank_order_map(uint8_t *to, const uint8_t *from, int height, int width);

/* Truth, filled up with "ignored". */
void ssg_bank_order_truth(uint8_t *to, const uint8_t *from, int height, int width);

#endif
