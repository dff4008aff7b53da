/* bank.h - the maps that a search chooses from: built in one pass of the network, kept in a file, in memory or mapped; and the truth they are scored
 * against.
 *
 * Layout of the file (little-endian): header, one table entry per image, then per image its maps [class][row], each a row of `stride` bytes as
 * kernels/score.h wants them, in the order of bank_order.h, and behind all of them their bounds. Every image's record has its checksum in the table,
 * written after the record: a build that was stopped goes on with the first image that has none. The truth is not part of the file: it is read from
 * the masks every time, so that a corrected mask costs no network pass.
 */
#ifndef SSG_SEARCH_BANK_H
#define SSG_SEARCH_BANK_H

#include "host/data/truth.h"
#include "host/search/grid.h"
#include "host/search/objective.h"

typedef struct ssg_bank_request {
    const ssgcam_search_options *options; /* device, model, batch, precision, bank_memory, cache, stop, on_image */
    const ssg_grid *grid;
    const ssgcam_item *const *items;
    size_t count;
    const int *classes; /* the model's numbers of the classes in play, ascending; truth and maps count in places of this list */
    size_t class_count;
    ssg_truth_setting truth;
    char key[33]; /* of ssg_bank_key; empty: found out when it is opened */
} ssg_bank_request;

typedef struct ssg_bank_table_entry {
    uint64_t offset, checksum; /* checksum 0: not there yet */
    uint64_t class_count;      /* of the image */
} ssg_bank_table_entry;

typedef struct ssg_bank_store {
    ssg_bank bank;
    char digest[33]; /* of maps and truth */
    size_t bytes, rows, stride;
    int cached, mapped; /* the network did not run; the maps lie in a mapped file */

    ssg_score_image *images;
    ssg_bank_table_entry *table;
    uint8_t *base;    /* the whole file in memory, or its mapping */
    uint8_t *truth;   /* count x stride */
    uint8_t *classes; /* of all images, one after the other */
} ssg_bank_store;

ssgcam_status ssg_bank_open(ssg_bank_store *store, const ssg_bank_request *request);
void ssg_bank_close(ssg_bank_store *store);

/* Bytes of the maps and bounds of an image of so many classes. */
size_t ssg_bank_record_size(const ssg_bank_store *store, size_t class_count);

/* bank_key.c: what decides the maps: model, preprocessing, precision, grid, images, labels. 32 characters. */
ssgcam_status ssg_bank_key(char key[33], const ssg_bank_request *request);

/* bank_truth.c: reads all masks or boxes onto the grid. Refuses a class that images are labelled with but no mask or box shows. */
ssgcam_status ssg_bank_read_truth(ssg_bank_store *store, const ssg_bank_request *request);

/* bank_build.c: runs the network for the images whose checksum is 0 and hands every record to `place`, which puts the entry into the table. */
typedef ssgcam_status ssg_bank_place(void *context, size_t image, const void *record, size_t size, const ssg_bank_table_entry *entry);
ssgcam_status ssg_bank_build(ssg_bank_store *store, const ssg_bank_request *request, ssg_bank_place *place, void *context);

#endif
