/* The inner loops of Pillow's resampling with SSE2, which every x86-64 processor has.
 *
 * SSE2 cannot multiply 32-bit integers lane by lane, but it multiplies 16-bit ones and adds
 * neighbours, (a0 * b0 + a1 * b1), in one instruction.  So two samples at a time are multiplied by
 * the high and by the low halves of their weights, and the two sums joined at the end:
 *
 *     sum of p * w = (sum of p * high) * 2^12 + sum of p * low.
 *
 * The sums are taken modulo 2^32; as the true result fits in 32 bits, it comes out exactly,
 * whatever happens on the way. */
#include "image/resize_pillow.h"

#if defined(__SSE2__)

#include <emmintrin.h>
#include <string.h>

/* Two neighbouring 16-bit weights in every lane. */
static inline __m128i pair(const int16_t *w)
{
    int32_t both;

    memcpy(&both, w, sizeof both);
    return _mm_set1_epi32(both);
}

/* Four sums, rounded and shifted to the scale of a sample; not yet clipped. */
static inline __m128i join(__m128i high, __m128i low)
{
    __m128i sum = _mm_add_epi32(_mm_slli_epi32(high, FK_WEIGHT_LOW), low);

    sum = _mm_add_epi32(sum, _mm_set1_epi32(1 << (FK_WEIGHT_BITS - 1)));
    return _mm_srai_epi32(sum, FK_WEIGHT_BITS);
}

static inline __m128i load8(const uint8_t *p)
{
    return _mm_loadl_epi64((const __m128i *)(const void *)p);
}

static inline __m128i load16(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

/* Eight samples at a time: weights behind the last are 0. */
static void row_grey(uint8_t *out, const uint8_t *row, const fk_taps *taps)
{
    const __m128i zero = _mm_setzero_si128();

    for (int64_t x = 0; x < taps->n; x++) {
        const uint8_t *p = row + taps->first[x];
        const int16_t *h = taps->high + x * taps->room, *l = taps->low + x * taps->room;
        __m128i high = zero, low = zero, v;

        for (int64_t j = 0; j < taps->count[x]; j += 8) {
            __m128i s = _mm_unpacklo_epi8(load8(p + j), zero);

            high = _mm_add_epi32(high, _mm_madd_epi16(s, load16(h + j)));
            low = _mm_add_epi32(low, _mm_madd_epi16(s, load16(l + j)));
        }
        high = _mm_add_epi32(high, _mm_srli_si128(high, 8));
        low = _mm_add_epi32(low, _mm_srli_si128(low, 8));
        high = _mm_add_epi32(high, _mm_srli_si128(high, 4));
        low = _mm_add_epi32(low, _mm_srli_si128(low, 4));
        v = _mm_packs_epi32(join(high, low), zero);
        out[x] = (uint8_t)_mm_cvtsi128_si32(_mm_packus_epi16(v, v));
    }
}

/* Two pixels at a time, side by side in each channel's lane: r0 r1 g0 g1 b0 b1 and two to drop. */
static void row_rgb(uint8_t *out, const uint8_t *row, const fk_taps *taps)
{
    const __m128i zero = _mm_setzero_si128();

    for (int64_t x = 0; x < taps->n; x++) {
        const uint8_t *p = row + 3 * taps->first[x];
        const int16_t *h = taps->high + x * taps->room, *l = taps->low + x * taps->room;
        __m128i high = zero, low = zero, v;
        int32_t pixel;

        for (int64_t j = 0; j < taps->count[x]; j += 2, p += 6) {
            __m128i s = load8(p);

            s = _mm_unpacklo_epi8(s, _mm_srli_si128(s, 3));
            s = _mm_unpacklo_epi8(s, zero);
            high = _mm_add_epi32(high, _mm_madd_epi16(s, pair(h + j)));
            low = _mm_add_epi32(low, _mm_madd_epi16(s, pair(l + j)));
        }
        v = _mm_packs_epi32(join(high, low), zero);
        pixel = _mm_cvtsi128_si32(_mm_packus_epi16(v, v));
        memcpy(out + 3 * x, &pixel, 3);
    }
}

/* Sixteen columns of two rows, interleaved to pairs: four groups of four pairs. */
static inline void add_rows(__m128i high[4], __m128i low[4], const uint8_t *a, const uint8_t *b,
                            __m128i wh, __m128i wl)
{
    const __m128i zero = _mm_setzero_si128();
    __m128i first = _mm_unpacklo_epi8(load16(a), load16(b));
    __m128i second = _mm_unpackhi_epi8(load16(a), load16(b));
    __m128i s[4] = {_mm_unpacklo_epi8(first, zero), _mm_unpackhi_epi8(first, zero),
                    _mm_unpacklo_epi8(second, zero), _mm_unpackhi_epi8(second, zero)};

    for (int k = 0; k < 4; k++) {
        high[k] = _mm_add_epi32(high[k], _mm_madd_epi16(s[k], wh));
        low[k] = _mm_add_epi32(low[k], _mm_madd_epi16(s[k], wl));
    }
}

static void columns16(uint8_t *out, const fk_ring *ring, const fk_taps *taps, int64_t i, int64_t x)
{
    const int16_t *h = taps->high + i * taps->room, *l = taps->low + i * taps->room;
    int64_t count = taps->count[i];
    const uint8_t *row = ring->data + taps->first[i] % ring->rows * ring->bytes + x;
    const uint8_t *end = ring->data + ring->rows * ring->bytes;
    __m128i high[4], low[4], v;

    for (int k = 0; k < 4; k++)
        high[k] = low[k] = _mm_setzero_si128();
    for (int64_t j = 0; j < count; j += 2) {
        const uint8_t *a = row, *b;

        row = row + ring->bytes < end ? row + ring->bytes : ring->data + x;
        b = j + 1 < count ? row : a; /* the second of a last odd row counts 0 times */
        row = row + ring->bytes < end ? row + ring->bytes : ring->data + x;
        add_rows(high, low, a, b, pair(h + j), pair(l + j));
    }
    v = _mm_packus_epi16(_mm_packs_epi32(join(high[0], low[0]), join(high[1], low[1])),
                         _mm_packs_epi32(join(high[2], low[2]), join(high[3], low[3])));
    _mm_storeu_si128((__m128i *)(void *)(out + x), v);
}

static void columns(uint8_t *out, const fk_ring *ring, const fk_taps *taps, int64_t i)
{
    int64_t x = 0;

    if (ring->bytes < 16) {
        fk_resize_plain.columns(out, ring, taps, i);
        return;
    }
    for (; x + 16 <= ring->bytes; x += 16)
        columns16(out, ring, taps, i, x);
    if (x < ring->bytes) /* the last sixteen, some of them again */
        columns16(out, ring, taps, i, ring->bytes - 16);
}

static const fk_resize_kernels kernels = {row_grey, row_rgb, columns};
const fk_resize_kernels *const fk_resize_sse2 = &kernels;

#else

const fk_resize_kernels *const fk_resize_sse2 = NULL;

#endif
