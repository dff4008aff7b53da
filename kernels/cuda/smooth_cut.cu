#include "kernels/cuda/smooth_cut.cuh"

#include "kernels/cuda/element.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/sums.cuh"

static const size_t shared_goal = 100 << 10; /* two blocks a processor */

ssg_smooth_job ssg_smooth_begin(const ssg_features *g, const float *second)
{
    ssg_smooth_job j = {};
    j.g = g->data, j.h = second, j.scale = ssg_scale_of(g);
    j.x.length = (unsigned)g->width, j.y.length = (unsigned)g->height;
    j.rows = (unsigned)g->rows, j.channels = (unsigned)g->channels, j.block = (unsigned)g->block;
    j.groups = (unsigned)ssg_cuda_groups(g->channels);
    return j;
}

/* ---- filters ------------------------------------------------------------------------------------------------------------------------------- */

/* Taps by distance on an axis of n points, returns the reach. A reflected border repeats after 2 n points, so that a wider filter folds into n of
 * them on either side; what lies at distance n is the same point on both sides, and they share its weight. */
static unsigned fold_taps(float *folded, unsigned length, const float *taps, int radius)
{
    int n = (int)length, period = 2 * n;
    for (int t = -radius; t <= radius; t++) {
        int at = n == 1 ? 0 : (t % period + period) % period; /* beyond n: the other side */
        if (at <= n) folded[at] += at == n ? taps[t + radius] / 2 : taps[t + radius];
    }
    return n == 1 ? 0 : ssg_round_up((unsigned)(radius < n ? radius : n), 4);
}

/* Room for a reach of taps, also for the eight that a run looks at in any case. */
static unsigned taps_for(unsigned reach)
{
    return reach < SSG_RUN ? (unsigned)SSG_RUN : reach + 1;
}

int ssg_smooth_add_filter(ssg_smooth_job *j, double sigma, unsigned product, unsigned coherence)
{
    float taps[SSG_GAUSSIAN_MOST_TAPS], x[SSG_HALF_TAPS] = {}, y[SSG_HALF_TAPS] = {};
    int radius = ssg_gaussian_taps(taps, sigma);
    unsigned used = 0;
    if (j->filters == SSG_FILTERS) return 0;
    for (unsigned f = 0; f < j->filters; f++) used += taps_for(j->filter[f].x_reach) + taps_for(j->filter[f].y_reach);
    ssg_smooth_filter n = {used, 0, fold_taps(x, j->x.length, taps, radius), fold_taps(y, j->y.length, taps, radius), product, coherence};
    n.y_taps = used + taps_for(n.x_reach);
    if (n.y_taps + taps_for(n.y_reach) > 2 * SSG_HALF_TAPS) return 0;
    for (unsigned t = 0; t < taps_for(n.x_reach); t++) j->taps[n.x_taps + t] = t < SSG_HALF_TAPS ? x[t] : 0;
    for (unsigned t = 0; t < taps_for(n.y_reach); t++) j->taps[n.y_taps + t] = t < SSG_HALF_TAPS ? y[t] : 0;
    j->filter[j->filters++] = n;
    if (n.x_reach > j->x.reach) j->x.reach = n.x_reach;
    if (n.y_reach > j->y.reach) j->y.reach = n.y_reach;
    return 1;
}

/* ---- tiles --------------------------------------------------------------------------------------------------------------------------------- */

static unsigned next_pitch(unsigned least, unsigned modulus, unsigned wanted)
{
    while (least % modulus != wanted) least++;
    return least;
}

static void cut_axis(ssg_smooth_axis *axis, unsigned most)
{
    unsigned tiles = (axis->length + most - 1) / most;
    axis->tile = tiles == 1 ? axis->length : ssg_round_up((axis->length + tiles - 1) / tiles, SSG_RUN);
    axis->tiles = (axis->length + axis->tile - 1) / axis->tile;
}

/* Tiles of at most these sizes. Sixteen bytes a lane, eight lanes from line to line, meet all banks if the pitch is an odd number of these. */
static void cut_into(ssg_smooth_job *j, unsigned width, unsigned height)
{
    cut_axis(&j->x, width);
    cut_axis(&j->y, height);
    j->source_pitch = next_pitch(ssg_span(j->x), 8, 4);
    j->smooth_pitch = next_pitch(ssg_round_up(j->x.tile, SSG_RUN), 4, 2);
    j->smooth_rows = ssg_span(j->y);
    j->lines = j->smooth_rows < j->y.length ? j->smooth_rows : j->y.length;
    j->side = 1;
    j->a_pitch = j->x.tile;
    j->a_shift = j->x.tiles > 1 || j->block > 1
                     ? 0
                     : (j->x.tile - SSG_RUN * j->a_pitch) % SSG_WARP; /* a warp that goes on in the next run meets all banks once */
}

unsigned ssg_smooth_threads(const ssg_smooth_job &j)
{
    unsigned runs = j.x.tile * ((j.y.tile + SSG_RUN - 1) / SSG_RUN);
    return ssg_round_up(j.side * runs, SSG_WARP);
}

/* The maps, products of planes side by side, A, g (and h), the smoothed planes. */
static size_t floats_of(const ssg_smooth_job &j)
{
    size_t source = (size_t)j.lines * j.source_pitch, smooth = (size_t)j.smooth_rows * j.smooth_pitch;
    size_t map = SSG_RUN * ssg_round_up(ssg_smooth_threads(j) / j.side, SSG_WARP), products = j.side > 1 ? SSG_RUN * ssg_smooth_threads(j) : 0;
    return j.maps * map + products + ssg_room_of_a(j) + j.side * ((j.h ? 2 : 1) * source + 2 * smooth);
}

/* Whether it fits, with g coming a few lines at a time if need be; all at once where several filters look at them. */
static int fits(ssg_smooth_job *j, size_t bytes, unsigned least_lines)
{
    while (floats_of(*j) * sizeof(float) > bytes) {
        if (j->filters > 1 || j->lines <= least_lines) return 0;
        j->lines = (j->lines + 1) / 2;
    }
    return 1;
}

/* The largest tiles that fit. Rather than tiles that are mostly border a block takes a whole processor. Any filter fits into 48 KB; 0: several do
 * not. */
static int cut(ssg_smooth_job *j, size_t goal, size_t limit)
{
    const struct {
        size_t bytes;
        unsigned tile, lines;
    } least[] = {{goal, 32, 8}, {limit, 16, 8}, {limit, 8, 1}};
    for (auto &l : least) {
        unsigned width = ssg_round_up(j->x.length < SSG_TILE_WIDTH ? j->x.length : SSG_TILE_WIDTH, SSG_RUN);
        unsigned height = SSG_SMOOTH_THREADS / width * SSG_RUN;
        for (;;) {
            cut_into(j, width, height);
            if (fits(j, l.bytes, l.lines)) return 1;
            unsigned &larger = height > width ? height : width;
            if (larger <= l.tile) break;
            larger /= 2;
        }
    }
    return 0;
}

/* Several planes, which must follow each other in memory, where a block has room for them. */
static void lay_side_by_side(ssg_smooth_job *j, size_t goal)
{
    unsigned most = (j->channels + j->groups - 1) / j->groups;
    if (j->x.tiles > 1 || j->y.tiles > 1 || j->lines < j->y.length || j->block > 1 || j->channelwise) return;
    j->a_shift = 0; /* runs of a plane need not be whole */
    do j->side++;
    while (j->side <= most && ssg_smooth_threads(*j) <= SSG_SMOOTH_THREADS && floats_of(*j) * sizeof(float) <= goal);
    if (--j->side == 1) cut_into(j, j->x.tile, j->y.tile);
}

int ssg_smooth_cut(ssg_smooth_job *j, size_t shared_limit)
{
    size_t goal = shared_goal < shared_limit ? shared_goal : shared_limit;
    if (!cut(j, goal, shared_limit)) return 0;
    lay_side_by_side(j, goal);
    return 1;
}

size_t ssg_smooth_blocks(const ssg_smooth_job &j)
{
    return (size_t)j.rows * j.groups * j.x.tiles * j.y.tiles;
}

size_t ssg_smooth_shared_bytes(const ssg_smooth_job &j)
{
    return floats_of(j) * sizeof(float);
}
