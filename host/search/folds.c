#include "host/search/folds.h"

#include "host/base/alloc.h"
#include "host/search/labelled.h"

static ssgcam_status take(ssg_problem *part, const ssg_problem *whole, const uint32_t *fold, size_t which, unsigned char inside)
{
    size_t images = whole->bank.image_count;
    *part = *whole;
    part->bank.images = NULL;
    unsigned char *in_fold = ssg_calloc(images, 1);
    if (!in_fold) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; fold && i < images; i++) in_fold[i] = fold[i] == which;
    ssgcam_status status = ssg_bank_select(&part->bank, &whole->bank, in_fold, inside);
    ssg_free(in_fold);
    return status;
}

ssgcam_status ssg_folds_outside(ssg_problem *part, const ssg_problem *whole, const uint32_t *fold, size_t which)
{
    return take(part, whole, fold, which, 0);
}

ssgcam_status ssg_folds_inside(ssg_problem *part, const ssg_problem *whole, const uint32_t *fold, size_t which)
{
    return take(part, whole, fold, which, 1);
}

void ssg_folds_release(ssg_problem *part)
{
    ssg_free((void *)part->bank.images);
    part->bank.images = NULL;
}
