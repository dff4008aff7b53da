/* bench_bank.c - the maps of a real network for bench_score: bench_bank MODEL DATA SPLIT IMAGES FILE
 *
 * The last 8 layers x 12 rows of SSG-CAM (product, sigma 1, 2, 4, 8, powers 1/4, 1/2, 1) on a grid of 224 x 224, and the truth (any object). FILE:
 * images, rows, pixels (32 bits each), then per image its rows and its truth (0 or 1), pixels in the order of the search's bank. */
#include <stdio.h>
#include <stdlib.h>

#include <ssgcam/ssgcam.h>

#include "host/search/bank.h"
#include "host/search/labelled.h"

enum { LAYERS = 8, CHOICES = 12 };

static int fail(void)
{
    fprintf(stderr, "bench_bank: %s\n", ssgcam_last_error());
    return 3;
}

static int write_bank(const ssg_bank_store *store, size_t images, const char *path)
{
    FILE *file = fopen(path, "wb");
    if (!file) return 1;
    uint32_t head[3] = {(uint32_t)images, LAYERS * CHOICES, (uint32_t)store->stride};
    size_t skip = store->rows - LAYERS * CHOICES, bad = fwrite(head, sizeof head, 1, file) != 1;
    for (size_t i = 0; i < images; i++) {
        const ssg_score_image *image = &store->images[i];
        bad |= fwrite(image->maps + skip * image->stride, image->stride, head[1], file) != head[1];
        bad |= fwrite(image->truth, image->stride, 1, file) != 1;
    }
    return fclose(file) != 0 || bad;
}

int main(int argc, char **argv)
{
    static const double sigmas[] = {1, 2, 4, 8};
    if (argc != 6) return 2;
    ssgcam_model *model;
    ssgcam_dataset *data;
    ssgcam_device *device;
    ssg_grid grid;
    ssg_labelled labelled;
    ssg_bank_store store;
    if (ssgcam_device_open(&device, "cpu", 2) != SSGCAM_OK) return fail();
    if (ssgcam_model_load(&model, argv[1], NULL) != SSGCAM_OK) return fail();
    if (ssgcam_dataset_load(&data, &(ssgcam_dataset_options){.data = argv[2], .split = argv[3]}) != SSGCAM_OK) return fail();
    ssgcam_dataset_truncate(data, (size_t)atoi(argv[4]));
    ssgcam_search_options o = {
        .device = device, .model = model, .data = data, .layers = "all", .sigmas = sigmas, .sigma_count = 4, .product_only = 1};
    o.grid[0] = o.grid[1] = 224;
    if (ssg_grid_make(&grid, &o) != SSGCAM_OK || ssg_labelled_gather(&labelled, &o) != SSGCAM_OK) return fail();
    if (grid.choices != CHOICES || grid.layers < LAYERS) return 2;
    ssg_bank_request request = {&o, &grid, labelled.items, labelled.count, labelled.classes, labelled.class_count, {0}, {0}};
    if (ssg_truth_setting_parse(&request.truth, "object") != SSGCAM_OK || ssg_bank_open(&store, &request) != SSGCAM_OK) return fail();
    for (size_t p = 0; p < labelled.count * store.stride; p++) store.truth[p] = store.truth[p] != 0 && store.truth[p] != SSG_SCORE_IGNORED;
    int bad = write_bank(&store, labelled.count, argv[5]);
    ssg_bank_close(&store);
    ssg_labelled_clear(&labelled);
    ssg_grid_clear(&grid);
    ssgcam_dataset_destroy(&data);
    ssgcam_model_destroy(&model);
    ssgcam_device_close(&device);
    return bad ? 4 : 0;
}
