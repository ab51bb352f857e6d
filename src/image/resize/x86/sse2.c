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
#include "image/resize/pillow.h"

#if defined(__SSE2__)

#include <emmintrin.h>
#include <string.h>

static inline __m128i load16(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

#define TARGET
#define INLINE static inline
#define FK_BYTES __m128i
#define FK_BYTES_WIDTH 16
#define FK_BYTES_OP(f) _mm_##f
#define FK_BYTES_ZERO _mm_setzero_si128()
#define FK_BYTES_LOAD(p) load16(p)
#define FK_BYTES_STORE(p, v) _mm_storeu_si128((__m128i *)(void *)(p), v)
#define FK_BYTES_FEWER fk_resize_plain.columns
#include "image/resize/columns.h"

static inline __m128i load8(const uint8_t *p)
{
    return _mm_loadl_epi64((const __m128i *)(const void *)p);
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

static const fk_resize_kernels kernels = {row_grey, row_rgb, columns};
const fk_resize_kernels *const fk_resize_sse2 = &kernels;

#else

const fk_resize_kernels *const fk_resize_sse2 = NULL;

#endif
