/* PASCAL VOC: ImageSets name the images, Annotations label them, SegmentationClass holds masks. */
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "host/data/dataset_build.h"

enum { MOST_BYTES = 64 << 20 };

static const char *const voc_classes[] = {"aeroplane", "bicycle",     "bird",  "boat",        "bottle", "bus",      "car",
                                          "cat",       "chair",       "cow",   "diningtable", "dog",    "horse",    "motorbike",
                                          "person",    "pottedplant", "sheep", "sofa",        "train",  "tvmonitor"};

/* ---- annotations ------------------------------------------------------------------------------------------------------------------ */

typedef struct annotation {
    const ssg_dataset_builder *builder;
    ssgcam_item *item;
    XML_Parser parser;
    const char *path;
    int depth, in_object, in_box;
    char text[128];
    size_t length;
    ssgcam_box box;
    ssgcam_status status;
} annotation;

static void on_start(void *context, const char *name, const char **attributes)
{
    (void)attributes;
    annotation *a = context;
    a->depth++;
    a->length = 0;
    if (a->depth == 2 && strcmp(name, "object") == 0) {
        a->in_object = 1;
        a->box = (ssgcam_box){-1, 0, 0, 0, 0};
    }
    if (a->in_object && a->depth == 3 && strcmp(name, "bndbox") == 0) a->in_box = 1;
}

static void on_text(void *context, const char *text, int length)
{
    annotation *a = context;
    for (int i = 0; i < length && a->length + 1 < sizeof a->text; i++)
        if (a->length || !strchr(" \t\r\n", text[i])) a->text[a->length++] = text[i];
    a->text[a->length] = '\0';
}

static void on_end(void *context, const char *name)
{
    annotation *a = context;
    if (a->status == SSGCAM_OK && a->in_object && a->depth == 3 && strcmp(name, "name") == 0) {
        char where[512];
        snprintf(where, sizeof where, "%s:%lu", a->path, (unsigned long)XML_GetCurrentLineNumber(a->parser));
        a->status = ssg_dataset_class(a->builder, a->length ? a->text : "", where, &a->box.label);
        if (a->status == SSGCAM_OK) a->status = ssg_item_add_label(a->item, a->box.label);
    }
    if (a->in_box && a->depth == 4) { /* one-based and inclusive in the file */
        double number = strtod(a->length ? a->text : "0", NULL);
        int value = number > 0 && number < 1 << 20 ? (int)number : 0, first = value > 0 ? value - 1 : 0; /* nonsense leaves the box empty */
        if (strcmp(name, "xmin") == 0) a->box.x0 = first;
        if (strcmp(name, "ymin") == 0) a->box.y0 = first;
        if (strcmp(name, "xmax") == 0) a->box.x1 = value;
        if (strcmp(name, "ymax") == 0) a->box.y1 = value;
    }
    if (a->depth == 3 && strcmp(name, "bndbox") == 0) a->in_box = 0;
    if (a->depth == 2 && a->in_object) {
        a->in_object = 0;
        if (a->status == SSGCAM_OK && a->box.x1 > a->box.x0 && a->box.y1 > a->box.y0) a->status = ssg_item_add_box(a->item, &a->box);
    }
    a->depth--;
    a->length = 0;
}

static ssgcam_status read_annotation(const ssg_dataset_builder *b, ssgcam_item *item, const char *path)
{
    char *text;
    size_t size;
    SSG_TRY(ssg_file_read(&text, &size, path, MOST_BYTES));
    annotation a = {.builder = b, .item = item, .path = path};
    a.parser = XML_ParserCreate(NULL);
    if (!a.parser) {
        ssg_free(text);
        return ssg_out_of_memory("reading an annotation");
    }
    XML_SetUserData(a.parser, &a);
    XML_SetElementHandler(a.parser, on_start, on_end);
    XML_SetCharacterDataHandler(a.parser, on_text);
    enum XML_Error error = XML_Parse(a.parser, text, (int)size, 1) == XML_STATUS_ERROR ? XML_GetErrorCode(a.parser) : XML_ERROR_NONE;
    if (a.status == SSGCAM_OK && error == XML_ERROR_NO_MEMORY)
        a.status = ssg_out_of_memory("reading an annotation");
    else if (a.status == SSGCAM_OK && error != XML_ERROR_NONE)
        a.status = ssg_fail(SSGCAM_ERR_INPUT, "%s:%lu: not well-formed XML: %s", path, (unsigned long)XML_GetCurrentLineNumber(a.parser),
                            XML_ErrorString(error));
    XML_ParserFree(a.parser);
    ssg_free(text);
    return a.status;
}

/* ---- the list ----------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status read_list(char **text, size_t *size, const char *root, const char *split)
{
    static const char *const folders[] = {"Segmentation", "Main"};
    for (int i = 0; i < 2; i++) {
        char *path = ssg_format("%s/ImageSets/%s/%s.txt", root, folders[i], split);
        if (!path) return SSG_OUT_OF_MEMORY;
        ssgcam_status status = ssg_file_read(text, size, path, MOST_BYTES);
        ssg_free(path);
        if (status != SSGCAM_ERR_NOT_FOUND) return status;
    }
    return ssg_fail(SSGCAM_ERR_NOT_FOUND, "%s: neither ImageSets/Segmentation/%s.txt nor ImageSets/Main/%s.txt can be opened", root, split, split);
}

static ssgcam_status add_image(ssg_dataset_builder *b, const char *root, const char *id)
{
    ssgcam_item *item;
    char *image = ssg_format("%s/JPEGImages/%s.jpg", root, id), *mask = ssg_format("%s/SegmentationClass/%s.png", root, id),
         *notes = ssg_format("%s/Annotations/%s.xml", root, id);
    ssgcam_status status = image && mask && notes ? ssg_dataset_add(b, image, image, &item) : SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK && access(mask, R_OK) == 0 && !(item->mask = ssg_strdup(mask))) status = SSG_OUT_OF_MEMORY;
    if (status == SSGCAM_OK) status = read_annotation(b, item, notes);
    ssg_free(image);
    ssg_free(mask);
    ssg_free(notes);
    return status;
}

ssgcam_status ssg_dataset_read_voc(ssg_dataset_builder *b, const char *root, const char *split)
{
    if (!b->dataset->classes) {
        size_t count = sizeof voc_classes / sizeof *voc_classes;
        if (!(b->dataset->classes = ssg_calloc(count, sizeof *b->dataset->classes))) return SSG_OUT_OF_MEMORY;
        for (; b->dataset->class_count < count; b->dataset->class_count++)
            if (!(b->dataset->classes[b->dataset->class_count] = ssg_strdup(voc_classes[b->dataset->class_count]))) return SSG_OUT_OF_MEMORY;
    }
    char *text, *rest = NULL;
    size_t size;
    SSG_TRY(read_list(&text, &size, root, split ? split : "train"));
    ssgcam_status status = SSGCAM_OK;
    for (char *line = strtok_r(text, "\r\n", &rest); line && status == SSGCAM_OK; line = strtok_r(NULL, "\r\n", &rest)) {
        line[strcspn(line, " \t")] = '\0'; /* lists per class have a second column */
        if (line[0] && !strchr(line, '/')) status = add_image(b, root, line);
    }
    ssg_free(text);
    return status;
}
