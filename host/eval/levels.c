#include "host/eval/levels.h"

#include <string.h>

#include "host/base/alloc.h"

ssgcam_status ssg_levels_create(ssg_levels *levels, size_t class_count)
{
    *levels = (ssg_levels){.class_count = class_count};
    levels->hit = ssg_calloc(class_count, 256 * sizeof *levels->hit);
    levels->won = ssg_calloc(class_count, 256 * sizeof *levels->won);
    levels->truth = ssg_calloc(class_count + 1, sizeof *levels->truth);
    if (levels->hit && levels->won && levels->truth) return SSGCAM_OK;
    ssg_levels_clear(levels);
    return SSG_OUT_OF_MEMORY;
}

void ssg_levels_clear(ssg_levels *levels)
{
    ssg_free(levels->hit);
    ssg_free(levels->won);
    ssg_free(levels->truth);
    *levels = (ssg_levels){0};
}

void ssg_levels_add(ssg_levels *levels, const int16_t *const *fused, const int *classes, size_t count, const uint8_t *truth, size_t pixels)
{
    int32_t tops[256] = {0};
    for (size_t c = 0; c < count; c++)
        for (size_t i = 0; i < pixels; i++) tops[c] = fused[c][i] > tops[c] ? fused[c][i] : tops[c];
    for (size_t i = 0; i < pixels; i++) {
        if (truth[i] == 255) continue;
        levels->truth[truth[i]]++;
        size_t winner = 0;
        int64_t numerator = 0, denominator = 1;
        for (size_t c = 0; c < count; c++) {
            if (tops[c] == 0 || fused[c][i] * denominator <= numerator * tops[c]) continue;
            winner = c;
            numerator = fused[c][i];
            denominator = tops[c];
        }
        size_t level = (size_t)((255 * numerator + denominator - 1) / denominator);
        if (truth[i] == 0) levels->bare[level]++;
        if (level == 0) continue; /* nobody wins */
        size_t class = (size_t)classes[winner];
        levels->won[class * 256 + level]++;
        if (truth[i] == class + 1) levels->hit[class * 256 + level]++;
    }
}

static void add(uint64_t *counts, const uint64_t *others, size_t count)
{
    for (size_t i = 0; i < count; i++) counts[i] += others[i];
}

void ssg_levels_merge(ssg_levels *levels, const ssg_levels *others)
{
    add(levels->hit, others->hit, levels->class_count * 256);
    add(levels->won, others->won, levels->class_count * 256);
    add(levels->truth, others->truth, levels->class_count + 1);
    add(levels->bare, others->bare, 256);
}

void ssg_levels_counts(const ssg_levels *levels, int threshold, ssg_counts *counts)
{
    uint64_t total = levels->truth[0], claimed = 0, bare = 0;
    for (size_t c = 0; c < levels->class_count; c++) {
        uint64_t hit = 0, won = 0;
        for (size_t q = (size_t)threshold + 1; q < 256; q++) {
            hit += levels->hit[c * 256 + q];
            won += levels->won[c * 256 + q];
        }
        counts[c + 1] = (ssg_counts){hit, won - hit, levels->truth[c + 1] - hit};
        total += levels->truth[c + 1];
        claimed += won;
    }
    for (size_t q = 0; q <= (size_t)threshold; q++) bare += levels->bare[q];
    counts[0] = (ssg_counts){bare, total - claimed - bare, levels->truth[0] - bare};
}

void ssg_levels_object_counts(const ssg_levels *levels, int threshold, ssg_counts counts[2])
{
    uint64_t claimed = 0, object = 0, bare = 0;
    for (size_t c = 0; c < levels->class_count; c++) {
        object += levels->truth[c + 1];
        for (size_t q = (size_t)threshold + 1; q < 256; q++) claimed += levels->won[c * 256 + q];
    }
    for (size_t q = 0; q <= (size_t)threshold; q++) bare += levels->bare[q];
    uint64_t wrong = levels->truth[0] - bare, hit = claimed - wrong; /* claimed background; claimed object */
    counts[0] = (ssg_counts){bare, object - hit, wrong};
    counts[1] = (ssg_counts){hit, wrong, object - hit};
}
