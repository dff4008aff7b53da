#include "host/eval/pixel_ap.h"

#include <math.h>

#include "host/eval/map_range.h"

static const double width = 0.001;

/* The bin of a value in 0..1. Its edges are k * 0.001 as doubles have it: what the product is rounded to may lie on the other side. */
static size_t bin_of(double value)
{
    size_t k = (size_t)(value * (SSG_PIXEL_BINS - 1));
    if (value < (double)k * width) return k - 1;
    return value >= (double)(k + 1) * width ? k + 1 : k;
}

void ssg_pixel_ap_add(ssg_pixel_ap *ap, const float *map, const uint8_t *truth, uint8_t label, size_t pixels)
{
    double least, most;
    int varies = ssg_map_range(map, pixels, &least, &most);
    for (size_t i = 0; i < pixels; i++) {
        if (truth[i] == 255) continue;
        size_t bin = varies ? bin_of((map[i] - least) / (most - least)) : 0;
        ++*(truth[i] == label ? &ap->object[bin] : &ap->other[bin]);
    }
}

void ssg_pixel_ap_merge(ssg_pixel_ap *ap, const ssg_pixel_ap *others)
{
    for (size_t k = 0; k < SSG_PIXEL_BINS; k++) {
        ap->object[k] += others->object[k];
        ap->other[k] += others->other[k];
    }
}

double ssg_pixel_ap_curve(const ssg_pixel_ap *ap, double precision[SSG_PIXEL_BINS], double recall[SSG_PIXEL_BINS])
{
    uint64_t objects = 0, hit = 0, found = 0;
    double sum = 0;
    for (size_t k = 0; k < SSG_PIXEL_BINS; k++) objects += ap->object[k];
    for (size_t k = SSG_PIXEL_BINS; k-- > 0;) {
        hit += ap->object[k];
        found += ap->object[k] + ap->other[k];
        precision[k] = found ? (double)hit / (double)found : NAN;
        recall[k] = objects ? (double)hit / (double)objects : NAN;
        if (ap->object[k]) sum += precision[k] * (double)ap->object[k] / (double)objects;
    }
    return objects ? sum : NAN;
}
