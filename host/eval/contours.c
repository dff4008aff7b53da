#include "host/eval/contours.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"

enum { NOBODY = -1, FIRST_LABEL = 2 };

/* The neighbours of a pixel, counter-clockwise from the right. */
static const int dx[8] = {1, 1, 0, -1, -1, -1, 0, 1}, dy[8] = {0, -1, -1, -1, 0, 1, 1, 1};

/* A contour, what it lies in, the first of those that lie in it, and the next one beside it. Its label is its index + FIRST_LABEL. */
typedef struct node {
    ssg_contour contour;
    int32_t parent, child, sibling;
} node;

struct ssg_contours {
    int width, height;
    size_t words;       /* of a row of bits */
    int32_t *order;     /* pixels by level, ascending */
    int32_t first[257]; /* of a level in `order` */
    uint64_t *bits;     /* the level set, a row after the other */
    /* The same with a frame of zeros. 0: not in the set; 1: no border runs over it yet; +-label of a border over it, negative where the pixel to the
     * right was seen to be outside from there. */
    int32_t *mark;
    uint8_t *around;  /* in the same frame: which of the eight neighbours are in the set */
    int steps[8];     /* in the frame to the neighbours */
    int32_t *touched; /* where marks are no longer 1 */
    size_t touched_count, count;
    node *nodes;
    int32_t outermost; /* the first of the nodes that lie in no other */
    ssg_contour *shown;
};

/* ---- the level set -------------------------------------------------------------------------------------------------------------------------------
 */

static void sort_pixels(ssg_contours *w, const uint8_t *q)
{
    int32_t next[256], pixels = w->width * w->height;
    memset(w->first, 0, sizeof w->first);
    for (int32_t i = 0; i < pixels; i++) w->first[q[i] + 1]++;
    for (int v = 0; v < 256; v++) w->first[v + 1] += w->first[v], next[v] = w->first[v];
    for (int32_t i = 0; i < pixels; i++) w->order[next[q[i]]++] = i;
}

static int32_t place_of(const ssg_contours *w, int x, int y)
{
    return (y + 1) * (w->width + 2) + x + 1;
}

static void add(ssg_contours *w, int32_t pixel)
{
    int x = pixel % w->width, y = pixel / w->width;
    w->bits[(size_t)y * w->words + (size_t)x / 64] |= (uint64_t)1 << x % 64;
    int32_t at = place_of(w, x, y);
    w->mark[at] = 1;
    for (int s = 0; s < 8; s++) w->around[at + w->steps[s]] |= (uint8_t)(1 << (s ^ 4)); /* seen from there, it is the other way */
}

/* ---- one border ----------------------------------------------------------------------------------------------------------------------------------
 */

static void put_mark(ssg_contours *w, int32_t at, int32_t mark)
{
    if (w->mark[at] == 1) w->touched[w->touched_count++] = at;
    w->mark[at] = mark;
}

/* Follows a border from its first pixel, whose neighbour in direction `outside` is not in the set (left of an outer border, right of a hole's). */
static void follow(ssg_contours *w, ssg_contour *c, int32_t label, int x, int y, unsigned outside)
{
    int32_t start = place_of(w, x, y), at = start;
    if (!w->around[start]) { /* a single pixel */
        put_mark(w, start, -label);
        return;
    }
    unsigned direction = outside;
    do direction = (direction - 1) & 7;
    while (!(w->around[start] >> direction & 1));
    int32_t last = start + w->steps[direction]; /* the border ends where it comes back over this pixel */
    for (;;) {
        unsigned turned = direction + 1 + (unsigned)__builtin_ctz(w->around[at] * 0x101u >> (direction + 1));
        if (turned > 8) /* went by direction 0, the right, and it was outside */
            put_mark(w, at, -label);
        else if (w->mark[at] == 1)
            put_mark(w, at, label);
        direction = turned & 7;
        int32_t next = at + w->steps[direction];
        c->area2 += (int64_t)x * dy[direction] - (int64_t)y * dx[direction];
        if (next == start && at == last) break;
        x += dx[direction], y += dy[direction];
        c->x0 = x < c->x0 ? x : c->x0;
        c->x1 = x > c->x1 ? x : c->x1;
        c->y0 = y < c->y0 ? y : c->y0;
        c->y1 = y > c->y1 ? y : c->y1;
        at = next;
        direction ^= 4; /* go on turning from where it came */
    }
    c->area2 = c->area2 < 0 ? -c->area2 : c->area2;
}

/* ---- all borders of a level set
 * -------------------------------------------------------------------------------------------------------------------- */

/* `beside`: a border that the new one's first pixel shares its outside (outer borders) or its component (holes) with; NOBODY at the edge of the
 * picture. What lies in a thing of the other kind lies directly in it; two of a kind lie side by side. */
static void begin_border(ssg_contours *w, int x, int y, int hole, int32_t beside)
{
    int32_t own = (int32_t)w->count++;
    int32_t parent = beside == NOBODY || w->nodes[beside].contour.hole != hole ? beside : w->nodes[beside].parent;
    int32_t *place = parent == NOBODY ? &w->outermost : &w->nodes[parent].child;
    w->nodes[own] = (node){{x, y, x, y, 0, hole}, parent, NOBODY, *place};
    *place = own;
    follow(w, &w->nodes[own].contour, own + FIRST_LABEL, x, y, hole ? 0 : 4);
}

static int32_t border_at(const ssg_contours *w, int32_t at)
{
    return abs(w->mark[at]) - FIRST_LABEL;
}

/* Borders begin where a run of pixels begins or ends. */
static void scan_row(ssg_contours *w, int y)
{
    const uint64_t *row = w->bits + (size_t)y * w->words;
    int32_t left = NOBODY, run = NOBODY; /* borders over the end of the run before, and over the beginning of this one */
    for (size_t i = 0; i < w->words; i++) {
        uint64_t before = i ? row[i - 1] >> 63 : 0, after = i + 1 < w->words ? row[i + 1] << 63 : 0;
        uint64_t begins = row[i] & ~(row[i] << 1 | before), ends = row[i] & ~(row[i] >> 1 | after);
        for (uint64_t both = begins | ends; both; both &= both - 1) {
            int bit = __builtin_ctzll(both), x = (int)i * 64 + bit;
            int32_t at = place_of(w, x, y);
            if (begins >> bit & 1) {
                if (w->mark[at] == 1) begin_border(w, x, y, 0, left);
                run = border_at(w, at);
            }
            if (ends >> bit & 1) {
                if (w->mark[at] > 0) begin_border(w, x, y, 1, run);
                left = border_at(w, at);
            }
        }
    }
}

static void show(ssg_contours *w, int low, int high, ssg_contour_visitor *visit, void *context)
{
    size_t shown = 0;
    for (int32_t i = w->outermost; i != NOBODY;) {
        w->shown[shown++] = w->nodes[i].contour;
        if (w->nodes[i].child != NOBODY) {
            i = w->nodes[i].child;
            continue;
        }
        while (i != NOBODY && w->nodes[i].sibling == NOBODY) i = w->nodes[i].parent;
        if (i != NOBODY) i = w->nodes[i].sibling;
    }
    visit(context, low, high, w->shown, shown);
}

static void find_borders(ssg_contours *w)
{
    w->count = 0;
    w->outermost = NOBODY;
    for (int y = 0; y < w->height; y++) scan_row(w, y);
    while (w->touched_count) w->mark[w->touched[--w->touched_count]] = 1;
}

/* ---- all level sets ------------------------------------------------------------------------------------------------------------------------------
 */

void ssg_contours_visit(ssg_contours *w, const uint8_t *q, ssg_contour_visitor *visit, void *context)
{
    int32_t at = w->width * w->height; /* order[at..] is in the set */
    size_t framed = (size_t)(w->width + 2) * (size_t)(w->height + 2);
    sort_pixels(w, q);
    memset(w->bits, 0, w->words * (size_t)w->height * sizeof *w->bits);
    memset(w->mark, 0, framed * sizeof *w->mark);
    memset(w->around, 0, framed);
    for (int high = 255; high >= 0;) {
        int low = high;
        while (low > 0 && w->first[low] == w->first[low + 1]) low--; /* no pixel of that level: the next lower threshold changes nothing */
        find_borders(w);
        show(w, low, high, visit, context);
        while (at > w->first[low]) add(w, w->order[--at]);
        high = low - 1;
    }
}

ssgcam_status ssg_contours_create(ssg_contours **out, int width, int height)
{
    *out = NULL;
    if (width < 1 || height < 1 || width > INT16_MAX - 1 || height > INT16_MAX - 1)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "contours of a map of %d x %d pixels", width, height);
    size_t pixels = (size_t)width * (size_t)height, framed = (size_t)(width + 2) * (size_t)(height + 2);
    ssg_contours *w = ssg_calloc(1, sizeof *w);
    if (!w) return SSG_OUT_OF_MEMORY;
    w->width = width, w->height = height;
    w->words = ((size_t)width + 63) / 64;
    for (int s = 0; s < 8; s++) w->steps[s] = dy[s] * (width + 2) + dx[s];
    w->order = ssg_calloc(pixels, sizeof *w->order);
    w->bits = ssg_calloc(w->words * (size_t)height, sizeof *w->bits);
    w->mark = ssg_calloc(framed, sizeof *w->mark);
    w->around = ssg_calloc(framed, 1);
    w->touched = ssg_calloc(pixels, sizeof *w->touched);
    w->nodes = ssg_calloc(pixels, sizeof *w->nodes);
    w->shown = ssg_calloc(pixels, sizeof *w->shown);
    *out = w;
    if (w->order && w->bits && w->mark && w->around && w->touched && w->nodes && w->shown) return SSGCAM_OK;
    ssg_contours_destroy(out);
    return SSG_OUT_OF_MEMORY;
}

void ssg_contours_destroy(ssg_contours **contours)
{
    ssg_contours *w = *contours;
    if (!w) return;
    ssg_free(w->order);
    ssg_free(w->bits);
    ssg_free(w->mark);
    ssg_free(w->around);
    ssg_free(w->touched);
    ssg_free(w->nodes);
    ssg_free(w->shown);
    ssg_free(w);
    *contours = NULL;
}
