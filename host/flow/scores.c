#include "host/flow/scores.h"

#include <math.h>

int ssg_scores_rank(const float *scores, size_t count, size_t class)
{
    int rank = 0;
    for (size_t k = 0; k < count; k++) rank += scores[k] > scores[class] || (scores[k] == scores[class] && k < class);
    return rank;
}

double ssg_scores_probability(const float *scores, size_t count, size_t class)
{
    double sum = 0;
    for (size_t k = 0; k < count; k++) sum += exp((double)scores[k] - (double)scores[class]);
    return 1 / sum;
}
