#include "host/search/labelled.h"

#include <string.h>

#include "host/base/alloc.h"
#include "host/base/log.h"
#include "host/flow/network.h"

static ssgcam_status add_class(ssg_labelled *s, int label)
{
    size_t at = 0;
    while (at < s->class_count && s->classes[at] < label) at++;
    if (at < s->class_count && s->classes[at] == label) return SSGCAM_OK;
    if (s->class_count == SSG_SCORE_CLASSES)
        return ssg_fail(SSGCAM_ERR_UNSUPPORTED, "the labelled images have more than %d classes; search on a part of them", SSG_SCORE_CLASSES);
    SSG_TRY(ssg_grow(&s->classes, s->class_count + 1, sizeof *s->classes));
    memmove(s->classes + at + 1, s->classes + at, (s->class_count - at) * sizeof *s->classes);
    s->classes[at] = label;
    s->class_count++;
    return SSGCAM_OK;
}

static ssgcam_status add_items(ssg_labelled *s, const ssgcam_dataset *data, const ssgcam_model *model, unsigned char held)
{
    for (size_t i = 0; i < data->count; i++) {
        const ssgcam_item *item = &data->items[i];
        if (!ssg_truth_given(item, &s->truth))
            return ssg_fail(SSGCAM_ERR_INPUT, "%s: this image has no %s; a search needs %s for every image (choose a split that has them)",
                            item->image, ssg_truth_is_boxes(&s->truth) ? "box" : "mask", ssg_truth_is_boxes(&s->truth) ? "boxes" : "one");
        if (!item->label_count) return ssg_fail(SSGCAM_ERR_INPUT, "%s: this image has no label; a search needs at least one", item->image);
        for (size_t l = 0; l < item->label_count; l++) {
            if ((size_t)item->labels[l] >= model->class_count)
                return ssg_fail(SSGCAM_ERR_INPUT, "%s: label %d, but the model has classes 0 to %zu", item->image, item->labels[l],
                                model->class_count - 1);
            SSG_TRY(add_class(s, item->labels[l]));
        }
        s->items[s->count] = item;
        s->held[s->count++] = held;
        s->held_count += held;
    }
    return SSGCAM_OK;
}

static ssgcam_status check_apart(const ssg_labelled *s)
{
    const char *shared = NULL;
    for (size_t i = 0; i < s->count; i++)
        for (size_t j = i + 1; j < s->count; j++) {
            const ssgcam_item *a = s->items[i], *b = s->items[j];
            if (s->held[i] == s->held[j]) continue;
            if (strcmp(a->image, b->image) == 0)
                return ssg_fail(SSGCAM_ERR_INPUT, "%s is both searched and held out; the held-out figures would flatter", a->image);
            if (!shared && a->group && b->group && strcmp(a->group, b->group) == 0) shared = a->group;
        }
    if (shared) ssg_log(SSG_LOG_NORMAL, "group '%s' has both searched and held-out images: the held-out figures flatter", shared);
    return SSGCAM_OK;
}

static ssgcam_status hold_out(ssg_labelled *s, double fraction, uint64_t seed)
{
    ssg_groups all;
    size_t wanted = (size_t)(fraction * (double)s->count + 0.5);
    if (wanted == 0) return SSGCAM_OK;
    SSG_TRY(ssg_groups_number(&all, s->items, s->held, 0, s->count));
    ssgcam_status status = ssg_groups_hold_out(s->held, &s->held_count, &all, wanted, seed);
    if (status == SSGCAM_OK && all.of && (s->held_count == 0 || s->held_count == s->count))
        status = ssg_fail(SSGCAM_ERR_ARGUMENT,
                          "a held-out fraction of %g: the %zu images are in %zu group%s, and a group stays whole, so that %s would be held out; give "
                          "another fraction, or hold out a split",
                          fraction, s->count, all.count, all.count == 1 ? "" : "s", s->held_count ? "all" : "none");
    ssg_groups_clear(&all);
    return status;
}

static ssgcam_status gather(ssg_labelled *s, const ssgcam_search_options *o)
{
    size_t most = o->data->count + (o->holdout ? o->holdout->count : 0);
    if (!(o->holdout_fraction >= 0 && o->holdout_fraction < 1))
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "a held-out fraction of %g; give 0 to below 1", o->holdout_fraction);
    if (o->holdout && o->holdout_fraction > 0)
        return ssg_fail(SSGCAM_ERR_ARGUMENT, "give either held-out images or a fraction to hold out, not both");
    s->items = ssg_calloc(most, sizeof *s->items);
    s->held = ssg_calloc(most, 1);
    if (!s->items || !s->held) return SSG_OUT_OF_MEMORY;
    SSG_TRY(ssg_truth_setting_parse(&s->truth, o->mask_values ? o->mask_values : "classes"));
    SSG_TRY(add_items(s, o->data, o->model, 0));
    if (o->holdout) SSG_TRY(add_items(s, o->holdout, o->model, 1));
    SSG_TRY(check_apart(s));
    if (s->count >= 2) SSG_TRY(hold_out(s, o->holdout ? 0 : o->holdout_fraction, o->seed));
    if (s->count - s->held_count < 2)
        return ssg_fail(SSGCAM_ERR_INPUT, "%zu image to search on; at least 2 are needed, and a recipe that holds for others wants some dozens",
                        s->count - s->held_count);
    SSG_TRY(ssg_groups_number(&s->searched_groups, s->items, s->held, 0, s->count));
    return ssg_groups_number(&s->held_groups, s->items, s->held, 1, s->count);
}

ssgcam_status ssg_labelled_gather(ssg_labelled *labelled, const ssgcam_search_options *options)
{
    *labelled = (ssg_labelled){0};
    ssgcam_status status = gather(labelled, options);
    if (status != SSGCAM_OK) ssg_labelled_clear(labelled);
    return status;
}

void ssg_labelled_clear(ssg_labelled *labelled)
{
    ssg_free(labelled->items);
    ssg_free(labelled->held);
    ssg_free(labelled->classes);
    ssg_groups_clear(&labelled->searched_groups);
    ssg_groups_clear(&labelled->held_groups);
    *labelled = (ssg_labelled){0};
}
