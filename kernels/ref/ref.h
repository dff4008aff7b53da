/* ref.h - inside the reference implementation. */
#ifndef SSG_KERNELS_REF_REF_H
#define SSG_KERNELS_REF_REF_H

#include "kernels/ops.h"

size_t ssg_ref_maps_scratch(const ssg_run *run, const ssg_features *activation, const ssg_features *gradient, size_t count);
void ssg_ref_maps(const ssg_run *run, const ssg_map_spec *specs, size_t count, const ssg_features *activation, const ssg_features *gradient,
                  const float *second, float *const *maps, void *scratch);
void ssg_ref_weighted(const ssg_run *run, const ssg_features *activation, const float *weights, size_t rows, int keep_sign, float *maps);
void ssg_ref_normalise(const ssg_run *run, float *maps, size_t rows, size_t pixels, float epsilon, uint8_t *flags);
void ssg_ref_resize(const ssg_run *run, const ssg_place *places, size_t count, size_t H, size_t W, size_t h, size_t w);
void ssg_ref_accumulate(const ssg_run *run, float *total, const float *from, size_t count, float weight, float power);
void ssg_ref_quantise(const ssg_run *run, const ssg_place *places, size_t count, size_t H, size_t W, size_t h, size_t w, const float *powers,
                      size_t power_count);
void ssg_ref_mix(const ssg_run *run, const ssg_place *places, size_t count, size_t H, size_t W, size_t h, size_t w, float power, int weight);
void ssg_ref_resize_fused(const ssg_run *run, int16_t *to, size_t H, size_t W, const int16_t *from, size_t h, size_t w);
void ssg_ref_label(const ssg_run *run, uint8_t *labels, const int16_t *const *fused, const int *classes, size_t class_count, size_t pixels, int tau);
void ssg_ref_confusion(const ssg_run *run, uint64_t *counts, const uint8_t *truth, const uint8_t *labels, size_t pixels, size_t n);
void ssg_ref_moments(const ssg_run *run, float *sums, const float *values, size_t groups, size_t repeats, size_t used, size_t row, float scale);
void ssg_ref_products(const ssg_run *run, float *sums, const float *a, const float *b, size_t used, size_t row, float scale);

#endif
