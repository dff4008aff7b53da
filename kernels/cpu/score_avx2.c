/* score_avx2.c - the objective with AVX2.
 *
 * Two rows are interleaved byte by byte, so that one multiply-add (u8 x s8, pairs to s16) adds both: weights sum to at most 127, so nothing
 * saturates. Per 32 pixels and pair of rows: 2 loads, 2 unpacks, 2 multiply-adds, 2 additions. A saturating subtraction of the limit and a pack turn
 * the two halves back into pixel order: nonzero byte = claimed. (VNNI would need four rows interleaved and sums of 32 bits: twice the work after the
 * multiplication.) */
#include "kernels/score.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2,popcnt")))

/* 64 pixels as 4 x 16 lanes: those of the unpacked lower and upper halves of the first 32 pixels, then of the others. */
AVX2 static inline void fuse64(__m256i sum[4], const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at)
{
    __m256i s0 = _mm256_setzero_si256(), s1 = s0, s2 = s0, s3 = s0;
    for (size_t t = 0; t < terms; t += 2) {
        short pair;
        memcpy(&pair, weight + t, sizeof pair);
        const __m256i *a = (const __m256i *)(const void *)(maps[t] + at), *b = (const __m256i *)(const void *)(maps[t + 1] + at);
        __m256i a0 = _mm256_loadu_si256(a), a1 = _mm256_loadu_si256(a + 1), b0 = _mm256_loadu_si256(b), b1 = _mm256_loadu_si256(b + 1);
        __m256i w = _mm256_set1_epi16(pair);
        s0 = _mm256_add_epi16(s0, _mm256_maddubs_epi16(_mm256_unpacklo_epi8(a0, b0), w));
        s1 = _mm256_add_epi16(s1, _mm256_maddubs_epi16(_mm256_unpackhi_epi8(a0, b0), w));
        s2 = _mm256_add_epi16(s2, _mm256_maddubs_epi16(_mm256_unpacklo_epi8(a1, b1), w));
        s3 = _mm256_add_epi16(s3, _mm256_maddubs_epi16(_mm256_unpackhi_epi8(a1, b1), w));
    }
    sum[0] = s0, sum[1] = s1, sum[2] = s2, sum[3] = s3;
}

/* 32 values in the order of the pixels. */
AVX2 static inline void store32(uint16_t *out, __m256i lo, __m256i hi)
{
    _mm256_storeu_si256((__m256i *)(void *)out, _mm256_permute2x128_si256(lo, hi, 0x20));
    _mm256_storeu_si256((__m256i *)(void *)(out + 16), _mm256_permute2x128_si256(lo, hi, 0x31));
}

AVX2 static void fuse(uint16_t *out, const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, size_t n)
{
    for (size_t i = 0; i < n; i += 64) {
        __m256i f[4];
        fuse64(f, maps, weight, terms, at + i);
        store32(out + i, f[0], f[1]);
        store32(out + i + 32, f[2], f[3]);
    }
}

AVX2 static uint32_t top(const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, size_t n)
{
    __m256i most = _mm256_setzero_si256();
    for (size_t i = 0; i < n; i += 64) {
        __m256i f[4];
        fuse64(f, maps, weight, terms, at + i);
        most = _mm256_max_epi16(most, _mm256_max_epi16(_mm256_max_epi16(f[0], f[1]), _mm256_max_epi16(f[2], f[3])));
    }
    uint16_t lane[16], best = 0;
    _mm256_storeu_si256((__m256i *)(void *)lane, most);
    for (int i = 0; i < 16; i++) best = lane[i] > best ? lane[i] : best;
    return best;
}

/* Claimed ones of 32 pixels. */
AVX2 static inline uint64_t above32(__m256i lo, __m256i hi, __m256i bound)
{
    __m256i above = _mm256_packus_epi16(_mm256_subs_epu16(lo, bound), _mm256_subs_epu16(hi, bound));
    return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(above, _mm256_setzero_si256()));
}

AVX2 static inline uint64_t above64(const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, __m256i bound)
{
    __m256i f[4];
    fuse64(f, maps, weight, terms, at);
    return above32(f[0], f[1], bound) | above32(f[2], f[3], bound) << 32;
}

AVX2 static void hits(uint32_t out[2], const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, size_t n, uint32_t limit,
                      const uint64_t *truth, const uint64_t *kept)
{
    __m256i bound = _mm256_set1_epi16((short)limit);
    uint64_t true_hits = 0, all_hits = 0;
    for (size_t i = 0; i < n; i += 64) {
        uint64_t claimed = above64(maps, weight, terms, at + i, bound);
        true_hits += (uint64_t)__builtin_popcountll(claimed & truth[i / 64]);
        all_hits += (uint64_t)__builtin_popcountll(claimed & kept[i / 64]);
    }
    out[0] += (uint32_t)true_hits, out[1] += (uint32_t)all_hits;
}

AVX2 static void hits_blocks(uint32_t out[3], const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, uint64_t blocks,
                             uint32_t limit, const ssg_score_truth_bits *truth, ssg_score_ahead ahead)
{
    uint64_t own = 0, none = 0, kept = 0;
    for (; blocks; blocks &= blocks - 1) {
        size_t b = (size_t)__builtin_ctzll(blocks);
        ssg_score_load(&ahead);
        uint64_t claimed = above64(maps, weight, terms, at + 64 * b, _mm256_set1_epi16((short)limit));
        own += (uint64_t)__builtin_popcountll(claimed & truth->own[b]);
        none += (uint64_t)__builtin_popcountll(claimed & truth->none[b]);
        kept += (uint64_t)__builtin_popcountll(claimed & truth->kept[b]);
    }
    ssg_score_load_rest(&ahead);
    out[0] += (uint32_t)own, out[1] += (uint32_t)none, out[2] += (uint32_t)kept;
}

/* x = 255 f + top - 1 stays below 2^23, so x, q top and their difference are exact in floats; the quotient by the reciprocal is off by one at most.
 */
void AVX2 ssg_score_level_avx2(uint8_t *q, const uint16_t *f, uint32_t most, size_t n)
{
    const __m256 divisor = _mm256_set1_ps((float)most), reciprocal = _mm256_set1_ps(1.0f / (float)most), one = _mm256_set1_ps(1);
    const __m256i scale = _mm256_set1_epi32(255), offset = _mm256_set1_epi32((int)most - 1);
    for (size_t i = 0; i < n; i += 8) {
        __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)(f + i)));
        __m256 x = _mm256_cvtepi32_ps(_mm256_add_epi32(_mm256_mullo_epi32(wide, scale), offset));
        __m256 quotient = _mm256_floor_ps(_mm256_mul_ps(x, reciprocal));
        __m256 rest = _mm256_sub_ps(x, _mm256_mul_ps(quotient, divisor));
        quotient = _mm256_add_ps(quotient, _mm256_and_ps(_mm256_cmp_ps(rest, divisor, _CMP_GE_OQ), one));
        quotient = _mm256_sub_ps(quotient, _mm256_and_ps(_mm256_cmp_ps(rest, _mm256_setzero_ps(), _CMP_LT_OQ), one));
        __m256i level = _mm256_cvtps_epi32(quotient);
        __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(level), _mm256_extracti128_si256(level, 1));
        _mm_storel_epi64((__m128i *)(void *)(q + i), _mm_packus_epi16(words, words));
    }
}

/* In 16 bits. With T = top 2^s and m = ceil(255 2^16 / T), the divisor's shift and factor, y = floor(f 2^s m / 2^16) exceeds x = 255 f / top by less
 * than one before it is rounded down, so y is floor(x) or floor(x) + 1. r = y top - 255 f lies in -top..top and fits: y is one too small where r < 0,
 * too large where r = top. */
AVX2 static inline __m256i quantise16(__m256i f, ssg_score_divisor by)
{
    __m256i top = _mm256_set1_epi16((short)by.top), v = _mm256_min_epu16(f, top);
    __m256i y = _mm256_mulhi_epu16(_mm256_sll_epi16(v, _mm_cvtsi32_si128((int)by.shift)), _mm256_set1_epi16((short)by.factor));
    __m256i r = _mm256_sub_epi16(_mm256_mullo_epi16(y, top), _mm256_sub_epi16(_mm256_slli_epi16(v, 8), v));
    y = _mm256_sub_epi16(y, _mm256_cmpgt_epi16(_mm256_setzero_si256(), r)); /* minus -1 */
    return _mm256_add_epi16(y, _mm256_cmpgt_epi16(r, _mm256_set1_epi16((short)(by.top - 1))));
}

void AVX2 ssg_score_quantise_avx2(uint16_t *f, ssg_score_divisor by, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        __m256i *at = (__m256i *)(void *)(f + i);
        _mm256_storeu_si256(at, quantise16(_mm256_loadu_si256(at), by));
    }
}

AVX2 static void levels_block(uint16_t *q, const uint8_t *const *maps, const uint8_t *weight, size_t terms, size_t at, ssg_score_divisor by)
{
    __m256i f[4];
    fuse64(f, maps, weight, terms, at);
    for (size_t k = 0; k < 4; k++) f[k] = quantise16(f[k], by);
    store32(q, f[0], f[1]);
    store32(q + 32, f[2], f[3]);
}

void AVX2 ssg_score_above_avx2(uint64_t *bits, const uint16_t *f, uint32_t limit, size_t n)
{
    const __m256i bound = _mm256_set1_epi16((short)limit);
    for (size_t i = 0; i < n; i += 64) {
        __m256i above[4];
        for (size_t k = 0; k < 4; k++) above[k] = _mm256_cmpgt_epi16(_mm256_loadu_si256((const __m256i *)(const void *)(f + i + 16 * k)), bound);
        __m256i first = _mm256_permute4x64_epi64(_mm256_packs_epi16(above[0], above[1]), 0xd8);
        __m256i second = _mm256_permute4x64_epi64(_mm256_packs_epi16(above[2], above[3]), 0xd8);
        bits[i / 64] = (uint64_t)(uint32_t)_mm256_movemask_epi8(first) | (uint64_t)(uint32_t)_mm256_movemask_epi8(second) << 32;
    }
}

void AVX2 ssg_score_equal_avx2(uint64_t *bits, const uint8_t *bytes, uint8_t value, size_t n)
{
    const __m256i wanted = _mm256_set1_epi8((char)value);
    for (size_t i = 0; i < n; i += 64) {
        __m256i first = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(const void *)(bytes + i)), wanted);
        __m256i second = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(const void *)(bytes + i + 32)), wanted);
        bits[i / 64] = (uint64_t)(uint32_t)_mm256_movemask_epi8(first) | (uint64_t)(uint32_t)_mm256_movemask_epi8(second) << 32;
    }
}

const ssg_score_ops ssg_score_avx2 = {
    "avx2", fuse, top, hits, ssg_score_level_avx2, hits_blocks, ssg_score_quantise_avx2, levels_block, ssg_score_above_avx2, ssg_score_equal_avx2};
#endif
