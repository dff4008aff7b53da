/* labelled.h - the images of a search: which are searched, which are held out, which classes are in play. */
#ifndef SSG_SEARCH_LABELLED_H
#define SSG_SEARCH_LABELLED_H

#include <ssgcam/search.h>

#include "host/data/truth.h"
#include "host/search/groups.h"
#include "host/search/objective.h"

typedef struct ssg_labelled {
    const ssgcam_item **items;
    unsigned char *held; /* per item */
    size_t count, held_count;
    int *classes; /* the model's numbers of all labels, ascending */
    size_t class_count;
    ssg_truth_setting truth;
    ssg_groups searched_groups, held_groups; /* of the searched images and of those held out, each numbered in their order */
} ssg_labelled;

/* Items of `data` and `holdout`; a share of `data` held out where asked for. Refuses what cannot be searched: no mask or box, no label, fewer than
 * two images, an image in both sets. A group in both is said, since it flatters. */
ssgcam_status ssg_labelled_gather(ssg_labelled *labelled, const ssgcam_search_options *options);
void ssg_labelled_clear(ssg_labelled *labelled);

#endif
