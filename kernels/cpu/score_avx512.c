/* score_avx512.c - the objective with AVX-512BW.
 *
 * Two rows are interleaved byte by byte, so that one multiply-add (u8 x s8, pairs to s16) adds both: weights sum to at most 127, so nothing
 * saturates. Per 64 pixels and pair of rows: 2 loads, 2 unpacks, 2 multiply-adds, 2 additions. A saturating subtraction of the limit and a pack turn
 * the two halves back into pixel order: nonzero byte = claimed. (VNNI would need four rows interleaved and sums of 32 bits: twice the work after the
 * multiplication.) */
#include "kernels/score.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,popcnt")))

AVX512 static inline void fuse64(__m512i *low, __m512i *high, const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at)
{
    __m512i lo = _mm512_setzero_si512(), hi = lo;
    for (size_t t = 0; t < terms; t += 2) {
        short pair;
        memcpy(&pair, weight + t, sizeof pair);
        __m512i a = _mm512_loadu_si512(maps[t] + at), b = _mm512_loadu_si512(maps[t + 1] + at), w = _mm512_set1_epi16(pair);
        lo = _mm512_add_epi16(lo, _mm512_maddubs_epi16(_mm512_unpacklo_epi8(a, b), w));
        hi = _mm512_add_epi16(hi, _mm512_maddubs_epi16(_mm512_unpackhi_epi8(a, b), w));
    }
    *low = lo, *high = hi;
}

/* 64 values in the order of the pixels. */
AVX512 static inline void store64(uint16_t *out, __m512i lo, __m512i hi)
{
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    _mm512_storeu_si512(out, _mm512_permutex2var_epi64(lo, first, hi));
    _mm512_storeu_si512(out + 32, _mm512_permutex2var_epi64(lo, second, hi));
}

AVX512 static void fuse(uint16_t *out, const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, size_t n)
{
    for (size_t i = 0; i < n; i += 64) {
        __m512i lo, hi;
        fuse64(&lo, &hi, maps, weight, terms, at + i);
        store64(out + i, lo, hi);
    }
}

AVX512 static uint32_t top(const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, size_t n)
{
    __m512i most = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i += 64) {
        __m512i lo, hi;
        fuse64(&lo, &hi, maps, weight, terms, at + i);
        most = _mm512_max_epu16(most, _mm512_max_epu16(lo, hi));
    }
    uint16_t lane[32], best = 0;
    _mm512_storeu_si512(lane, most);
    for (int i = 0; i < 32; i++) best = lane[i] > best ? lane[i] : best;
    return best;
}

/* The claimed ones of 64 pixels. */
AVX512 static inline uint64_t above64(const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, __m512i bound)
{
    __m512i lo, hi;
    fuse64(&lo, &hi, maps, weight, terms, at);
    __m512i above = _mm512_packus_epi16(_mm512_subs_epu16(lo, bound), _mm512_subs_epu16(hi, bound));
    return _mm512_test_epi8_mask(above, above);
}

AVX512 static void hits(uint32_t out[2], const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, size_t n, uint32_t limit,
                        const uint64_t *truth, const uint64_t *kept)
{
    __m512i bound = _mm512_set1_epi16((short)limit);
    uint64_t true_hits = 0, all_hits = 0;
    for (size_t i = 0; i < n; i += 64) {
        uint64_t claimed = above64(maps, weight, terms, at + i, bound);
        true_hits += (uint64_t)__builtin_popcountll(claimed & truth[i / 64]);
        all_hits += (uint64_t)__builtin_popcountll(claimed & kept[i / 64]);
    }
    out[0] += (uint32_t)true_hits, out[1] += (uint32_t)all_hits;
}

AVX512 static void hits_blocks(uint32_t out[3], const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, uint64_t blocks,
                               uint32_t limit, const ssg_score_truth_bits *truth, ssg_score_ahead ahead)
{
    uint64_t own = 0, none = 0, kept = 0;
    for (; blocks; blocks &= blocks - 1) {
        size_t b = (size_t)__builtin_ctzll(blocks);
        ssg_score_load(&ahead);
        uint64_t claimed = above64(maps, weight, terms, at + 64 * b, _mm512_set1_epi16((short)limit));
        own += (uint64_t)__builtin_popcountll(claimed & truth->own[b]);
        none += (uint64_t)__builtin_popcountll(claimed & truth->none[b]);
        kept += (uint64_t)__builtin_popcountll(claimed & truth->kept[b]);
    }
    ssg_score_load_rest(&ahead);
    out[0] += (uint32_t)own, out[1] += (uint32_t)none, out[2] += (uint32_t)kept;
}

/* As quantise16 of score_avx2.c. */
AVX512 static inline __m512i quantise32(__m512i f, ssg_score_divisor by)
{
    __m512i top = _mm512_set1_epi16((short)by.top), v = _mm512_min_epu16(f, top), one = _mm512_set1_epi16(1);
    __m512i y = _mm512_mulhi_epu16(_mm512_sll_epi16(v, _mm_cvtsi32_si128((int)by.shift)), _mm512_set1_epi16((short)by.factor));
    __m512i r = _mm512_sub_epi16(_mm512_mullo_epi16(y, top), _mm512_sub_epi16(_mm512_slli_epi16(v, 8), v));
    y = _mm512_mask_add_epi16(y, _mm512_movepi16_mask(r), y, one);
    return _mm512_mask_sub_epi16(y, _mm512_cmpeq_epi16_mask(r, top), y, one);
}

AVX512 static void levels_block(uint16_t *q, const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, ssg_score_divisor by)
{
    __m512i lo, hi;
    fuse64(&lo, &hi, maps, weight, terms, at);
    store64(q, quantise32(lo, by), quantise32(hi, by));
}

const ssg_score_ops ssg_score_avx512 = {
    "avx512", fuse, top, hits, ssg_score_level_avx2, hits_blocks, ssg_score_quantise_avx2, levels_block, ssg_score_above_avx2, ssg_score_equal_avx2};
#endif
