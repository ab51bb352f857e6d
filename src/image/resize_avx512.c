/* Pillow's resampling with AVX-512: eight pixels of a row at a time, 64 columns at a time.
 *
 * As with SSE2 (resize_sse2.c).  Along a row one permutation of bytes spreads two pixels in each quarter of a
 * register, and the quarters are added at the end; across rows all is done in each quarter as there.  Sums of
 * integers: the same bytes. */
#include "image/resize_pillow.h"

#include <stddef.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vbmi")))
#define INLINE static inline __attribute__((always_inline, target("avx512f,avx512bw,avx512vbmi")))

#define FK_BYTES __m512i
#define FK_BYTES_WIDTH 64
#define FK_BYTES_OP(f) _mm512_##f
#define FK_BYTES_ZERO _mm512_setzero_si512()
#define FK_BYTES_LOAD(p) _mm512_loadu_si512(p)
#define FK_BYTES_STORE(p, v) _mm512_storeu_si512(p, v)
#define FK_BYTES_FEWER fk_resize_sse2->columns
#include "image/resize_columns.h"

/* Eight neighbouring 16-bit weights: two in every lane of each quarter. */
INLINE __m512i eight(const int16_t *w)
{
    const __m512i quarters = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    __m128i all = _mm_loadu_si128((const __m128i *)(const void *)w);

    return _mm512_permutexvar_epi32(quarters, _mm512_castsi128_si512(all));
}

#define ROUND (1 << (FK_WEIGHT_BITS - 1))

/* Sums of each lane over the quarters, rounded and shifted to the scale of a sample. */
INLINE __m128i join_quarters(__m512i high, __m512i low)
{
    __m512i v = _mm512_add_epi32(_mm512_slli_epi32(high, FK_WEIGHT_LOW), low);
    __m256i h = _mm256_add_epi32(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
    __m128i q = _mm_add_epi32(_mm256_castsi256_si128(h), _mm256_extracti128_si256(h, 1));

    return _mm_srai_epi32(_mm_add_epi32(q, _mm_set1_epi32(ROUND)), FK_WEIGHT_BITS);
}

/* Of quarter q the bytes r0 . r1 . g0 . g1 . b0 . b1 . of pixels 2 q and 2 q + 1; dots and the last four are 0: those
 * that are kept are the others. */
static const uint8_t places[64] = {0, 0, 3,  0,  1,  0,  4,  0,  2,  0,  5,  0,  0,  0,  0,
                                   0, 6, 0,  9,  0,  7,  0,  10, 0,  8,  0,  11, 0,  0,  0,
                                   0, 0, 12, 0,  15, 0,  13, 0,  16, 0,  14, 0,  17, 0,  0,
                                   0, 0, 0,  18, 0,  21, 0,  19, 0,  22, 0,  20, 0,  23, 0};
#define KEPT 0x0555055505550555u

TARGET static void row_rgb(uint8_t *out, const uint8_t *row, const fk_taps *taps)
{
    const __m512i two = _mm512_loadu_si512(places);

    for (int64_t x = 0; x < taps->n; x++) {
        const uint8_t *p = row + 3 * taps->first[x];
        const int16_t *h = taps->high + x * taps->room, *l = taps->low + x * taps->room;
        __m512i high = _mm512_setzero_si512(), low = high;
        __m128i v;
        int32_t pixel;

        for (int64_t j = 0; j < taps->count[x]; j += 8, p += 24) {
            __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)p);
            __m512i s = _mm512_maskz_permutexvar_epi8(KEPT, two, _mm512_castsi256_si512(bytes));

            high = _mm512_add_epi32(high, _mm512_madd_epi16(s, eight(h + j)));
            low = _mm512_add_epi32(low, _mm512_madd_epi16(s, eight(l + j)));
        }
        v = join_quarters(high, low);
        v = _mm_packs_epi32(v, v);
        pixel = _mm_cvtsi128_si32(_mm_packus_epi16(v, v));
        memcpy(out + 3 * x, &pixel, 3);
    }
}

/* Of four vectors the sums over the quarters: quarter q those of v[q]. */
INLINE __m512i sum_quarters(const __m512i v[4])
{
    /* Quarters 0 + 2 and 1 + 3 of v[0], the same of v[1]; of v[2] and v[3]. */
    __m512i low = _mm512_add_epi32(_mm512_shuffle_i32x4(v[0], v[1], 0x44),
                                   _mm512_shuffle_i32x4(v[0], v[1], 0xee));
    __m512i high = _mm512_add_epi32(_mm512_shuffle_i32x4(v[2], v[3], 0x44),
                                    _mm512_shuffle_i32x4(v[2], v[3], 0xee));

    return _mm512_add_epi32(_mm512_shuffle_i32x4(low, high, 0x88),
                            _mm512_shuffle_i32x4(low, high, 0xdd));
}

/* As row_rgb; weights are spread once, and the rows' sums taken and rounded together. */
TARGET static void four_rgb(uint8_t *const *out, const uint8_t *const *row, const fk_taps *taps)
{
    const __m512i two = _mm512_loadu_si512(places), round = _mm512_set1_epi32(ROUND);

    for (int64_t x = 0; x < taps->n; x++) {
        const int16_t *h = taps->high + x * taps->room, *l = taps->low + x * taps->room;
        __m512i high[FK_FOUR], low[FK_FOUR];
        int32_t pixels[4 * FK_FOUR];

#pragma GCC unroll 4
        for (int r = 0; r < FK_FOUR; r++)
            high[r] = low[r] = _mm512_setzero_si512();
        for (int64_t j = 0; j < taps->count[x]; j += 8) {
            __m512i wh = eight(h + j), wl = eight(l + j);

#pragma GCC unroll 4
            for (int r = 0; r < FK_FOUR; r++) {
                const uint8_t *p = row[r] + 3 * (taps->first[x] + j);
                __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)p);
                __m512i s = _mm512_maskz_permutexvar_epi8(KEPT, two, _mm512_castsi256_si512(bytes));

                high[r] = _mm512_add_epi32(high[r], _mm512_madd_epi16(s, wh));
                low[r] = _mm512_add_epi32(low[r], _mm512_madd_epi16(s, wl));
            }
        }
#pragma GCC unroll 4
        for (int r = 0; r < FK_FOUR; r++)
            high[r] = _mm512_add_epi32(_mm512_slli_epi32(high[r], FK_WEIGHT_LOW), low[r]);
        high[0] = _mm512_srai_epi32(_mm512_add_epi32(sum_quarters(high), round), FK_WEIGHT_BITS);
        high[0] = _mm512_packs_epi32(high[0], high[0]);
        _mm512_storeu_si512(pixels, _mm512_packus_epi16(high[0], high[0]));
#pragma GCC unroll 4
        for (int r = 0; r < FK_FOUR; r++)
            memcpy(out[r] + 3 * x, &pixels[4 * r], 3);
    }
}

/* What gains nothing from it. */
static void row_grey(uint8_t *out, const uint8_t *row, const fk_taps *taps)
{
    fk_resize_sse2->row_grey(out, row, taps);
}

static const fk_resize_kernels kernels = {row_grey, row_rgb, four_rgb, columns};
#endif

const fk_resize_kernels *fk_resize_avx512(void)
{
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi"))
        return &kernels;
#endif
    return NULL;
}
