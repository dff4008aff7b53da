#include <math.h>
#include <ssgcam/recipe.h>
#include <stdio.h>
#include <string.h>

#include "host/base/alloc.h"
#include "host/base/files.h"
#include "host/report/chart.h"
#include "host/report/read.h"
#include "host/report/report.h"

/* The two figures that a search of this fitness is about. */
typedef struct figures {
    const char *first, *second; /* fields of a score */
    const char *first_name, *second_name;
} figures;

static const figures pooled = {"object_miou", "object_iou", "mIoU of background and object", "object IoU"};
static const figures by_class = {"mean_iou", "foreground_iou", "mIoU", "IoU of the classes"};
static const figures by_image = {"image_iou", "mean_iou", "mean of the images' mIoU", "mIoU"};

static const figures *figures_of(const char *fitness)
{
    return strcmp(fitness, "object") == 0 ? &pooled : strcmp(fitness, "image") == 0 ? &by_image : &by_class;
}

/* A generation of a run. */
typedef struct generation {
    int run;
    double evaluations, best, median;
} generation;

typedef struct search_log {
    json_t *entries;
    generation *generations;
    size_t count;
} search_log;

typedef struct section {
    ssg_html *html;
    const char *path;
    const figures *figures;
    const json_t *search; /* the recipe's provenance */
    search_log log;
} section;

/* ---- reading ----------------------------------------------------------------------------------------------------------------------------- */

static ssgcam_status take_line(void *context, json_t *line, const char *where)
{
    search_log *log = context;
    json_error_t error;
    if (json_object_get(line, "entry")) {
        if (json_array_append(log->entries, line) != 0) return ssg_out_of_memory("reading a search's log");
    } else if (json_object_get(line, "generation")) {
        generation g;
        SSG_TRY(ssg_grow(&log->generations, log->count + 1, sizeof g));
        if (json_unpack_ex(line, &error, 0, "{s:i,s:F,s:F,s:F}", "run", &g.run, "evaluations", &g.evaluations, "best", &g.best, "median",
                           &g.median) != 0)
            return ssg_read_wrong(where, &error);
        if (!(g.evaluations >= 0 && g.evaluations < 1e12 && fabs(g.best) < 1e6 && fabs(g.median) < 1e6))
            return ssg_fail(SSGCAM_ERR_INPUT, "%s: no generation of a search; search again with --fresh", where);
        log->generations[log->count++] = g;
    } else if (!json_object_get(line, "search_seconds")) {
        return ssg_fail(SSGCAM_ERR_INPUT, "%s: not a line of a search's log; give the recipe that ssgcam search wrote, with its log beside it",
                        where);
    }
    return SSGCAM_OK;
}

/* Runs that went side by side stand in the log in turns. */
static int by_run(const void *a, const void *b)
{
    const generation *x = a, *y = b;
    if (x->run != y->run) return x->run < y->run ? -1 : 1;
    return x->evaluations < y->evaluations ? -1 : x->evaluations > y->evaluations;
}

/* The log stands beside the recipe; a recipe that has travelled alone is fine. */
static ssgcam_status read_log(section *s)
{
    char *path = ssg_path_beside(s->path, ".log.jsonl");
    s->log.entries = json_array();
    if (!path || !s->log.entries) return ssg_free(path), ssg_out_of_memory("reading a search's log");
    ssgcam_status status = ssg_read_lines(path, take_line, &s->log);
    ssg_free(path);
    if (status == SSGCAM_OK && s->log.count) qsort(s->log.generations, s->log.count, sizeof *s->log.generations, by_run);
    return status == SSGCAM_ERR_NOT_FOUND ? SSGCAM_OK : status;
}

static ssgcam_status read_score(const section *s, const json_t *score, double value[2])
{
    json_error_t error;
    if (json_unpack_ex((json_t *)score, &error, 0, "{s:F,s:F}", s->figures->first, &value[0], s->figures->second, &value[1]) != 0)
        return ssg_read_wrong(s->path, &error);
    return fabs(value[0]) <= 1 && fabs(value[1]) <= 1 ? SSGCAM_OK : ssg_fail(SSGCAM_ERR_INPUT, "%s: a score is not from 0 to 1", s->path);
}

static ssgcam_status read_three(const section *s, const json_t *list, double value[3])
{
    json_error_t error;
    if (json_unpack_ex((json_t *)list, &error, 0, "[F,F,F]", &value[0], &value[1], &value[2]) != 0) return ssg_read_wrong(s->path, &error);
    return fabs(value[0]) <= 1 && fabs(value[1]) <= 1 && fabs(value[2]) <= 1 ? SSGCAM_OK
                                                                             : ssg_fail(SSGCAM_ERR_INPUT, "%s: a gain is not from -1 to 1", s->path);
}

/* ---- what it came to ----------------------------------------------------------------------------------------------------------------------- */

typedef struct image_set {
    const char *field, *name;
} image_set;

static const image_set sets[] = {{"heldout", "held out"}, {"crossvalidated", "cross-validated"}, {"searched", "searched"}};
enum { SETS = sizeof sets / sizeof *sets };

static ssgcam_status put_tiles(const section *s)
{
    double value[2], gain[3];
    ssg_report_tiles_begin(s->html);
    for (int i = 0; i < SETS; i++) {
        const json_t *set = json_object_get(s->search, sets[i].field);
        if (!set) continue;
        SSG_TRY(read_score(s, set, value));
        char name[96];
        snprintf(name, sizeof name, "%s, %s", s->figures->first_name, sets[i].name);
        ssg_report_tile(s->html, name, 100 * value[0], 2, "%", NULL);
        const json_t *over_layer = json_object_get(json_object_get(set, "gain"), "layer");
        if (i > 0 || !over_layer) continue;
        char range[64];
        SSG_TRY(read_three(s, over_layer, gain));
        snprintf(range, sizeof range, "95 %%: %+.2f to %+.2f", 100 * gain[1], 100 * gain[2]);
        ssg_report_tile_gain(s->html, "over the best single layer, held out", 100 * gain[0], range);
    }
    ssg_report_tiles_end(s->html);
    return SSGCAM_OK;
}

static void put_convergence(const section *s)
{
    const search_log *log = &s->log;
    double *x = ssg_calloc(3 * log->count + 1, sizeof *x), *best = x ? x + log->count : NULL, *median = x ? best + log->count : NULL;
    ssg_series *series = ssg_calloc(2 * log->count + 1, sizeof *series);
    size_t runs = 0;
    for (size_t i = 0; x && series && i < log->count; i++) {
        const generation *g = &log->generations[i];
        x[i] = g->evaluations, best[i] = 100 * g->best, median[i] = 100 * g->median;
        if (i == 0 || g->run != log->generations[i - 1].run) {
            series[2 * runs] = (ssg_series){runs ? NULL : "best candidate", 0, x + i, best + i, 0};
            series[2 * runs + 1] = (ssg_series){runs ? NULL : "median of the population", 1, x + i, median + i, 0};
            runs++;
        }
        series[2 * runs - 2].count++, series[2 * runs - 1].count++;
    }
    char note[200];
    snprintf(note, sizeof note, "%zu run%s. %s", runs, runs == 1 ? "" : "s",
             runs == 1 ? "" : "With folds each run sees other images, so that their heights do not compare.");
    ssg_chart chart = {.title = "Convergence",
                       .x_name = "candidates scored",
                       .y_name = "fitness on searched images, %",
                       .note = note,
                       .series = series,
                       .count = 2 * runs};
    if (!x || !series)
        s->html->status = SSG_OUT_OF_MEMORY;
    else if (log->count)
        ssg_chart_put(s->html, &chart);
    else
        ssg_html_put(s->html, "<p class=\"hint\">There is no log beside this recipe, so that convergence and comparison are not known.</p>\n");
    ssg_free(x);
    ssg_free(series);
}

/* ---- the recipe ----------------------------------------------------------------------------------------------------------------------------- */

static void put_settings(ssg_html *h, const ssgcam_method_options *m)
{
    if (m->method == SSGCAM_METHOD_SSGCAM) {
        ssg_html_put(h, "sigma %g, %s", m->sigma, ssgcam_combine_name(m->combine));
        if (m->weighting != SSGCAM_WEIGHTING_ELEMENT) ssg_html_put(h, ", %s weights", ssgcam_weighting_name(m->weighting));
        if (m->second_order != SSGCAM_SECOND_ORDER_SQUARE)
            ssg_html_put(h, ", %s second order of %s, %d probes", ssgcam_second_order_name(m->second_order), ssgcam_target_name(m->target),
                         m->probes);
    } else if (m->method == SSGCAM_METHOD_SMOOTHGRADCAMPP) {
        ssg_html_put(h, "%d samples, noise %g", m->samples, m->noise);
    }
}

static void put_rows(const section *s, const ssgcam_recipe *recipe)
{
    ssg_html *h = s->html;
    double most = 1;
    for (size_t i = 0; i < recipe->layer_count; i++) most = fmax(most, recipe->layers[i].weight);
    ssg_report_table_begin(h, "The mixture");
    ssg_html_put(h,
                 "<thead><tr><th scope=\"col\">layer</th><th scope=\"col\">method</th><th scope=\"col\">settings</th>"
                 "<th scope=\"col\" class=\"n\">power</th><th scope=\"col\" class=\"n\">weight of %d</th><th scope=\"col\" class=\"n\">share %%</th>"
                 "<td></td></tr></thead><tbody>\n",
                 (int)SSGCAM_WEIGHT_SUM);
    for (size_t i = 0; i < recipe->layer_count; i++) {
        const ssgcam_recipe_layer *layer = &recipe->layers[i];
        ssg_html_put(h, "<tr><th scope=\"row\" class=\"long\">%s</th><td>%s</td><td>", layer->name, ssgcam_method_name(layer->method.method));
        put_settings(h, &layer->method);
        ssg_html_put(h, "</td><td class=\"n\">%g</td><td class=\"n\">%d</td><td class=\"n\">%.1f</td>", layer->power, layer->weight,
                     100.0 * layer->weight / SSGCAM_WEIGHT_SUM);
        ssg_strip_put(h, 0, most, 0, layer->weight, NULL, 0);
        ssg_html_put(h, "</tr>\n");
    }
    ssg_html_put(h, "</tbody>");
    ssg_report_table_end(h);
    ssg_html_put(h, "<p class=\"note\">Threshold %d of 255: a class claims a pixel where its map is above %.1f %% of its largest value.</p>\n",
                 recipe->threshold, recipe->threshold / 2.55);
}

/* ---- the comparison ------------------------------------------------------------------------------------------------------------------------ */

typedef struct entry {
    const char *name, *rows;
    int layers, threshold;
    double searched[2], heldout[2];
} entry;

static ssgcam_status read_entries(const section *s, entry **out, size_t *count, int heldout)
{
    json_error_t error;
    *count = json_array_size(s->log.entries);
    entry *entries = *out = ssg_calloc(*count + 1, sizeof *entries);
    if (!entries) return SSG_OUT_OF_MEMORY;
    for (size_t i = 0; i < *count; i++) {
        const json_t *searched, *held = NULL;
        entry *e = &entries[i];
        if (json_unpack_ex(json_array_get(s->log.entries, i), &error, 0, "{s:s,s:s,s:i,s:i,s:o,s?o}", "entry", &e->name, "rows", &e->rows, "layers",
                           &e->layers, "threshold", &e->threshold, "searched", &searched, "heldout", &held) != 0)
            return ssg_fail(SSGCAM_ERR_INPUT, "the log beside %s: a line of the comparison: %s; search again with --fresh", s->path, error.text);
        SSG_TRY(read_score(s, searched, e->searched));
        if (heldout) SSG_TRY(read_score(s, held, e->heldout));
    }
    return SSGCAM_OK;
}

static void put_entry(ssg_html *h, const entry *e, int heldout, double low, double high)
{
    ssg_html_put(h, "<tr><th scope=\"row\">%s<span class=\"rows\">%s</span></th><td class=\"n\">%d</td>", e->name, e->rows, e->threshold);
    ssg_html_put(h, "<td class=\"n\">%.2f</td><td class=\"n\">%.2f</td>", 100 * e->searched[0], 100 * e->searched[1]);
    if (heldout) ssg_html_put(h, "<td class=\"n\">%.2f</td><td class=\"n\">%.2f</td>", 100 * e->heldout[0], 100 * e->heldout[1]);
    double dots[2] = {100 * e->searched[0], 100 * e->heldout[0]};
    ssg_strip_put(h, low, high, fmin(dots[0], dots[heldout]), fmax(dots[0], dots[heldout]), dots, heldout ? 2 : 1);
    ssg_html_put(h, "</tr>\n");
}

static void put_comparison(const section *s, const entry *entries, size_t count, int heldout)
{
    ssg_html *h = s->html;
    double low = 100, high = 0;
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k <= heldout; k++) {
            double value = 100 * (k ? entries[i].heldout[0] : entries[i].searched[0]);
            low = fmin(low, value), high = fmax(high, value);
        }
    ssg_report_table_begin(h, "The recipe and what it is compared with, in percent");
    ssg_html_put(h, "<thead><tr><th scope=\"col\" rowspan=\"2\">what is mixed</th><th scope=\"col\" rowspan=\"2\" class=\"n\">threshold</th>"
                    "<th scope=\"colgroup\" colspan=\"2\">searched</th>");
    if (heldout) ssg_html_put(h, "<th scope=\"colgroup\" colspan=\"2\">held out</th>");
    ssg_html_put(h, "<td rowspan=\"2\" class=\"scale\">%.0f to %.0f %%</td></tr><tr>", low, high);
    for (int k = 0; k <= heldout; k++)
        ssg_html_put(h, "<th scope=\"col\" class=\"n\">%s</th><th scope=\"col\" class=\"n\">%s</th>", s->figures->first_name,
                     s->figures->second_name);
    ssg_html_put(h, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < count; i++) put_entry(h, &entries[i], heldout, low, high);
    ssg_html_put(h, "</tbody>");
    ssg_report_table_end(h);
    ssg_html_put(h, "<p class=\"note\">%s Each at the threshold that is best on the searched images.</p>\n",
                 heldout ? "Ring: searched images; dot: held-out ones, which the search never saw."
                         : "No image was held out: searched figures flatter.");
}

typedef struct gain_row {
    const char *over, *where;
    double value[3];
} gain_row;

static ssgcam_status put_gains(const section *s)
{
    static const char *const rivals[][2] = {
        {"layer", "the best single layer"}, {"naive", "all layers equally"}, {"random", "as many random mixtures as the search looked at"}};
    enum { RIVALS = sizeof rivals / sizeof *rivals };
    gain_row rows[RIVALS * SETS];
    size_t count = 0;
    int grouped = 0;
    double low = 0, high = 0;
    for (int r = 0; r < RIVALS; r++)
        for (int i = 0; i < SETS; i++) {
            const json_t *set = json_object_get(s->search, sets[i].field), *gain = json_object_get(json_object_get(set, "gain"), rivals[r][0]);
            if (!gain) continue;
            grouped |= json_object_get(set, "groups") != NULL;
            gain_row *row = &rows[count++];
            *row = (gain_row){.over = rivals[r][1], .where = sets[i].name};
            SSG_TRY(read_three(s, gain, row->value));
            for (int k = 0; k < 3; k++) row->value[k] *= 100, low = fmin(low, row->value[k]), high = fmax(high, row->value[k]);
        }
    if (!count) return SSGCAM_OK;
    ssg_html *h = s->html;
    ssg_report_table_begin(h, "How far the recipe lies above what is simpler, in points");
    ssg_html_put(h,
                 "<thead><tr><th scope=\"col\">over</th><th scope=\"col\">images</th><th scope=\"col\" class=\"n\">gain</th>"
                 "<th scope=\"col\" class=\"n\">95 %% from</th><th scope=\"col\" class=\"n\">to</th><td class=\"scale\">%+.1f to %+.1f</td>"
                 "</tr></thead><tbody>\n",
                 low, high);
    for (size_t i = 0; i < count; i++) {
        const double *v = rows[i].value;
        ssg_html_put(h, "<tr><th scope=\"row\">%s</th><td>%s</td><td class=\"n\">%+.2f</td><td class=\"n\">%+.2f</td><td class=\"n\">%+.2f</td>",
                     rows[i].over, rows[i].where, v[0], v[1], v[2]);
        ssg_strip_put(h, low, high, v[1], v[2], v, 1);
        ssg_html_put(h, "</tr>\n");
    }
    ssg_html_put(h, "</tbody>");
    ssg_report_table_end(h);
    ssg_html_put(h, "<p class=\"note\">%s, with 95 %% of its bootstrap samples over %s. A range that holds 0 leaves open which is better.</p>\n",
                 s->figures->first_name, grouped ? "whole groups of images" : "images");
    return SSGCAM_OK;
}

/* ---- how it was searched ---------------------------------------------------------------------------------------------------------------------- */

static void put_value(ssg_html *h, const json_t *value)
{
    size_t i;
    json_t *item;
    if (json_is_string(value)) ssg_html_put(h, "%s", json_string_value(value));
    if (json_is_number(value)) ssg_html_put(h, "%.10g", json_number_value(value));
    json_array_foreach((json_t *)value, i, item)
    {
        if (i) ssg_html_put(h, ", ");
        if (!json_is_array(item)) put_value(h, item);
    }
}

static void put_options(const section *s, const ssgcam_recipe *recipe)
{
    const char *name;
    json_t *value;
    ssg_report_table_begin(s->html, "How it was searched");
    ssg_html_put(s->html, "<tbody>\n");
    if (recipe->model_digest[0]) ssg_html_put(s->html, "<tr><th scope=\"row\">model</th><td class=\"long\">%s</td></tr>\n", recipe->model_digest);
    if (recipe->grid[0]) ssg_html_put(s->html, "<tr><th scope=\"row\">grid</th><td>%d &#215; %d</td></tr>\n", recipe->grid[0], recipe->grid[1]);
    json_object_foreach((json_t *)s->search, name, value)
    {
        if (json_is_object(value)) continue;
        ssg_html_put(s->html, "<tr><th scope=\"row\">%s</th><td class=\"long\">", name);
        put_value(s->html, value);
        ssg_html_put(s->html, "</td></tr>\n");
    }
    ssg_html_put(s->html, "</tbody>");
    ssg_report_table_end(s->html);
}

/* ---- the section ------------------------------------------------------------------------------------------------------------------------------ */

static ssgcam_status put_section(section *s, const ssgcam_recipe *recipe)
{
    entry *entries = NULL;
    size_t count = 0;
    int heldout = json_is_object(json_object_get(s->search, "heldout"));
    const char *fitness = json_string_value(json_object_get(s->search, "fitness"));
    s->figures = figures_of(fitness ? fitness : "");
    if (s->search) SSG_TRY(put_tiles(s));
    if (s->search) put_convergence(s);
    put_rows(s, recipe);
    ssgcam_status status = read_entries(s, &entries, &count, heldout);
    if (status == SSGCAM_OK && count) put_comparison(s, entries, count, heldout);
    ssg_free(entries);
    if (status == SSGCAM_OK) status = put_gains(s);
    if (status == SSGCAM_OK) put_options(s, recipe);
    return status;
}

ssgcam_status ssg_report_search(ssg_html *html, const char *path)
{
    section s = {.html = html, .path = path};
    ssgcam_recipe *recipe;
    SSG_TRY(ssgcam_recipe_load(&recipe, path));
    json_t *search = recipe->provenance ? json_loads(recipe->provenance, 0, NULL) : NULL;
    s.search = search;
    ssgcam_status status = read_log(&s);
    if (status == SSGCAM_OK) status = put_section(&s, recipe);
    json_decref(search);
    json_decref(s.log.entries);
    ssg_free(s.log.generations);
    ssgcam_recipe_destroy(&recipe);
    return status;
}
