#include "host/data/truth.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/alloc.h"

ssgcam_status ssg_truth_setting_parse(ssg_truth_setting *setting, const char *text)
{
    static const char *const names[] = {
        [SSG_TRUTH_CLASSES] = "classes", [SSG_TRUTH_OBJECT] = "object", [SSG_TRUTH_BOXES] = "boxes", [SSG_TRUTH_ELLIPSES] = "ellipses"};
    *setting = (ssg_truth_setting){SSG_TRUTH_OBJECT, 1};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            setting->source = (ssg_truth_source)i;
            return SSGCAM_OK;
        }
    char *end = NULL;
    long from = strncmp(text, "object>=", 8) == 0 ? strtol(text + 8, &end, 10) : 0;
    if (from < 1 || from > 254 || !end || *end)
        return ssg_fail(SSGCAM_ERR_ARGUMENT,
                        "mask values '%s'; give classes (0 background, c + 1 class c), object (any value), object>=N with N from 1 to 254; or boxes "
                        "or ellipses (no masks: what lies in a box, or in the ellipse that fits into it, is of its class)",
                        text);
    setting->from = (int)from;
    return SSGCAM_OK;
}

int ssg_truth_is_boxes(const ssg_truth_setting *setting)
{
    return setting->source == SSG_TRUTH_BOXES || setting->source == SSG_TRUTH_ELLIPSES;
}

int ssg_truth_given(const ssgcam_item *item, const ssg_truth_setting *setting)
{
    return ssg_truth_is_boxes(setting) ? item->box_count > 0 : item->mask != NULL;
}

const char *ssg_truth_name(const ssgcam_item *item, const ssg_truth_setting *setting)
{
    return ssg_truth_is_boxes(setting) ? item->image : item->mask;
}

int ssg_box_class(const ssgcam_item *item, const ssgcam_box *box)
{
    if (box->label >= 0) return box->label;
    return item->label_count == 1 ? item->labels[0] : -1;
}

/* ---- masks --------------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status check_classes(const ssg_image *labels, const char *path, size_t class_count)
{
    size_t width = (size_t)labels->width, pixels = width * (size_t)labels->height;
    for (size_t i = 0; i < pixels; i++) {
        uint8_t v = labels->pixels[i];
        if (v > class_count && v != 255)
            return ssg_fail(
                SSGCAM_ERR_INPUT,
                "%s: value %d at x %zu, y %zu, but there are %zu classes (0 is background, 255 is ignored); if any value marks the object, say "
                "--mask-values object",
                path, v, i % width, i / width, class_count);
    }
    return SSGCAM_OK;
}

static void mark_object(ssg_image *labels, int from, int label)
{
    size_t pixels = (size_t)labels->width * (size_t)labels->height;
    for (size_t i = 0; i < pixels; i++) {
        uint8_t *v = &labels->pixels[i];
        if (*v != 255) *v = *v >= from ? (uint8_t)(label + 1) : 0;
    }
}

ssgcam_status ssg_truth_read_mask(ssg_image *labels, const char *path, size_t class_count)
{
    SSG_TRY(ssg_image_read_indices(labels, path));
    ssgcam_status status = check_classes(labels, path, class_count);
    if (status != SSGCAM_OK) ssg_image_clear(labels);
    return status;
}

static ssgcam_status read_object(ssg_image *labels, const ssgcam_item *item, int from)
{
    if (item->label_count != 1)
        return ssg_fail(SSGCAM_ERR_INPUT, "%s: it marks an object without saying its class, and the image has no label or several", item->mask);
    SSG_TRY(ssg_image_read_indices(labels, item->mask));
    mark_object(labels, from, item->labels[0]);
    return SSGCAM_OK;
}

static ssgcam_status check_size(const ssg_image *labels, const ssgcam_item *item, int width, int height)
{
    if (width == 0 || (labels->width == width && labels->height == height)) return SSGCAM_OK;
    return ssg_fail(SSGCAM_ERR_INPUT, "%s: %dx%d pixels, but the image has %dx%d; a mask must have its image's size", item->mask, labels->width,
                    labels->height, width, height);
}

/* ---- boxes --------------------------------------------------------------------------------------------------------------------------- */

static int64_t area(const ssgcam_box *box)
{
    return (int64_t)(box->x1 - box->x0) * (box->y1 - box->y0);
}

/* Large ones first; equal ones as they are listed, for both pointers are into one array. */
static int compare_boxes(const void *a, const void *b)
{
    const ssgcam_box *first = *(const ssgcam_box *const *)a, *second = *(const ssgcam_box *const *)b;
    int64_t difference = area(second) - area(first);
    if (difference == 0) difference = first - second;
    return (difference > 0) - (difference < 0);
}

/* Whether the middle of a pixel lies in the ellipse. */
static int is_inside(const ssgcam_box *box, int x, int y)
{
    double width = box->x1 - box->x0, height = box->y1 - box->y0;
    double across = (2.0 * x + 1 - box->x0 - box->x1) / width, down = (2.0 * y + 1 - box->y0 - box->y1) / height;
    return across * across + down * down <= 1;
}

/* All of the box that lies in the image, or only what the ellipse has of it. */
static void fill(ssg_image *labels, const ssgcam_box *box, int label, int elliptical)
{
    int x0 = box->x0 > 0 ? box->x0 : 0, x1 = box->x1 < labels->width ? box->x1 : labels->width;
    int y0 = box->y0 > 0 ? box->y0 : 0, y1 = box->y1 < labels->height ? box->y1 : labels->height;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            if (!elliptical || is_inside(box, x, y)) labels->pixels[(size_t)y * (size_t)labels->width + (size_t)x] = (uint8_t)(label + 1);
}

static ssgcam_status fill_boxes(ssg_image *labels, const ssgcam_item *item, ssg_truth_source source, const ssgcam_box **order, size_t class_count)
{
    for (size_t i = 0; i < item->box_count; i++) order[i] = &item->boxes[i];
    qsort(order, item->box_count, sizeof *order, compare_boxes);
    for (size_t i = 0; i < item->box_count; i++) {
        const ssgcam_box *box = order[i];
        int label = ssg_box_class(item, box);
        if (label < 0 || (size_t)label >= class_count)
            return ssg_fail(SSGCAM_ERR_INPUT, "%s: the box %d %d %d %d %s; write 'CLASS x0 y0 x1 y1'", item->image, box->x0, box->y0, box->x1,
                            box->y1, label < 0 ? "names no class, and the image has no label or several" : "is of a class that there is not");
        fill(labels, box, label, source == SSG_TRUTH_ELLIPSES);
    }
    return SSGCAM_OK;
}

static ssgcam_status read_boxes(ssg_image *labels, const ssgcam_item *item, ssg_truth_source source, int width, int height, size_t class_count)
{
    const ssgcam_box **order = ssg_calloc(item->box_count, sizeof *order);
    ssgcam_status status = order ? ssg_image_make(labels, width, height, 1) : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) memset(labels->pixels, 0, (size_t)width * (size_t)height);
    if (status == SSGCAM_OK) status = fill_boxes(labels, item, source, order, class_count);
    ssg_free(order);
    return status;
}

/* ---- either -------------------------------------------------------------------------------------------------------------------------- */

ssgcam_status ssg_truth_read(ssg_image *labels, const ssgcam_item *item, const ssg_truth_setting *setting, int width, int height, size_t class_count)
{
    ssgcam_status status;
    *labels = (ssg_image){0};
    if (ssg_truth_is_boxes(setting))
        status = read_boxes(labels, item, setting->source, width, height, class_count);
    else if (setting->source == SSG_TRUTH_OBJECT)
        status = read_object(labels, item, setting->from);
    else
        status = ssg_truth_read_mask(labels, item->mask, class_count);
    if (status == SSGCAM_OK) status = check_size(labels, item, width, height);
    if (status != SSGCAM_OK) ssg_image_clear(labels);
    return status;
}
