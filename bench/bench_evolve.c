/* bench_evolve.c - how near differential evolution comes to known minima.
 * usage: bench_evolve FUNCTION ADAPTATION DIMENSIONS EVALUATIONS SEEDS; FUNCTION sphere, rosenbrock or rastrigin; ADAPTATION lshade, jso, jde, dither
 * or fixed. Prints the best value of every seed, one a line. bench/evolve_peers.py compares with SciPy. */
#include <math.h>
#include <ssgcam/evolve.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 100 };

/* The minimum lies off the centre, where no symmetry helps. */
static double offset(size_t j)
{
    return j % 2 ? 0.3 : -0.2;
}

static double sphere(const double *x, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++) sum += (x[j] - 100 * offset(j)) * (x[j] - 100 * offset(j));
    return sum;
}

static double rosenbrock(const double *x, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j + 1 < d; j++) {
        double curve = x[j + 1] - x[j] * x[j];
        sum += 100 * curve * curve + (1 - x[j]) * (1 - x[j]);
    }
    return sum;
}

static double rastrigin(const double *x, size_t d)
{
    double sum = 10 * (double)d;
    for (size_t j = 0; j < d; j++) {
        double z = x[j] - 5.12 * offset(j);
        sum += z * z - 10 * cos(2 * 3.14159265358979323846 * z);
    }
    return sum;
}

typedef double function(const double *x, size_t d);
static const struct {
    const char *name;
    function *value;
    double bound;
} functions[] = {{"sphere", sphere, 100}, {"rosenbrock", rosenbrock, 30}, {"rastrigin", rastrigin, 5.12}};

static ssgcam_status objective(void *context, const double *genes, size_t count, size_t dimensions, double *fitness)
{
    function *const *value = context;
    for (size_t i = 0; i < count; i++) fitness[i] = (*value)(genes + i * dimensions, dimensions);
    return SSGCAM_OK;
}

int main(int count, char **arguments)
{
    if (count != 6) return 2;
    ssgcam_evolve_adaptation adaptation;
    int f = 0, seeds = atoi(arguments[5]);
    size_t d = (size_t)atoi(arguments[3]);
    while (f < 2 && strcmp(functions[f].name, arguments[1])) f++;
    if (ssgcam_evolve_adaptation_parse(arguments[2], &adaptation) != SSGCAM_OK || d < 2 || d > MOST) return 2;
    double lower[MOST], upper[MOST], best;
    for (size_t j = 0; j < d; j++) upper[j] = functions[f].bound, lower[j] = -upper[j];
    for (int seed = 1; seed <= seeds; seed++) {
        ssgcam_evolve_config config = {.dimensions = d,
                                       .lower = lower,
                                       .upper = upper,
                                       .max_evaluations = (uint64_t)atoll(arguments[4]),
                                       .minimise = 1,
                                       .seed = (uint64_t)seed,
                                       .adaptation = adaptation};
        function *value = functions[f].value;
        ssgcam_evolve *search;
        if (ssgcam_evolve_create(&search, &config) || ssgcam_evolve_run(search, objective, NULL, &value) || ssgcam_evolve_best(search, NULL, &best)) {
            fprintf(stderr, "%s\n", ssgcam_last_error());
            return 1;
        }
        printf("%.17g\n", best);
        ssgcam_evolve_destroy(&search);
    }
    return 0;
}
