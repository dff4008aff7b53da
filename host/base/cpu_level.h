/* cpu_level.h - which instruction sets the program may use here. */
#ifndef SSG_BASE_CPU_LEVEL_H
#define SSG_BASE_CPU_LEVEL_H

/* Each has those before it. AVX2: with FMA, BMI and BMI2; AVX-512: F, BW, CD, DQ and VL. */
typedef enum ssg_cpu_level { SSG_CPU_BASELINE, SSG_CPU_AVX2, SSG_CPU_AVX512, SSG_CPU_LEVEL_COUNT } ssg_cpu_level;

/* Whether the processor has it. */
int ssg_cpu_has(ssg_cpu_level level);

/* The best one that the processor has and SSGCAM_CPU_LEVEL = ref | baseline | avx2 | avx512 allows now. */
ssg_cpu_level ssg_cpu_best(void);

#endif
