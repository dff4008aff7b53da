/* pixel_ap.h - pixel-wise average precision of maps against masks (PxAP of Choe et al., CVPR 2020, github.com/clovaai/wsolevaluation): one curve of
 * precision over recall from all pixels of a set, whatever image they belong to.
 *
 * A map is scaled to 0..1 between its least and greatest value, in double precision; one that is the same everywhere, or has NaN, is zero. A pixel is
 * found at threshold k / 1000 where its value is at least that. So counts in 1001 bins hold the whole curve, and 8-bit maps, whose levels all lie in
 * bins of their own, lose nothing by them. */
#ifndef SSG_EVAL_PIXEL_AP_H
#define SSG_EVAL_PIXEL_AP_H

#include <stddef.h>
#include <stdint.h>

enum { SSG_PIXEL_BINS = 1001 };

typedef struct ssg_pixel_ap {
    uint64_t object[SSG_PIXEL_BINS], other[SSG_PIXEL_BINS]; /* pixels of the object and not, by k: k / 1000 <= value < (k + 1) / 1000 */
} ssg_pixel_ap;

/* Adds a map; where `truth` is `label` a pixel belongs to the object, where it is 255 it is left out. */
void ssg_pixel_ap_add(ssg_pixel_ap *ap, const float *map, const uint8_t *truth, uint8_t label, size_t pixels);

/* Adds what was counted elsewhere. */
void ssg_pixel_ap_merge(ssg_pixel_ap *ap, const ssg_pixel_ap *others);

/* Precision and recall at every threshold (precision NaN where nothing is found), and the average precision: the sum of precision times the gain in
 * recall, from the highest threshold down. NaN if there is no object. */
double ssg_pixel_ap_curve(const ssg_pixel_ap *ap, double precision[SSG_PIXEL_BINS], double recall[SSG_PIXEL_BINS]);

#endif
