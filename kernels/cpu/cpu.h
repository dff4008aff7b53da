/* cpu.h - inside the vectorised implementation, which is compiled once for each instruction set (set.h). */
#ifndef SSG_KERNELS_CPU_CPU_H
#define SSG_KERNELS_CPU_CPU_H

#include "kernels/cpu/set.h"
#include "kernels/ops.h"

extern const ssg_ops ssg_cpu_ops;

size_t ssg_cpu_maps_scratch(const ssg_run *run, const ssg_features *activation, const ssg_features *gradient, size_t count);
void ssg_cpu_maps(const ssg_run *run, const ssg_map_spec *specs, size_t count, const ssg_features *activation, const ssg_features *gradient,
                  const float *second, float *const *maps, void *scratch);
void ssg_cpu_weighted(const ssg_run *run, const ssg_features *activation, const float *weights, size_t rows, int keep_sign, float *maps);
void ssg_cpu_normalise(const ssg_run *run, float *maps, size_t rows, size_t pixels, float epsilon, uint8_t *flags);
void ssg_cpu_resize(const ssg_run *run, const ssg_place *places, size_t count, size_t H, size_t W, size_t h, size_t w);
void ssg_cpu_accumulate(const ssg_run *run, float *total, const float *from, size_t count, float weight, float power);
void ssg_cpu_quantise(const ssg_run *run, const ssg_place *places, size_t count, size_t H, size_t W, size_t h, size_t w, const float *powers,
                      size_t power_count);
void ssg_cpu_mix(const ssg_run *run, const ssg_place *places, size_t count, size_t H, size_t W, size_t h, size_t w, float power, int weight);
void ssg_cpu_resize_fused(const ssg_run *run, int16_t *to, size_t H, size_t W, const int16_t *from, size_t h, size_t w);
void ssg_cpu_label(const ssg_run *run, uint8_t *labels, const int16_t *const *fused, const int *classes, size_t class_count, size_t pixels, int tau);
void ssg_cpu_moments(const ssg_run *run, float *sums, const float *values, size_t groups, size_t repeats, size_t used, size_t row, float scale);
void ssg_cpu_products(const ssg_run *run, float *sums, const float *a, const float *b, size_t used, size_t row, float scale);

#endif
