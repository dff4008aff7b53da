/* test_search_core.c - the search over a bank that no network made: its trajectory, thresholds, and how mixtures are settled, averaged and pruned. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ssgcam/ssgcam.h>

#include "host/base/alloc.h"
#include "host/base/philox.h"
#include "host/search/phases.h"
#include "host/search/sampling.h"
#include "host/search/settle.h"
#include "tests/support/bounds.h"

enum { PIXELS = 1024, LAYERS = 5, CHOICES = 4, MADE = 6 };

/* Maps that follow the truth more or less, by integer arithmetic alone. */
static ssg_bank make_bank(int with_bounds)
{
    static ssg_score_image images[MADE];
    static uint8_t maps[MADE][LAYERS * CHOICES * PIXELS], truth[MADE][PIXELS], *bounds[MADE];
    static const uint8_t classes[] = {0, 1};
    for (uint32_t i = 0; i < MADE; i++) {
        ssg_draws draws = ssg_draws_named(11, i, 0, 0);
        for (uint32_t p = 0; p < PIXELS; p++) truth[i][p] = (p / 32 + i) % 32 < 12 && p % 32 > 8 ? (uint8_t)(1 + i % 2) : p % 97 == 0 ? 255 : 0;
        for (uint32_t r = 0; r < LAYERS * CHOICES; r++)
            for (uint32_t p = 0; p < PIXELS; p++) {
                uint32_t signal = truth[i][p] != 0 && truth[i][p] != 255 ? 20 + 9 * r : 0;
                maps[i][r * PIXELS + p] = (uint8_t)(ssg_draw_below(&draws, 255 - signal) * (p % 7 + 3) / 9 / 2 + signal / 2);
            }
        free(bounds[i]);
        images[i] = (ssg_score_image){maps[i], truth[i], classes + i % 2, 1, LAYERS * CHOICES, PIXELS, NULL};
        images[i].bounds = bounds[i] = with_bounds ? test_bounds(&images[i]) : NULL;
    }
    return (ssg_bank){.images = images, .image_count = MADE, .class_count = 2};
}

/* Compilers, libraries and processors must agree on this to the bit. Run with SSG_PRINT_GOLDEN=1 to see it after an intended change. */
Test(search_core, trajectory_is_the_recorded_one)
{
    static const char golden[] = "11:13 15:41 19:73 | 184 | 0x1.d6c6375cb04a4p-1";
    ssg_problem problem = {make_bank(1), LAYERS, CHOICES, NULL, 0, SSGCAM_FITNESS_MEAN_IOU, 0, 0, 1};
    ssgcam_search_options o = {.seed = 5, .evaluations = 1500};
    ssg_session session;
    char text[256] = "";
    for (int way = 0; way < 4; way++) {
        problem.threads = 1 + way % 2;
        problem.bank = make_bank(way / 2);
        cr_assert_eq(ssg_session_open(&session, NULL, &(ssg_session_identity){0}, 0), SSGCAM_OK);
        cr_assert_eq(ssg_phase_evolve(&session, &problem, &o, 0, 1, NULL, 0, NULL), SSGCAM_OK, "%s", ssgcam_last_error());
        const ssg_candidate *best = &session.state.best[0];
        text[0] = '\0';
        for (size_t t = 0; t < SSG_SCORE_LAYERS; t++)
            if (best->weight[t]) snprintf(text + strlen(text), sizeof text - strlen(text), "%u:%d ", best->row[t], best->weight[t]);
        snprintf(text + strlen(text), sizeof text - strlen(text), "| %d | %a", best->tau, session.state.fitness[0]);
        ssg_session_close(&session, 1);
        if (getenv("SSG_PRINT_GOLDEN")) printf("%s\n", text);
        cr_assert_str_eq(text, golden);
    }
}

Test(search_core, solved_thresholds_are_the_best_of_all)
{
    ssg_problem problem = {make_bank(1), LAYERS, CHOICES, NULL, 0, SSGCAM_FITNESS_MEAN_IOU, 0, 0, 2};
    ssg_draws draws = ssg_draws_named(1, 0, 0, 0);
    for (int fitness = 0; fitness < 4; fitness++) {
        ssg_candidate one, all[256];
        double genes[2 * LAYERS], solved, given[256];
        size_t best = 0;
        problem.fitness = (ssgcam_fitness)fitness;
        for (size_t l = 0; l < LAYERS; l++) genes[2 * l] = 2 * ssg_draw_unit(&draws) - 1, genes[2 * l + 1] = ssg_draw_below(&draws, CHOICES);
        genes[0] = 0.5;
        ssg_problem_decode(&problem, genes, &one);
        for (int tau = 0; tau < 256; tau++) all[tau] = one, all[tau].tau = (uint8_t)tau;
        cr_assert_eq(ssg_problem_score(&problem, &one, 1, 1, &solved), SSGCAM_OK);
        cr_assert_eq(ssg_problem_score(&problem, all, 256, 0, given), SSGCAM_OK);
        for (size_t tau = 1; tau < 256; tau++)
            if (given[tau] > given[best]) best = tau;
        cr_assert_eq(one.tau, best);
        cr_assert_float_eq(solved, given[best], 1e-15);
    }
}

/* Two runs on each of three folds, and the rivals on the same images. */
typedef struct settled_case {
    ssg_problem problem;
    uint32_t fold[MADE];
    ssg_candidate best[6];
    ssg_rivals rivals[6];
    ssg_settling settling;
} settled_case;

static void make_case(settled_case *c)
{
    static const uint32_t rows[] = {7, 13, 19, 3, 11, 17};
    *c = (settled_case){.problem = {make_bank(1), LAYERS, CHOICES, NULL, 0, SSGCAM_FITNESS_OBJECT, 0, 0, 1}, .fold = {0, 1, 2, 2, 0, 1}};
    for (size_t r = 0; r < 6; r++) {
        c->best[r] = (ssg_candidate){.row = {rows[r], rows[(r + 1) % 6]}, .weight = {90, 37}};
        c->rivals[r].layer = (ssg_candidate){.row = {rows[r]}, .weight = {127}, .tau = 150};
        c->rivals[r].naive = (ssg_candidate){.row = {2, 6, 10, 14, 18}, .weight = {26, 26, 25, 25, 25}, .tau = (uint8_t)(140 + 5 * (r % 3))};
    }
    c->settling = (ssg_settling){&c->problem, 6, 3, c->fold, c->best, c->rivals, c->rivals[0], NULL};
}

Test(search_core, settling_chooses_the_share_that_labels_unseen_images_best)
{
    static const double tried[] = {0, 0.125, 0.25};
    settled_case c;
    ssg_settled own, fixed;
    ssgcam_search_score score;
    double best = -1, wanted = -1;
    make_case(&c);
    cr_assert_eq(ssg_settle(&own, &c.settling), SSGCAM_OK, "%s", ssgcam_last_error());
    for (int k = 0; k < 3; k++) {
        c.settling.shrink = &tried[k];
        cr_assert_eq(ssg_settle(&fixed, &c.settling), SSGCAM_OK);
        ssg_problem_score_of_images(&score, fixed.unseen[SSG_UNSEEN_RECIPE], MADE, 3);
        if (score.object_miou > best) best = score.object_miou, wanted = tried[k];
        if (tried[k] == own.shrink) {
            cr_assert_eq(memcmp(&fixed.recipe, &own.recipe, sizeof own.recipe), 0);
            cr_assert_eq(memcmp(fixed.unseen[0], own.unseen[0], 3 * MADE * sizeof(ssg_counts)), 0);
        }
        ssg_settled_clear(&fixed);
    }
    cr_assert_eq(own.shrink, wanted);

    /* Every image by what was chosen without it: fold f's rival on fold f's images. */
    for (size_t i = 0; i < MADE; i++) {
        ssg_counts counts[3];
        ssg_bank one = {.images = c.problem.bank.images + i, .image_count = 1, .class_count = 2};
        ssg_problem_figures(&one, &c.rivals[c.fold[i]].naive, 1, counts, &score);
        cr_assert_eq(memcmp(counts, own.unseen[SSG_UNSEEN_NAIVE] + 3 * i, sizeof counts), 0);
        ssg_problem_figures(&one, &c.rivals[c.fold[i]].layer, 1, counts, &score);
        cr_assert_eq(memcmp(counts, own.unseen[SSG_UNSEEN_LAYER] + 3 * i, sizeof counts), 0);
    }
    ssg_settled_clear(&own);
}

Test(search_core, all_of_naive_stacking_is_naive_stacking)
{
    static const double whole = 1;
    settled_case c;
    ssg_settled settled;
    make_case(&c);
    c.settling.shrink = &whole;
    cr_assert_eq(ssg_settle(&settled, &c.settling), SSGCAM_OK);
    cr_assert_eq(memcmp(settled.recipe.weight, c.settling.all.naive.weight, sizeof settled.recipe.weight), 0);
    cr_assert_eq(memcmp(settled.recipe.row, c.settling.all.naive.row, sizeof settled.recipe.row), 0);
    ssg_settled_clear(&settled);
    c.settling.fold = NULL, c.settling.folds = 0, c.settling.shrink = NULL; /* nothing to choose it by */
    cr_assert_eq(ssg_settle(&settled, &c.settling), SSGCAM_OK);
    cr_assert(settled.shrink == 0 && !settled.unseen[SSG_UNSEEN_RECIPE]);
    ssg_settled_clear(&settled);
}

Test(search_core, averages_and_pruning_keep_the_sum)
{
    ssg_problem problem = {make_bank(1), LAYERS, CHOICES, NULL, 0, SSGCAM_FITNESS_MEAN_IOU, 0, 0, 1};
    ssg_candidate mean, four[4] = {{.row = {0}, .weight = {127}},
                                   {.row = {5, 0}, .weight = {27, 100}},
                                   {.row = {5, 9}, .weight = {90, 37}},
                                   {.row = {9, 14}, .weight = {10, 117}}};
    double before, after;
    unsigned sum = 0;
    ssg_candidate_average(&mean, four, NULL, 4);
    static const uint32_t rows[] = {0, 5, 9, 14};
    static const uint8_t weights[] = {57, 29, 12, 29}; /* quarters of 227, 117, 47, 117: the largest remainders first */
    for (size_t t = 0; t < 4; t++) {
        cr_assert_eq(mean.row[t], rows[t]);
        cr_assert_eq(mean.weight[t], weights[t], "row %u: %d", mean.row[t], mean.weight[t]);
        sum += mean.weight[t];
    }
    cr_assert_eq(sum, 127);
    ssg_candidate_average(&mean, four, (double[]){0.25, 0.75, 0, 0}, 4);
    cr_assert(mean.row[0] == 0 && mean.weight[0] == 107 && mean.row[1] == 5 && mean.weight[1] == 20 && !mean.weight[2]);
    cr_assert_eq(ssg_problem_score(&problem, &mean, 1, 1, &before), SSGCAM_OK);
    cr_assert_eq(ssg_problem_prune(&problem, &mean, &after), SSGCAM_OK);
    cr_assert_geq(after, before);
    for (size_t t = sum = 0; t < SSG_SCORE_LAYERS; t++) sum += mean.weight[t];
    cr_assert_eq(sum, 127);
    problem.sparsity = 0.5; /* no layer is worth that */
    cr_assert_eq(ssg_problem_prune(&problem, &mean, &after), SSGCAM_OK);
    cr_assert_eq(ssg_candidate_layers(&mean), 1);
}
