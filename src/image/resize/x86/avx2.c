/* SPDX-License-Identifier: Apache-2.0 */
/* Pillow's resampling with AVX2: two rows, or 32 columns, at a time.
 *
 * One instruction multiplies 16-bit integers and adds pairs, a0 * b0 + a1 * b1; 32-bit integers
 * take several. So pairs of samples are multiplied by the high and by the low halves of their
 * weights, and the two sums are combined at the end:
 *
 *     sum of p * w = (sum of p * high) * 2^12 + sum of p * low.
 *
 * The sums are modulo 2^32; since the final result fits in 32 bits, it is exact even if a partial
 * sum overflows.  Along rows, each half of a register holds another row, since rows share their
 * weights.  Interleaving and packing both work within the halves, so that packing restores the
 * order that interleaving has changed. */
#include "image/resize/pillow.h"

#include <stddef.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline, target("avx2")))

#define WIDTH 32

INLINE __m128i load16(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

INLINE __m256i load32(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

/* 16 bytes of each of two rows. */
INLINE __m256i load_rows(const uint8_t *const *row, int64_t at)
{
    return _mm256_set_m128i(load16(row[1] + at), load16(row[0] + at));
}

/* Two adjacent 16-bit weights in every 32-bit lane. */
INLINE __m256i pair(const int16_t *w)
{
    int32_t both;

    memcpy(&both, w, sizeof both);
    return _mm256_set1_epi32(both);
}

INLINE __m256i add_products(__m256i sum, __m256i samples, __m256i weights)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(samples, weights));
}

INLINE __m256i join(__m256i high, __m256i low)
{
    return _mm256_add_epi32(_mm256_slli_epi32(high, FK_WEIGHT_LOW), low);
}

/* Round the sums and shift them to the scale of a sample, without clipping. */
INLINE __m256i scale(__m256i sum)
{
    sum = _mm256_add_epi32(sum, _mm256_set1_epi32(1 << (FK_WEIGHT_BITS - 1)));
    return _mm256_srai_epi32(sum, FK_WEIGHT_BITS);
}

/* ---- Along rows ---- */

/* Store one pixel of each row, `bytes` bytes, from the sums of its channels. */
INLINE void put(uint8_t *const *out, int64_t at, __m256i sum, size_t bytes)
{
    uint8_t all[WIDTH];
    __m256i v = scale(sum);

    v = _mm256_packs_epi32(v, v);
    _mm256_storeu_si256((__m256i *)(void *)all, _mm256_packus_epi16(v, v));
    memcpy(out[0] + at, all, bytes);
    memcpy(out[1] + at, all + 16, bytes);
}

/* Eight samples at a time: weights after the last are 0. */
TARGET static void rows_grey(uint8_t *const *out, const uint8_t *const *row, const fk_taps *taps)
{
    const fk_taps t = *taps; /* a copy, which bytes written through out cannot alias */

    for (int64_t x = 0; x < t.n; x++) {
        const int16_t *h = t.high + x * t.room, *l = t.low + x * t.room;
        __m256i high = _mm256_setzero_si256(), low = high, v;

        for (int64_t j = 0; j < t.count[x]; j += 8) {
            v = load_rows(row, t.first[x] + j);
            v = _mm256_unpacklo_epi8(v, _mm256_setzero_si256());
            high = add_products(high, v, _mm256_broadcastsi128_si256(load16(h + j)));
            low = add_products(low, v, _mm256_broadcastsi128_si256(load16(l + j)));
        }
        v = join(high, low);
        v = _mm256_add_epi32(v, _mm256_shuffle_epi32(v, 0x4e));
        put(out, x, _mm256_add_epi32(v, _mm256_shuffle_epi32(v, 0xb1)), 1);
    }
}

/* Four pixels at a time, in pairs: r0 r1 g0 g1 b0 b1 in 16 bits each, and two zeros. */
TARGET static void rows_rgb(uint8_t *const *out, const uint8_t *const *row, const fk_taps *taps)
{
    const fk_taps t = *taps;
    const __m256i first = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
    const __m256i second = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1));

    for (int64_t x = 0; x < t.n; x++) {
        const int16_t *h = t.high + x * t.room, *l = t.low + x * t.room;
        __m256i high = _mm256_setzero_si256(), low = high;

        for (int64_t j = 0; j < t.count[x]; j += 4) {
            __m256i four = load_rows(row, 3 * (t.first[x] + j));
            __m256i a = _mm256_shuffle_epi8(four, first), b = _mm256_shuffle_epi8(four, second);

            high = add_products(add_products(high, a, pair(h + j)), b, pair(h + j + 2));
            low = add_products(add_products(low, a, pair(l + j)), b, pair(l + j + 2));
        }
        put(out, 3 * x, join(high, low), 3);
    }
}

/* ---- Across rows ---- */

/* Add WIDTH columns of two rows, interleaved to pairs, in four registers. */
INLINE void add_rows(__m256i high[4], __m256i low[4], const uint8_t *a, const uint8_t *b,
                     __m256i wh, __m256i wl)
{
    const __m256i zero = _mm256_setzero_si256(), above = load32(a), below = load32(b);
    __m256i first = _mm256_unpacklo_epi8(above, below), second = _mm256_unpackhi_epi8(above, below);
    __m256i s[4] = {_mm256_unpacklo_epi8(first, zero), _mm256_unpackhi_epi8(first, zero),
                    _mm256_unpacklo_epi8(second, zero), _mm256_unpackhi_epi8(second, zero)};

    for (int k = 0; k < 4; k++) {
        high[k] = add_products(high[k], s[k], wh);
        low[k] = add_products(low[k], s[k], wl);
    }
}

TARGET static void some_columns(uint8_t *out, const fk_ring *ring, const fk_taps *taps, int64_t i,
                                int64_t x)
{
    const int16_t *h = taps->high + i * taps->room, *l = taps->low + i * taps->room;
    int64_t count = taps->count[i];
    const uint8_t *row = ring->data + taps->first[i] % ring->rows * ring->bytes + x;
    const uint8_t *end = ring->data + ring->rows * ring->bytes;
    __m256i high[4], low[4], v[4];

    for (int k = 0; k < 4; k++)
        high[k] = low[k] = _mm256_setzero_si256();
    for (int64_t j = 0; j < count; j += 2) {
        const uint8_t *a = row, *b;

        row = row + ring->bytes < end ? row + ring->bytes : ring->data + x;
        b = j + 1 < count ? row : a; /* after an odd last row the second weight is 0 */
        row = row + ring->bytes < end ? row + ring->bytes : ring->data + x;
        add_rows(high, low, a, b, pair(h + j), pair(l + j));
    }
    for (int k = 0; k < 4; k++)
        v[k] = scale(join(high[k], low[k]));
    v[0] = _mm256_packus_epi16(_mm256_packs_epi32(v[0], v[1]), _mm256_packs_epi32(v[2], v[3]));
    _mm256_storeu_si256((__m256i *)(void *)(out + x), v[0]);
}

static void columns(uint8_t *out, const fk_ring *ring, const fk_taps *taps, int64_t i)
{
    int64_t x = 0;

    if (ring->bytes < WIDTH) {
        fk_resize_plain.columns(out, ring, taps, i);
        return;
    }
    for (; x + WIDTH <= ring->bytes; x += WIDTH)
        some_columns(out, ring, taps, i, x);
    if (x < ring->bytes) /* the last columns; some are computed twice */
        some_columns(out, ring, taps, i, ring->bytes - WIDTH);
}

static const fk_resize_kernels kernels = {rows_grey, rows_rgb, columns};
#endif

const fk_resize_kernels *fk_resize_avx2(void)
{
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    if (__builtin_cpu_supports("avx2"))
        return &kernels;
#endif
    return NULL;
}
