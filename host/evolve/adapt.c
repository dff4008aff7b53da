/* adapt.c - what a generation's successes teach: the memories of L-SHADE and jSO. */
#include "host/evolve/state.h"

void ssg_evolve_adapt(ssgcam_evolve *search, size_t island, const double *improved)
{
    ssg_evolve_island *own = &search->island[island];
    size_t n = ssg_evolve_population_now(search);
    double most = 0, most_cr = 0;
    for (size_t i = 0; i < n; i++) {
        if (improved[i] > most) most = improved[i];
        if (improved[i] > 0 && own->trial_cr[i] > most_cr) most_cr = own->trial_cr[i];
    }
    if (!ssg_evolve_has_memory(search) || !(most > 0)) return;

    double f1 = 0, f2 = 0, cr1 = 0, cr2 = 0; /* weights relative to the largest: their sum cannot overflow, and the common factor cancels */
    for (size_t i = 0; i < n; i++) {
        double w = improved[i] / most, f = own->trial_f[i], cr = own->trial_cr[i];
        f1 += w * f, f2 += w * f * f;
        cr1 += w * cr, cr2 += w * cr * cr;
    }
    size_t k = (size_t)*own->slot;
    double old_f = own->memory_f[k], old_cr = own->memory_cr[k];
    own->memory_f[k] = f2 / f1;
    own->memory_cr[k] = old_cr < 0 || most_cr == 0 || cr1 == 0 ? -1 : cr2 / cr1;
    if (search->config.adaptation == SSGCAM_EVOLVE_JSO) {
        own->memory_f[k] = 0.5 * (own->memory_f[k] + old_f);
        if (own->memory_cr[k] >= 0) own->memory_cr[k] = 0.5 * (own->memory_cr[k] + old_cr);
    }
    *own->slot = (k + 1) % search->memory;
}
