/* problem.h - what is optimised: genes to candidates, candidates to fitness.
 *
 * Genes per layer: one for gate and weight (-1..1, at or below 0 the layer is off) and one for the bank row (a whole number); with tau_gene one more
 * for the threshold. Weights become integers that sum to 127 before anything is scored, so scale, the redundant direction, never matters. */
#ifndef SSG_SEARCH_PROBLEM_H
#define SSG_SEARCH_PROBLEM_H

#include <ssgcam/search.h>

#include "host/search/objective.h"

typedef struct ssg_problem {
    ssg_bank bank; /* the images that count */
    size_t layers, choices;
    const uint32_t *mixed; /* the choices that genes may name, ascending; NULL: all */
    size_t mixed_count;
    ssgcam_fitness fitness;
    int tau_gene;
    double sparsity; /* taken off the fitness for every layer in use */
    int threads;
} ssg_problem;

size_t ssg_problem_genes(const ssg_problem *problem);
void ssg_problem_bounds(const ssg_problem *problem, double *lower, double *upper, unsigned char *integer);
void ssg_problem_decode(const ssg_problem *problem, const double *genes, ssg_candidate *candidate);

/* Genes of a candidate that uses each layer at most once; 0 if one of its rows may not be mixed. */
int ssg_problem_encode(const ssg_problem *problem, const ssg_candidate *candidate, double *genes);

/* Fitness of each candidate at its own threshold, or (`solve`) at its best one, the lowest among equals, which is stored in it. */
ssgcam_status ssg_problem_score(const ssg_problem *problem, ssg_candidate *candidates, size_t count, int solve, double *fitness);

/* Fitness at the best threshold of candidates each of which has a rival (a fitness; NaN: none): one that is worse than its rival may get another
 * fitness that is, and no threshold. Most of a search's candidates are, and cost little then. */
ssgcam_status ssg_problem_compete(const ssg_problem *problem, ssg_candidate *candidates, const double *rivals, size_t count, double *fitness);

/* The measure that a fitness is. */
ssg_measure ssg_problem_measure(ssgcam_fitness fitness);

/* All figures of summed counts and counts per image. */
ssgcam_search_score ssg_problem_score_of(const ssg_counts *sum, const ssg_counts *per_image, size_t images, size_t labels);

/* The same of counts per image alone. */
ssgcam_status ssg_problem_score_of_images(ssgcam_search_score *score, const ssg_counts *per_image, size_t images, size_t labels);

/* The figure that a fitness is. */
double ssg_problem_fitness_of(const ssgcam_search_score *score, ssgcam_fitness fitness);

/* Counts per image at the candidate's threshold (images x labels, may be NULL) and the figures made of them. */
ssgcam_status ssg_problem_figures(const ssg_bank *bank, const ssg_candidate *candidate, int threads, ssg_counts *per_image,
                                  ssgcam_search_score *score);

/* Drops layers, one at a time, while the best threshold's fitness does not fall; solves the threshold. */
ssgcam_status ssg_problem_prune(const ssg_problem *problem, ssg_candidate *candidate, double *fitness);

#endif
