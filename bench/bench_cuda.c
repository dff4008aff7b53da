/* bench_cuda.c - the kernels of kernels/cuda one by one, in the shapes of a VGG16's layers. On a GPU: time, and the share of the bandwidth of a plain
 * copy measured beside it. On the simulated device (smaller): what they moved, for docs/gpu.md. */
#include <cuda_runtime_api.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench_cuda.h"
#include "kernels/cuda/cuda.h"
#ifdef BENCH_SIMULATED
#include "tests/cudasim/sim.h"
#endif

static void *fill(const body *b, size_t bytes, int value)
{
    void *host = malloc(bytes), *device;
    for (size_t i = 0; i < bytes; i++) ((uint8_t *)host)[i] = value < 0 ? (uint8_t)(i * 37 % 61) : (uint8_t)value;
    device = b->make(b, host, bytes);
    free(host);
    return device;
}

/* ---- what is measured ------------------------------------------------------------------------------------------------------------------------- */

static void smooth(memory *m)
{
    ssg_map_spec spec = {.kind = SSG_MAP_SSGCAM, .sigma = 2};
    m->b.ops->maps(&m->b.run, &spec, 1, &m->a, &m->g, NULL, &m->maps, m->scratch);
}
/* Several specs of one layer at once. */
static void smooth_all(memory *m, const ssg_map_spec *specs, size_t count)
{
    float *maps[SSG_MAPS_TOGETHER];
    for (size_t i = 0; i < count; i++) maps[i] = m->maps + i * ROWS * SIZE * SIZE;
    m->b.ops->maps(&m->b.run, specs, count, &m->a, &m->g, NULL, maps, m->scratch);
}
static void smooth_both(memory *m)
{
    static const ssg_map_spec specs[] = {{.kind = SSG_MAP_SSGCAM, .sigma = 2}, {.kind = SSG_MAP_SSGCAM, .sigma = 2, .coherence = 1}};
    smooth_all(m, specs, 2);
}
static void smooth_two(memory *m)
{
    static const ssg_map_spec specs[] = {{.kind = SSG_MAP_SSGCAM, .sigma = 1}, {.kind = SSG_MAP_SSGCAM, .sigma = 2}};
    smooth_all(m, specs, 2);
}
static void layercam(memory *m)
{
    ssg_map_spec spec = {.kind = SSG_MAP_LAYERCAM};
    m->b.ops->maps(&m->b.run, &spec, 1, &m->a, &m->g, NULL, &m->maps, m->scratch);
}
static void in_type(void (*run)(memory *), const memory *m, ssg_element type)
{
    memory narrow = *m;
    narrow.a.type = narrow.g.type = type;
    run(&narrow);
}
static void smooth_bf16(memory *m)
{
    in_type(smooth, m, SSG_ELEMENT_BF16);
}
static void smooth_fp16(memory *m)
{
    in_type(smooth, m, SSG_ELEMENT_F16);
}
static void layercam_bf16(memory *m)
{
    in_type(layercam, m, SSG_ELEMENT_BF16);
}
static void channels_last(void (*run)(memory *), const memory *m)
{
    memory last = *m;
    last.a.block = last.g.block = CHANNELS;
    run(&last);
}
static void smooth_last(memory *m)
{
    channels_last(smooth, m);
}
static void layercam_last(memory *m)
{
    channels_last(layercam, m);
}
static void channelwise(memory *m)
{
    ssg_map_spec spec = {.kind = SSG_MAP_SSGCAM, .sigma = 2, .channelwise = 1};
    m->b.ops->maps(&m->b.run, &spec, 1, &m->a, &m->g, NULL, &m->maps, m->scratch);
}
static void gradcampp(memory *m)
{
    ssg_map_spec spec = {.kind = SSG_MAP_GRADCAMPP};
    m->b.ops->maps(&m->b.run, &spec, 1, &m->a, &m->g, NULL, &m->maps, m->scratch);
}
static void gradcam(memory *m)
{
    ssg_map_spec spec = {.kind = SSG_MAP_GRADCAM};
    m->b.ops->maps(&m->b.run, &spec, 1, &m->a, &m->g, NULL, &m->maps, m->scratch);
}
static void normalise(memory *m)
{
    m->b.ops->normalise(&m->b.run, m->maps, ROWS, SIZE * SIZE, 0, m->flags);
}
/* The maps, each to its own part of a grid array. */
static const ssg_place *rows_of(memory *m, ssg_place places[ROWS], void *to, size_t element)
{
    for (size_t r = 0; r < ROWS; r++) places[r] = (ssg_place){m->maps + r * SIZE * SIZE, (char *)to + r * GRID * GRID * element};
    return places;
}
static void resize(memory *m)
{
    ssg_place places[ROWS];
    m->b.ops->resize(&m->b.run, rows_of(m, places, m->big, sizeof *m->big), ROWS, GRID, GRID, SIZE, SIZE);
}
static void quantise(memory *m)
{
    ssg_place places[ROWS];
    m->b.ops->quantise(&m->b.run, rows_of(m, places, m->levels, sizeof *m->levels), ROWS, GRID, GRID, SIZE, SIZE, (const float[]){0.25f}, 1);
}
static void mix(memory *m)
{
    ssg_place places[ROWS];
    m->b.ops->mix(&m->b.run, rows_of(m, places, m->fused, sizeof *m->fused), ROWS, GRID, GRID, SIZE, SIZE, 0.25f, 3);
}
static void resize_fused(memory *m)
{
    m->b.ops->resize_fused(&m->b.run, m->large, 2 * GRID, 2 * GRID, m->fused, GRID, GRID);
}
static void label(memory *m)
{
    const int16_t *fused[] = {m->large};
    m->b.ops->label(&m->b.run, m->labels, fused, (const int[]){0}, 1, 4 * GRID * GRID, 100);
}
static void confusion(memory *m)
{
    m->b.ops->confusion(&m->b.run, m->counts, m->truth, m->labels, 4 * GRID * GRID, 2);
}
static void score_tops(memory *m)
{
    ssg_cuda_score_tops(&m->b.run, &m->score);
}
static void score_tops_several(memory *m)
{
    ssg_cuda_score_tops(&m->b.run, &m->several);
}
static void claims(const memory *m, ssg_cuda_score score, uint32_t *levels)
{
    score.levels = levels;
    ssg_cuda_score_claims(&m->b.run, &score);
}
static void score_counts(memory *m)
{
    claims(m, m->score, NULL);
}
static void score_levels(memory *m)
{
    claims(m, m->score, m->score.levels);
}
static void score_levels_several(memory *m)
{
    claims(m, m->several, m->several.levels);
}
static void score_best(memory *m)
{
    ssg_cuda_score_values(&m->b.run, &m->thresholds);
    ssg_cuda_score_best(&m->b.run, m->solved, m->thresholds.values, POPULATION);
}

/* Maps of a layer. */
enum { GOAL = 80 }; /* of the copy's bandwidth, in percent */
static const bench_case layer_cases[] = {
    {"ssgcam, sigma 2", {"ssg_smooth_kernel<float, float4, false", "ssg_finish"}, smooth, ROWS *(8.0 * CHANNELS + 4) * SIZE *SIZE},
    {"ssgcam, sigma 2, both combinations",
     {"ssg_smooth_kernel<float, float4, false", "ssg_finish"},
     smooth_both,
     ROWS *(8.0 * CHANNELS + 8) * SIZE *SIZE},
    {"ssgcam, sigma 1 and 2", {"ssg_smooth_kernel<float, float4, false", "ssg_finish"}, smooth_two, ROWS *(8.0 * CHANNELS + 8) * SIZE *SIZE},
    {"ssgcam, channel weights",
     {"ssg_smooth_kernel<float, float4, false", "ssg_sum_kernel<0", "ssg_finish"},
     channelwise,
     ROWS *(8.0 * CHANNELS + 4) * SIZE *SIZE},
    {"ssgcam, NHWC", {"ssg_smooth_kernel<float, float, false", "ssg_finish"}, smooth_last, ROWS *(8.0 * CHANNELS + 4) * SIZE *SIZE},
    {"layercam", {"ssg_sum_kernel<1", "ssg_finish"}, layercam, ROWS *(8.0 * CHANNELS + 4) * SIZE *SIZE},
    {"layercam, NHWC", {"ssg_sum_kernel<1", "ssg_finish"}, layercam_last, ROWS *(8.0 * CHANNELS + 4) * SIZE *SIZE},
    {"ssgcam, fp16", {"ssg_smooth_kernel<ssg_f16, float4", "ssg_finish"}, smooth_fp16, ROWS *(4.0 * CHANNELS + 4) * SIZE *SIZE},
    {"ssgcam, bf16", {"ssg_smooth_kernel<ssg_bf16, float4", "ssg_finish"}, smooth_bf16, ROWS *(4.0 * CHANNELS + 4) * SIZE *SIZE},
    {"layercam, bf16", {"ssg_sum_kernel<1, ssg_bf16", "ssg_finish"}, layercam_bf16, ROWS *(4.0 * CHANNELS + 4) * SIZE *SIZE},
    {"gradcam++", {"ssg_weights_kernel<2", "ssg_sum_kernel<0", "ssg_finish"}, gradcampp, ROWS *(8.0 * CHANNELS + 4) * SIZE *SIZE},
    {"gradcam", {"ssg_weights_kernel<1", "ssg_sum_kernel<0", "ssg_finish"}, gradcam, ROWS *(8.0 * CHANNELS + 4) * SIZE *SIZE},
};
/* What is made of maps. */
static const bench_case map_cases[] = {
    {"normalise", {"ssg_normalise"}, normalise, 8.0 * ROWS *SIZE *SIZE},
    {"resize", {"ssg_resize_kernel"}, resize, ROWS * 4.0 * (SIZE * SIZE + GRID * GRID)},
    {"quantise", {"ssg_quantise"}, quantise, ROWS *(4.0 * SIZE * SIZE + GRID * GRID)},
    {"mix", {"ssg_mix"}, mix, ROWS * 4.0 * (SIZE * SIZE + GRID * GRID)},
    {"resize_fused", {"ssg_resize_fused"}, resize_fused, 10.0 * GRID *GRID},
    {"label", {"ssg_tops", "ssg_label", "ssg_clear"}, label, 4 * 3.0 * GRID *GRID},
    {"confusion", {"ssg_confusion"}, confusion, 4 * 2.0 * GRID *GRID},
    {"score, maxima", {"ssg_score_tops"}, score_tops, (1.0 + BANK_ROWS) * BANK_PIXELS},
    {"score, maxima, 3 classes", {"ssg_score_tops"}, score_tops_several, (1.0 + CLASSES * BANK_ROWS) * BANK_PIXELS},
    {"score, counts", {"ssg_score_count"}, score_counts, (1.0 + BANK_ROWS) * BANK_PIXELS},
    {"score, levels", {"ssg_score_levels"}, score_levels, (1.0 + BANK_ROWS) * BANK_PIXELS},
    {"score, levels, 3 classes", {"ssg_score_levels"}, score_levels_several, (1.0 + CLASSES * BANK_ROWS) * BANK_PIXELS},
    /* three histograms; values read, written, and read by the second launch */
    {"score, best thresholds", {"ssg_score_values", "ssg_score_best"}, score_best, (3 * 4.0 + 3 * 8) * 256 * POPULATION},
};
enum { LAYER_CASES = sizeof layer_cases / sizeof *layer_cases, MAP_CASES = sizeof map_cases / sizeof *map_cases };

static size_t case_count(void)
{
    return LAYER_CASES + MAP_CASES + net_case_count;
}

static const bench_case *case_at(size_t c)
{
    if (c < LAYER_CASES) return &layer_cases[c];
    c -= LAYER_CASES;
    return c < MAP_CASES ? &map_cases[c] : &net_cases[c - MAP_CASES];
}

/* ---- set-up ---------------------------------------------------------------------------------------------------------------------------------------
 */

/* A bank's rows as maps are: each a few hills, neighbours (eight by eight pixels follow each other) nearly alike. */
static const uint8_t *make_maps(const body *b, size_t rows)
{
    uint8_t *maps = malloc(rows * BANK_PIXELS);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < BANK_PIXELS; i++) {
            size_t slope = 4 * (i / 64) * (1 + r % 5) + 40 * r + i % 64 / 8 + i % 8;
            maps[r * BANK_PIXELS + i] = (uint8_t)(slope & 256 ? 255 - slope % 256 : slope % 256);
        }
    const void *made = b->make(b, maps, rows * BANK_PIXELS);
    free(maps);
    return made;
}

/* Background and, in turn, the classes, a few of the tiles parted between two. */
static const uint8_t *make_truth(const body *b)
{
    uint8_t *truth = malloc(BANK_PIXELS);
    for (size_t i = 0; i < BANK_PIXELS; i++) truth[i] = (uint8_t)(i / 1600 % (CLASSES + 1));
    const void *made = b->make(b, truth, BANK_PIXELS);
    free(truth);
    return made;
}

/* One image of so many classes, as large as the bank; levels take the place of counts where there is memory for them. */
static ssg_cuda_score make_score(const body *b, uint32_t classes, const ssg_cuda_mixture *mixtures)
{
    ssg_cuda_score s = {.mixtures = mixtures, .count = POPULATION, .rows = BANK_ROWS, .most_classes = classes};
    s.tiling = ssg_cuda_score_tiling(&b->run, BANK_ROWS, classes);
    s.tile_count = BANK_PIXELS / s.tiling.pixels;
    ssg_cuda_tile *tiles = calloc(s.tile_count, sizeof *tiles);
    for (uint32_t t = 0; t < s.tile_count; t++) tiles[t].at = t * s.tiling.pixels;
    ssg_cuda_score_image image = {.maps = make_maps(b, (size_t)classes * BANK_ROWS), .truth = make_truth(b), .class_count = classes};
    image.stride = BANK_PIXELS;
    for (uint32_t k = 0; k < classes; k++) image.label[k] = (uint8_t)(k + 1);
    s.images = b->make(b, &image, sizeof image);
    s.tiles = b->make(b, tiles, s.tile_count * sizeof *tiles);
    s.tops = fill(b, classes * POPULATION * sizeof(uint32_t), 0);
    s.counts = fill(b, 2 * (1 + classes) * POPULATION * sizeof(uint32_t), 0);
    s.levels = fill(b, (1 + 2 * classes) * SSG_SCORE_LEVELS * POPULATION * sizeof(uint32_t), 0);
    free(tiles);
    return s;
}

static void make_search(memory *m)
{
    static ssg_cuda_mixture packed[POPULATION];
    for (unsigned p = 0; p < POPULATION; p++) {
        ssg_score_mixture mixture = {.terms = 8, .tau = 90};
        for (unsigned t = 0; t < 8; t++) mixture.weight[t] = 15, mixture.row[t] = (p * 7 + t * 3) % BANK_ROWS;
        ssg_cuda_mixture_pack(&packed[p], &mixture);
    }
    const ssg_cuda_mixture *mixtures = m->b.make(&m->b, packed, sizeof packed);
    m->score = make_score(&m->b, 1, mixtures);
    m->several = make_score(&m->b, CLASSES, mixtures);
    m->thresholds = (ssg_cuda_thresholds){.parts = 1, .count = POPULATION, .labels = 2, .whole = 1, .measure = SSG_MEASURE_MEAN_IOU};
    m->thresholds.levels = fill(&m->b, 3 * 256 * POPULATION * sizeof(uint32_t), 0);
    m->thresholds.truth = fill(&m->b, 3 * sizeof(uint32_t), 1);
    m->thresholds.values = fill(&m->b, 256 * POPULATION * sizeof(double), 0);
    m->solved = fill(&m->b, POPULATION * sizeof *m->solved, 0);
}

static memory make_memory(void)
{
    memory m = {.b = body_cuda(0)};
    if (!m.b.name) {
        fprintf(stderr, "bench_cuda: there is no GPU\n");
        exit(4);
    }
    size_t features = (size_t)ROWS * CHANNELS * SIZE * SIZE, grid = (size_t)ROWS * GRID * GRID;
    m.a = (ssg_features){
        .data = fill(&m.b, features * sizeof(float), 0), .rows = ROWS, .channels = CHANNELS, .height = SIZE, .width = SIZE, .block = 1};
    m.g = m.a;
    m.g.data = fill(&m.b, features * sizeof(float), -1);
    m.third = fill(&m.b, features * sizeof(float), 0);
    m.positions = fill(&m.b, features / 4 * sizeof(int32_t), 0);
    m.maps = fill(&m.b, 2 * (size_t)ROWS * SIZE * SIZE * sizeof(float), 0);
    m.big = fill(&m.b, grid * sizeof(float), 0);
    m.scratch = m.b.make(&m.b, NULL, m.b.ops->maps_scratch(&m.b.run, &m.a, &m.g, 2));
    m.flags = fill(&m.b, ROWS, 0);
    m.levels = fill(&m.b, grid, 1);
    m.fused = fill(&m.b, grid * sizeof(int16_t), 0);
    m.large = fill(&m.b, 4 * GRID * GRID * sizeof(int16_t), 0);
    m.labels = fill(&m.b, 4 * GRID * GRID, 0);
    m.truth = fill(&m.b, 4 * GRID * GRID, 0);
    m.counts = fill(&m.b, 9 * sizeof(uint64_t), 0);
    make_search(&m);
    return m;
}

/* ---- looking ---------------------------------------------------------------------------------------------------------------------------- */

#ifdef BENCH_SIMULATED
/* One line a case: name|kernels|least bytes|distinct sectors|sectors|ideal|waves|ideal waves|sectors of atomics|pixels times candidates of a search.
 */
int main(void)
{
    memory m = make_memory();
    cudaStreamSynchronize(((ssg_cuda_stream *)m.b.run.stream)->handle);
    for (size_t c = 0; c < case_count(); c++) {
        const bench_case *it = case_at(c);
        cudasim_traffic sum = {0};
        cudasim_traffic_clear();
        it->run(&m);
        cudaStreamSynchronize(((ssg_cuda_stream *)m.b.run.stream)->handle);
        for (size_t i = 0; i < cudasim_traffic_count(); i++) {
            cudasim_traffic t = cudasim_traffic_at(i);
            int wanted = 0;
            for (int k = 0; k < 3; k++) wanted |= it->kernels[k] && strstr(t.kernel, it->kernels[k]);
            if (!wanted) continue;
            sum.distinct += t.distinct, sum.sectors += t.sectors, sum.ideal += t.ideal, sum.waves += t.waves, sum.ideal_waves += t.ideal_waves;
            sum.atomics += t.atomics;
        }
        printf("%s|%s|%.0f|%llu|%llu|%llu|%llu|%llu|%llu|%d\n", it->name, it->kernels[0], it->least, (unsigned long long)sum.distinct,
               (unsigned long long)sum.sectors, (unsigned long long)sum.ideal, (unsigned long long)sum.waves, (unsigned long long)sum.ideal_waves,
               (unsigned long long)sum.atomics, BANK_PIXELS * POPULATION);
    }
    return 0;
}
#else
enum { REPEATS = 30 };

/* A failed launch is followed by launches that do nothing, in no time. */
static void must(const memory *m, const char *name, cudaError_t error)
{
    const ssg_cuda_stream *stream = m->b.run.stream;
    if (error == cudaSuccess) error = (cudaError_t)stream->failed;
    if (error == cudaSuccess) return;
    fprintf(stderr, "bench_cuda: %s: %s%s%s\n", name, cudaGetErrorString(error), stream->failed ? " at kernel " : "",
            stream->failed ? stream->failed_kernel : "");
    exit(4);
}

/* Milliseconds of one run: the fastest of several. */
static double time_of(memory *m, const char *name, void (*run)(memory *))
{
    cudaStream_t stream = ((ssg_cuda_stream *)m->b.run.stream)->handle;
    cudaEvent_t from, to;
    float best = HUGE_VALF;
    must(m, name, cudaEventCreate(&from));
    must(m, name, cudaEventCreate(&to));
    for (int i = 0; i < REPEATS; i++) {
        float ms = 0;
        must(m, name, cudaEventRecord(from, stream));
        run(m);
        must(m, name, cudaEventRecord(to, stream));
        must(m, name, cudaEventSynchronize(to));
        must(m, name, cudaEventElapsedTime(&ms, from, to));
        if (i > 2 && ms < best) best = ms;
    }
    must(m, name, cudaEventDestroy(from));
    must(m, name, cudaEventDestroy(to));
    return best;
}

static void copy(memory *m)
{
    size_t bytes = (size_t)ROWS * CHANNELS * SIZE * SIZE * sizeof(float);
    must(m, "copy", cudaMemcpyAsync((void *)m->a.data, m->g.data, bytes, cudaMemcpyDeviceToDevice, ((ssg_cuda_stream *)m->b.run.stream)->handle));
}

int main(void)
{
    memory m = make_memory();
    double bytes = 2.0 * ROWS * CHANNELS * SIZE * SIZE * sizeof(float), bandwidth = bytes / time_of(&m, "copy", copy) / 1e9;
    printf("%-34s %8s     %6.3f TB/s\n", "copy", "", bandwidth);
    for (size_t c = 0; c < case_count(); c++) {
        const bench_case *it = case_at(c);
        double ms = time_of(&m, it->name, it->run), rate = it->least / ms / 1e9;
        printf("%-34s %8.4f ms  %6.3f TB/s  %4.0f %% of copy", it->name, ms, rate, 100 * rate / bandwidth);
        if (c < LAYER_CASES) printf(", goal %d", GOAL);
        putchar('\n');
    }
    return 0;
}
#endif
