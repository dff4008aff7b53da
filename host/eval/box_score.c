#include "host/eval/box_score.h"

#include <string.h>

#include "host/eval/map_range.h"

const int ssg_box_deltas[SSG_BOX_DELTAS] = {30, 50, 70};

static int clamp(int64_t value, int most)
{
    return value < 0 ? 0 : value > most ? most : (int)value;
}

int ssg_box_on_map(ssg_pixel_box *on_map, const ssgcam_box *box, const ssg_region *r, int width, int height)
{
    int64_t x0 = box->x0 - r->x, y0 = box->y0 - r->y, x1 = box->x1 - 1 - r->x, y1 = box->y1 - 1 - r->y;
    if (x1 < 0 || y1 < 0 || x0 >= r->width || y0 >= r->height || x0 > x1 || y0 > y1) return 0;
    *on_map = (ssg_pixel_box){clamp(x0 * width / r->width, width - 1), clamp(y0 * height / r->height, height - 1),
                              clamp(x1 * width / r->width, width - 1), clamp(y1 * height / r->height, height - 1)};
    return 1;
}

static int64_t area(int64_t x0, int64_t y0, int64_t x1, int64_t y1)
{
    return x1 < x0 || y1 < y0 ? 0 : (x1 - x0 + 1) * (y1 - y0 + 1);
}

/* Shared pixels, and those of either. */
static int64_t overlap(const ssg_pixel_box *a, const ssg_pixel_box *b, int64_t *either)
{
    int64_t both = area(a->x0 > b->x0 ? a->x0 : b->x0, a->y0 > b->y0 ? a->y0 : b->y0, a->x1 < b->x1 ? a->x1 : b->x1, a->y1 < b->y1 ? a->y1 : b->y1);
    *either = area(a->x0, a->y0, a->x1, a->y1) + area(b->x0, b->y0, b->x1, b->y1) - both;
    return both;
}

double ssg_box_iou(const ssg_pixel_box *a, const ssg_pixel_box *b)
{
    int64_t either, both = overlap(a, b, &either);
    return (double)both / (double)either;
}

void ssg_box_levels(uint8_t *q, const float *map, size_t pixels)
{
    double least, most;
    memset(q, 0, pixels);
    if (!ssg_map_range(map, pixels, &least, &most)) return;
    for (size_t i = 0; i < pixels; i++) q[i] = (uint8_t)((map[i] - least) / (most - least) * 255);
}

/* ---- one map ----------------------------------------------------------------------------------------------------------------------------------- */

typedef struct scoring {
    ssg_box_hits *hits;
    int width, height;
    const ssg_pixel_box *truth;
    size_t count;
} scoring;

/* Which IoUs a box reaches with any of the true boxes, as bits. */
static unsigned reached(const scoring *s, const ssg_pixel_box *box)
{
    unsigned bits = 0;
    for (size_t i = 0; i < s->count; i++) {
        int64_t either, both = overlap(box, &s->truth[i], &either);
        for (int d = 0; d < SSG_BOX_DELTAS; d++) bits |= (unsigned)(100 * both >= ssg_box_deltas[d] * either) << d;
    }
    return bits;
}

static ssg_pixel_box box_of(const scoring *s, const ssg_contour *c)
{
    return (ssg_pixel_box){c->x0, c->y0, clamp(c->x1 + 1, s->width - 1), clamp(c->y1 + 1, s->height - 1)};
}

static void score_level_set(void *context, int low, int high, const ssg_contour *contours, size_t count)
{
    const scoring *s = context;
    ssg_pixel_box nothing = {0, 0, 0, 0};
    unsigned largest = count ? 0 : reached(s, &nothing), any = largest;
    int64_t most = -1;
    for (size_t i = 0; i < count; i++) {
        ssg_pixel_box box = box_of(s, &contours[i]);
        unsigned bits = reached(s, &box);
        any |= bits;
        if (contours[i].area2 <= most) continue;
        most = contours[i].area2;
        largest = bits;
    }
    for (int tau = low; tau <= high && tau < SSG_BOX_THRESHOLDS; tau++)
        for (int d = 0; d < SSG_BOX_DELTAS; d++) {
            s->hits->largest[d][tau] = largest >> d & 1;
            s->hits->any[d][tau] = any >> d & 1;
        }
}

void ssg_box_score(ssg_box_hits *hits, ssg_contours *contours, const uint8_t *q, int width, int height, const ssg_pixel_box *truth, size_t count)
{
    scoring s = {hits, width, height, truth, count};
    ssg_contours_visit(contours, q, score_level_set, &s);
}
