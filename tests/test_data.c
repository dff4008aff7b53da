/* test_data.c - images and arrays as Pillow and NumPy read them (fixtures/make_data.py), tables of images, and what is refused. */
#include <criterion/criterion.h>
#include <ssgcam/dataset.h>
#include <ssgcam/preprocess.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/base/alloc.h"
#include "host/data/atomic_file.h"
#include "host/data/image.h"
#include "host/data/npy.h"
#include "tests/support/packed.h"

/* ---- files and what others read from them ------------------------------------------------------------------------------------------ */

typedef struct data_case {
    char *name;
    uint8_t *file; /* of exactly file_bytes, so that a sanitizer sees any read beyond */
    uint32_t kind, file_bytes;
    int expectation;
} data_case;

static void compare_pixels(const data_case *c, const ssg_image *image, packed_file *in)
{
    uint32_t width = packed_u32(in), height = packed_u32(in), bytes;
    uint8_t *expected = packed_block(in, &bytes);
    cr_expect(image->width == (int)width && image->height == (int)height, "%s: %dx%d, expected %ux%u", c->name, image->width, image->height, width,
              height);
    int worst = 0;
    for (uint32_t i = 0; i < bytes && image->width == (int)width && image->height == (int)height; i++) {
        int difference = abs(image->pixels[i] - expected[i]);
        worst = difference > worst ? difference : worst;
    }
    cr_expect_leq(worst, c->expectation, "%s: off by %d grey levels", c->name, worst);
    free(expected);
}

static void check_image(const data_case *c, packed_file *in)
{
    ssg_image image;
    int channels = c->kind == 2 ? 1 : (int)packed_u32(in);
    ssgcam_status status = c->kind == 2 ? ssg_image_decode_indices(&image, c->file, c->file_bytes, c->name)
                                        : ssg_image_decode(&image, c->file, c->file_bytes, c->name, channels);
    cr_expect_eq(status, SSGCAM_OK, "%s", ssgcam_last_error());
    int width, height;
    cr_expect_eq(ssg_image_decode_size(&width, &height, c->file, c->file_bytes, c->name), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_expect(width == image.width && height == image.height, "%s: %d x %d from the header", c->name, width, height);
    compare_pixels(c, &image, in);
    ssg_image_clear(&image);
}

static void check_refusal(const data_case *c, packed_file *in)
{
    char *words = packed_block(in, NULL);
    int channels = (int)packed_u32(in);
    ssg_image image = {0};
    ssg_array array = {0};
    ssgcam_status status = channels == 100 ? ssg_npy_parse(&array, c->file, c->file_bytes, c->name)
                           : channels      ? ssg_image_decode(&image, c->file, c->file_bytes, c->name, channels)
                                           : ssg_image_decode_indices(&image, c->file, c->file_bytes, c->name);
    cr_expect_eq(status, c->expectation, "%s: %s (%s)", c->name, ssgcam_status_name(status), ssgcam_last_error());
    cr_expect_not_null(strstr(ssgcam_last_error(), words), "%s: the sentence lacks '%s': %s", c->name, words, ssgcam_last_error());
    cr_expect_not_null(strstr(ssgcam_last_error(), c->name), "the sentence does not name %s: %s", c->name, ssgcam_last_error());
    cr_expect(!image.pixels && !array.values);
    free(words);
}

static void check_resize(const data_case *c, packed_file *in)
{
    ssg_image image, resized;
    int channels = (int)packed_u32(in);
    uint32_t width, height, bytes;
    cr_assert_eq(ssg_image_decode(&image, c->file, c->file_bytes, c->name, channels), SSGCAM_OK);
    width = packed_u32(in);
    height = packed_u32(in);
    uint8_t *expected = packed_block(in, &bytes);
    for (int plain = 0; plain < 2; plain++) {
        int worst = 0;
        if (plain) setenv("SSGCAM_CPU_LEVEL", "baseline", 1);
        cr_assert_eq(ssg_image_resize(&resized, &image, (int)width, (int)height), SSGCAM_OK);
        unsetenv("SSGCAM_CPU_LEVEL");
        for (uint32_t i = 0; i < bytes; i++) worst = abs(resized.pixels[i] - expected[i]) > worst ? abs(resized.pixels[i] - expected[i]) : worst;
        cr_expect_leq(worst, c->expectation, "%s, %s: off by %d grey levels", c->name, plain ? "plain" : "vectorised", worst);
        ssg_image_clear(&resized);
    }
    ssg_image_clear(&image);
    free(expected);
}

static void check_array(const data_case *c, packed_file *in)
{
    ssg_array array;
    uint32_t rank = packed_u32(in), bytes;
    cr_expect_eq(ssg_npy_parse(&array, c->file, c->file_bytes, c->name), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_expect_eq(array.rank, (int)rank, "%s", c->name);
    for (uint32_t i = 0; i < rank; i++) {
        uint64_t dim;
        packed_read(in, &dim, sizeof dim);
        cr_expect_eq(array.dims[i], dim, "%s: dimension %u", c->name, i);
    }
    float *expected = packed_block(in, &bytes);
    cr_expect(array.values && memcmp(array.values, expected, bytes) == 0, "%s: other values", c->name);
    free(expected);
    ssg_array_clear(&array);
}

Test(data, files_are_read_as_pillow_and_numpy_read_them)
{
    packed_file *in = packed_open(SSG_FIXTURES "/data.bin.gz");
    uint32_t count = packed_u32(in);
    for (uint32_t i = 0; i < count; i++) {
        data_case c = {.kind = packed_u32(in)};
        c.name = packed_block(in, NULL);
        uint8_t *file = packed_block(in, &c.file_bytes);
        c.file = malloc(c.file_bytes ? c.file_bytes : 1);
        memcpy(c.file, file, c.file_bytes);
        free(file);
        packed_read(in, &c.expectation, 4);
        if (c.kind == 1)
            check_refusal(&c, in);
        else if (c.kind == 3)
            check_resize(&c, in);
        else if (c.kind == 4)
            check_array(&c, in);
        else
            check_image(&c, in);
        free(c.name);
        free(c.file);
    }
    packed_close(in);
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------------------- */

static char folder[] = "/tmp/ssgcam-data-XXXXXX";

static void make_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_text(const char *name, const char *text)
{
    cr_assert_eq(ssg_file_write(path_of(name), text, strlen(text)), SSGCAM_OK, "%s", ssgcam_last_error());
}

Test(data, masks_come_back_with_vocs_palette, .init = make_folder, .fini = remove_folder)
{
    uint8_t pixels[256], *bytes;
    size_t size;
    for (int i = 0; i < 256; i++) pixels[i] = (uint8_t)i;
    ssg_image mask = {32, 8, 1, pixels}, back;
    cr_assert_eq(ssg_image_encode_png(&bytes, &size, &mask, 1), SSGCAM_OK);
    cr_assert_eq(ssg_image_decode_indices(&back, bytes, size, "mask"), SSGCAM_OK);
    cr_assert_eq(memcmp(back.pixels, pixels, sizeof pixels), 0);
    ssg_image_clear(&back);
    cr_assert_eq(ssg_image_decode(&back, bytes, size, "mask", 3), SSGCAM_OK);
    static const uint8_t first[] = {0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0, 0, 0, 128}, last[] = {224, 224, 192};
    cr_assert_eq(memcmp(back.pixels, first, sizeof first), 0);
    cr_assert_eq(memcmp(back.pixels + 3 * 255, last, sizeof last), 0);
    ssg_image_clear(&back);
    cr_assert_eq(ssg_file_write(path_of("mask.png"), bytes, size), SSGCAM_OK);
    ssg_free(bytes);
    if (system("python3 -c 'import PIL' 2>/dev/null") != 0) return; /* Pillow reads it too, where it is installed */
    char command[512];
    snprintf(command, sizeof command,
             "python3 -c \"from PIL import Image; i = Image.open('%s'); assert i.mode == 'P' and list(i.tobytes()) == list(range(256))\"",
             path_of("mask.png"));
    cr_assert_eq(system(command), 0);
}

Test(data, arrays_come_back, .init = make_folder, .fini = remove_folder)
{
    float values[6] = {1, -2.5f, 3e-20f, 4, 5, 6};
    ssg_array array;
    for (int rank = 0; rank <= 3; rank++) {
        size_t dims[3] = {rank == 1 ? 6 : 2, rank == 2 ? 3 : 1, 3}, count = rank ? 6 : 1;
        cr_assert_eq(ssg_npy_write(path_of("a.npy"), values, rank, dims), SSGCAM_OK);
        cr_assert_eq(ssg_npy_read(&array, path_of("a.npy")), SSGCAM_OK, "%s", ssgcam_last_error());
        cr_assert_eq(array.rank, rank);
        cr_assert_eq(memcmp(array.values, values, count * sizeof(float)), 0);
        ssg_array_clear(&array);
    }
    cr_assert_eq(ssg_npy_write("/proc/a.npy", values, 0, NULL), SSGCAM_ERR_IO);
}

/* ---- tables -------------------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status load(const char *csv, const char *split, ssgcam_dataset **d)
{
    write_text("classes.txt", "cat\ndog\nbig cow\n");
    write_text("data.csv", csv);
    return ssgcam_dataset_load(d, &(ssgcam_dataset_options){.data = folder, .split = split});
}

static void refuse(const char *csv, const char *split, const char *words)
{
    ssgcam_dataset *d;
    cr_expect_eq(load(csv, split, &d), SSGCAM_ERR_INPUT, "'%s' is accepted", csv);
    cr_expect_null(d);
    cr_expect_not_null(strstr(ssgcam_last_error(), words), "the sentence lacks '%s': %s", words, ssgcam_last_error());
}

Test(data, tables, .init = make_folder, .fini = remove_folder)
{
    ssgcam_dataset *d;
    cr_assert_eq(load("\xef\xbb\xbfsplit, labels ,image,mask,boxes,other\r\n"
                      "a,dog;cat;dog,i/1.jpg,m/1.png,0 0 5 6;big cow 1 2 3 4,x\r\n"
                      "b,2,i/2.jpg,,,\r\n\r\n"
                      "a,,\"i/3, the last.jpg\",,,",
                      NULL, &d),
                 SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert_eq(d->count, 3);
    cr_assert_str_eq(d->items[0].id, "1");
    cr_assert_eq(d->items[0].label_count, 2);
    cr_assert(d->items[0].labels[0] == 0 && d->items[0].labels[1] == 1);
    cr_assert_eq(d->items[0].box_count, 2);
    cr_assert(d->items[0].boxes[0].label == -1 && d->items[0].boxes[1].label == 2 && d->items[0].boxes[1].y1 == 4);
    cr_assert_str_eq(d->items[0].mask + strlen(folder), "/m/1.png");
    cr_assert_null(d->items[1].mask);
    cr_assert_eq(d->items[1].labels[0], 2);
    cr_assert_str_eq(d->items[2].id, "3, the last");
    ssgcam_dataset_destroy(&d);
    cr_assert_eq(load("image,labels,split\n1.jpg,cat,a\n2.jpg,dog,b\n", "b", &d), SSGCAM_OK);
    cr_assert_eq(d->count, 1);
    ssgcam_dataset_destroy(&d);
}

/* By what name the column goes, and what stands around the text. A table that names no group has the digest it has without the column. */
Test(data, images_that_belong_together, .init = make_folder, .fini = remove_folder)
{
    static const char *const tables[] = {
        "image,labels\n1.jpg,cat\n2.jpg,dog\n3.jpg,dog\n",
        "image,labels,group\n1.jpg,cat,\n2.jpg,dog, \n3.jpg,dog,\"  \"\n",
        "image,labels,group\n1.jpg,cat,\"p, 7\"\n2.jpg,dog,\n3.jpg,dog,\" p, 7 \"\n",
        "patient,image,labels\n\"p, 7\",1.jpg,cat\n,2.jpg,dog\n\"p, 7\",3.jpg,dog\n",
        "image,labels,group\n1.jpg,cat,\"p, 7\"\n2.jpg,dog,\"p, 7\"\n3.jpg,dog,\n",
    };
    char digest[5][33];
    for (int t = 0; t < 5; t++) {
        ssgcam_dataset *d;
        cr_assert_eq(load(tables[t], NULL, &d), SSGCAM_OK, "%s", ssgcam_last_error());
        cr_assert_eq(d->count, 3);
        for (size_t i = 0; i < 3; i++) {
            int named = t > 1 && (i == 0 || i == (t == 4 ? 1 : 2));
            cr_assert_eq(d->items[i].group != NULL, named, "table %d, image %zu", t, i);
            if (named) cr_assert_str_eq(d->items[i].group, "p, 7");
        }
        memcpy(digest[t], d->digest, sizeof digest[t]);
        ssgcam_dataset_truncate(d, 1);
        ssgcam_dataset_destroy(&d);
    }
    cr_assert_str_eq(digest[0], "8a2acf8779ceddc40bea408989ddb319");
    cr_assert_str_eq(digest[1], digest[0]);
    cr_assert_str_eq(digest[2], digest[3]);
    cr_assert(strcmp(digest[2], digest[0]) && strcmp(digest[2], digest[4]));
}

Test(data, tables_that_are_refused, .init = make_folder, .fini = remove_folder)
{
    ssgcam_dataset *d;
    refuse("", NULL, "empty");
    refuse("image,mask\n1.jpg,\n", NULL, "column 'labels' is missing");
    refuse("labels\ncat\n", NULL, "column 'image' is missing");
    refuse("image,labels\n1.jpg,cat\n2.jpg,cog\n", NULL, "data.csv:3: label 'cog' is not a class; the nearest is");
    refuse("image,labels\n1.jpg,3\n", NULL, "label '3' is not");
    refuse("image,labels\n1.jpg,-1\n", NULL, "label '-1' is not");
    refuse("image,labels\n1.jpg,cat\nb/1.png,dog\n", NULL, "two images have the name '1'");
    refuse("image,labels\n,cat\n", NULL, "data.csv:2: no image");
    refuse("image,labels\n1.jpg,cat,dog\n", NULL, "data.csv:2: 3 fields, but the first line names 2 columns");
    refuse("image,labels\n1.jpg,\"cat\n", NULL, "data.csv:2: a quotation mark");
    refuse("image,labels\n1.jpg,cat\"\n", NULL, "data.csv:2: a quotation mark");
    refuse("image,labels\n\n\n1.jpg,cat\n2.jpg,cog\n", NULL, "data.csv:5: label 'cog'"); /* empty lines, and one in quotes, are lines */
    refuse("image,labels,note\n1.jpg,cat,\"one\ntwo\"\n\n2.jpg,cog,\n", NULL, "data.csv:5: label 'cog'");
    refuse("image,labels\r\n\r\n1.jpg,cat\"\r\n", NULL, "data.csv:3: a quotation mark");
    refuse("image,labels\r1.jpg,cat\r2.jpg,cog\r", NULL, "data.csv:3: label 'cog'");
    refuse("image,labels\n1.jpg,cat\n2.jpg,cog", NULL, "data.csv:3: label 'cog'");
    refuse("\nimage\n", NULL, "data.csv:2: column 'labels' is missing");
    refuse("image,labels,boxes\n1.jpg,cat,1 2 3\n", NULL, "a box is");
    refuse("image,labels,boxes\n1.jpg,cat,5 5 5 9\n", NULL, "an empty box");
    refuse("image,labels,boxes\n1.jpg,cat,cow 1 1 5 9\n", NULL, "label 'cow'");
    refuse("image,labels,boxes\n1.jpg,cat,-1 0 5 9\n", NULL, "a box is");
    refuse("image,labels\n1.jpg,cat\n", "train", "no column 'split'");
    refuse("image,labels,split\n1.jpg,cat,test\n", "train", "no images in split 'train'");
    refuse("image,labels\n", NULL, "no images");
    refuse("image,labels,group,patient\n1.jpg,cat,a,a\n", NULL, "data.csv:1: 'group' (or 'patient') is there twice");
    cr_assert_eq(ssgcam_dataset_load(&d, &(ssgcam_dataset_options){.data = "/nonexistent"}), SSGCAM_ERR_NOT_FOUND);
    cr_assert_eq(ssgcam_dataset_load(&d, &(ssgcam_dataset_options){0}), SSGCAM_ERR_ARGUMENT);
}

Test(data, a_folder_in_vocs_layout, .init = make_folder, .fini = remove_folder)
{
    static const char *const parts[] = {"JPEGImages", "Annotations", "SegmentationClass", "ImageSets", "ImageSets/Segmentation", "ImageSets/Main"};
    for (int i = 0; i < 6; i++) mkdir(path_of(parts[i]), 0700);
    write_text("ImageSets/Segmentation/val.txt", "2007_1\n2007_2\n");
    write_text("ImageSets/Main/train.txt", "2007_2 -1\r\n");
    write_text("SegmentationClass/2007_1.png", "");
    write_text("Annotations/2007_1.xml",
               "<annotation><object><name>dog</name><part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
               "<bndbox><xmin>10</xmin><ymin>20.0</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object>"
               "<object><name>cat</name><bndbox><xmin>1e300</xmin><ymin>nan</ymin><xmax>-5</xmax><ymax>9</ymax></bndbox></object></annotation>");
    write_text("Annotations/2007_2.xml", "<annotation></annotation>");
    ssgcam_dataset *d;
    ssgcam_dataset_options options = {.voc = folder, .split = "val"};
    cr_assert_eq(ssgcam_dataset_load(&d, &options), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert(d->count == 2 && d->class_count == 20);
    cr_assert(d->items[0].mask && !d->items[1].mask);
    cr_assert_eq(d->items[0].label_count, 2);
    cr_assert_str_eq(d->classes[d->items[0].labels[0]], "cat");
    cr_assert_eq(d->items[0].box_count, 1);
    const ssgcam_box *box = &d->items[0].boxes[0];
    cr_assert(box->x0 == 9 && box->y0 == 19 && box->x1 == 30 && box->y1 == 40, "%d %d %d %d", box->x0, box->y0, box->x1, box->y1);
    ssgcam_dataset_destroy(&d);
    options.split = "train";
    cr_assert_eq(ssgcam_dataset_load(&d, &options), SSGCAM_OK);
    cr_assert_eq(d->count, 1);
    ssgcam_dataset_destroy(&d);
    options.split = "test";
    cr_assert_eq(ssgcam_dataset_load(&d, &options), SSGCAM_ERR_NOT_FOUND);
    write_text("Annotations/2007_2.xml", "<annotation><object>");
    options.split = "val";
    cr_assert_eq(ssgcam_dataset_load(&d, &options), SSGCAM_ERR_INPUT);
    cr_assert_not_null(strstr(ssgcam_last_error(), "not well-formed"));
    write_text("Annotations/2007_2.xml", "<annotation><object><name>unicorn</name></object></annotation>");
    cr_assert_eq(ssgcam_dataset_load(&d, &options), SSGCAM_ERR_INPUT);
    cr_assert_not_null(strstr(ssgcam_last_error(), "unicorn"));
}

/* ---- MODEL.json ------------------------------------------------------------------------------------------------------------------------------- */

static void reject(const char *json, const char *words)
{
    ssgcam_preprocess p;
    ssgcam_preprocess_init(&p);
    cr_expect_eq(ssgcam_preprocess_parse(&p, json, strlen(json), "m.json"), SSGCAM_ERR_INPUT, "%s is accepted", json);
    cr_expect_not_null(strstr(ssgcam_last_error(), words), "the sentence lacks '%s': %s", words, ssgcam_last_error());
    ssgcam_preprocess_clear(&p);
}

Test(data, model_json)
{
    ssgcam_preprocess p;
    ssgcam_preprocess_init(&p);
    static const char good[] = "{\"size\": [240, 320], \"resize\": \"crop\", \"mean\": [0.1, 0.2, 0.3], \"std\": 0.5, \"scale\": 1, \"channels\": "
                               "\"bgr\", \"classes\": [\"a\", \"b\"]}";
    cr_assert_eq(ssgcam_preprocess_parse(&p, good, strlen(good), "m.json"), SSGCAM_OK, "%s", ssgcam_last_error());
    cr_assert(p.size[0] == 240 && p.size[1] == 320 && p.resize == SSGCAM_RESIZE_CROP && p.channels == SSGCAM_CHANNELS_BGR);
    cr_assert(p.mean[2] == 0.3 && p.std[1] == 0.5 && p.scale == 1 && p.class_count == 2);
    ssgcam_preprocess_clear(&p);
    reject("{", "m.json:1");
    reject("[]", "must be a JSON object");
    reject("{\"size\": []}", "size");
    reject("{\"size\": [1, 2, 3]}", "size");
    reject("{\"size\": 0}", "size");
    reject("{\"size\": 1e99}", "size");
    reject("{\"size\": \"224\"}", "size");
    reject("{\"mean\": []}", "mean");
    reject("{\"mean\": [1, 2]}", "mean");
    reject("{\"std\": 0}", "above 0");
    reject("{\"scale\": 0}", "scale");
    reject("{\"scale\": []}", "scale");
    reject("{\"resize\": \"squash\"}", "stretch, crop or none");
    reject("{\"channels\": 3}", "channels");
    reject("{\"classes\": [1]}", "classes[0]");
    reject("{\"classes\": []}", "classes");
    reject("{\"means\": 0}", "did you mean 'mean'");
    reject("{\"size\": 1, \"size\": 2}", "duplicate");
}
