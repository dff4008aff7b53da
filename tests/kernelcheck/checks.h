/* checks.h - every operation of ops.h, one case table: a body against the specification (kernels/ref), integers equal, floats within the bound that
 * ops.h states. Inputs are drawn from a fixed seed: noise, ReLU zeros, flat and one-sided maps, odd sizes. */
#ifndef KERNELCHECK_CHECKS_H
#define KERNELCHECK_CHECKS_H

#include "tests/kernelcheck/bodies.h"

/* Each gives the number of cases that differ and prints a line for each that says how to see it again; `cases` counts on. */
int check_maps(const body *b, int *cases);
int check_maps_together(const body *b, int *cases);          /* the bits that each has alone */
int check_narrow_maps(const body *b, int *cases);            /* of bfloat16 and half: the device form only */
int check_smoothing_without_room(const body *b, int *cases); /* with little shared memory: strips, and planes in scratch */
int check_large_layer(const body *b, int *cases);            /* 1000 x 1000 */
int check_weighted(const body *b, int *cases);
int check_samples(const body *b, int *cases); /* moments, products */
int check_normalise(const body *b, int *cases);
int check_resize(const body *b, int *cases);   /* and quantise, accumulate */
int check_integers(const body *b, int *cases); /* mix, resize_fused, label, confusion */

#endif
