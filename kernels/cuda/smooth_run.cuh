/* smooth_run.cuh - a run of smooth.cu: eight neighbouring outputs of both orders, which a thread makes along either direction. */
#ifndef SSG_KERNELS_CUDA_SMOOTH_RUN_CUH
#define SSG_KERNELS_CUDA_SMOOTH_RUN_CUH

#include "kernels/cuda/smooth_cut.cuh"

/* Four neighbouring inputs of both orders. */
struct ssg_smooth_four {
    float one[4], two[4];
};

struct ssg_smooth_sums {
    float one[SSG_RUN], two[SSG_RUN];
};

/* What four inputs on the right (from 8 + n on) and their mirror images (from -1 - n down, last first) add; `taps` from distance n on. Output r, seen
 * from the right, is reached by input i if r >= i + skip: nearly all, or, at the filter's ends, a triangle. */
template <int skip>
static __device__ __forceinline__ void ssg_add_outward(ssg_smooth_sums *s, const float *taps, const ssg_smooth_four &left,
                                                       const ssg_smooth_four &right)
{
#pragma unroll
    for (int i = 0; i < 4; i++) {
#pragma unroll
        for (int r = 0; r < (int)SSG_RUN; r++) {
            if (r < i + skip) continue;
            float tap = taps[(int)SSG_RUN + i - r];
            s->one[r] = fmaf(tap, right.one[i], s->one[r]);
            s->two[r] = fmaf(tap, right.two[i], s->two[r]);
            s->one[(int)SSG_RUN - 1 - r] = fmaf(tap, left.one[3 - i], s->one[(int)SSG_RUN - 1 - r]);
            s->two[(int)SSG_RUN - 1 - r] = fmaf(tap, left.two[3 - i], s->two[(int)SSG_RUN - 1 - r]);
        }
    }
}

/* Along x: a line of g (and of h). */
template <bool second> struct ssg_line_across {
    const float *g, *h;
    __device__ __forceinline__ ssg_smooth_four four() const
    {
        float4 v = *(const float4 *)g, w = second ? *(const float4 *)h : make_float4(v.x * v.x, v.y * v.y, v.z * v.z, v.w * v.w);
        return {{v.x, v.y, v.z, v.w}, {w.x, w.y, w.z, w.w}};
    }
    __device__ __forceinline__ ssg_line_across moved(int steps) const
    {
        return {g + steps, h + steps};
    }
};

/* Along y: a column of pairs. */
struct ssg_line_down {
    const float2 *pairs;
    int pitch;
    __device__ __forceinline__ ssg_smooth_four four() const
    {
        float2 a = pairs[0], b = pairs[pitch], c = pairs[2 * pitch], d = pairs[3 * pitch];
        return {{a.x, b.x, c.x, d.x}, {a.y, b.y, c.y, d.y}};
    }
    __device__ __forceinline__ ssg_line_down moved(int steps) const
    {
        return {pairs + steps * pitch, pitch};
    }
};

/* From the middle outwards; `line` is at the first output's own place. */
template <typename Line>
static __device__ __forceinline__ void ssg_smooth_run(ssg_smooth_sums *s, const float *taps, unsigned reach, const Line &line)
{
#pragma unroll
    for (int r = 0; r < (int)SSG_RUN; r++) s->one[r] = 0, s->two[r] = 0;
#pragma unroll
    for (int half = 0; half < (int)SSG_RUN; half += 4) {
        ssg_smooth_four v = line.moved(half).four();
#pragma unroll
        for (int i = half; i < half + 4; i++) {
#pragma unroll
            for (int r = 0; r < (int)SSG_RUN; r++) {
                float tap = taps[i > r ? i - r : r - i];
                s->one[r] = fmaf(tap, v.one[i - half], s->one[r]);
                s->two[r] = fmaf(tap, v.two[i - half], s->two[r]);
            }
        }
    }
    Line left = line.moved(-4), right = line.moved((int)SSG_RUN);
    unsigned n = 0;
    for (; n + 12 <= reach; n += 4, left = left.moved(-4), right = right.moved(4)) ssg_add_outward<-3>(s, taps + n, left.four(), right.four());
    if (reach >= 8) {
        ssg_add_outward<0>(s, taps + n, left.four(), right.four());
        n += 4, left = left.moved(-4), right = right.moved(4);
    }
    if (reach >= 4) ssg_add_outward<4>(s, taps + n, left.four(), right.four());
}

#endif
