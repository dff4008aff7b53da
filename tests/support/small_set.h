/* small_set.h - a small labelled set on disk and what a search of it needs: pictures of coloured blobs on noise, masks of the blobs,
 * tests/fixtures/tiny.onnx. */
#ifndef TESTS_SUPPORT_SMALL_SET_H
#define TESTS_SUPPORT_SMALL_SET_H

#include <ssgcam/ssgcam.h>

#include "host/data/image.h"

enum { HEIGHT = 32, WIDTH = 48, IMAGES = 10, SEARCHED = 7 };

/* Made by small_set_up: a folder with i0.png, m0.png, ..., images 0 to SEARCHED - 1 to search on and the others to test on, one thread. */
extern char small_folder[64];
extern ssgcam_device *small_device;
extern ssgcam_model *small_model;
extern ssgcam_dataset *small_data, *small_test;
void small_set_up(void);
void small_tear_down(void);

void small_write_png(const char *name, const ssg_image *image);

/* A coloured blob on noise, and the mask of the blob. value: what marks it; 0 leaves the mask all ignored. */
void small_write_pair(int number, int label, int value, int width);

/* A data set of the folder from the text of its table, or of images first to end. The caller's to destroy. */
ssgcam_dataset *small_load(const char *text);
ssgcam_dataset *small_load_range(int first, int end);

/* A short search of them. */
ssgcam_search_options small_options(void);

/* The recipe's text after a search that must succeed. Free with ssgcam_text_free. */
char *small_recipe_of(const ssgcam_search_options *options);

void small_expect_same(const ssgcam_search_options *options, const char *recipe, const char *what);

/* A search must end so, and say so, before the network has seen an image. */
void small_refused(const ssgcam_search_options *options, ssgcam_status wanted, const char *sentence);

/* Stops a search after so many generations: {0, N} as its `context`, `stop` as its stop, small_count_generation as its on_generation. */
typedef struct small_interruption {
    int stop;
    size_t after;
} small_interruption;
void small_count_generation(void *context, size_t run, size_t runs, const ssgcam_evolve_record *record);

#endif
