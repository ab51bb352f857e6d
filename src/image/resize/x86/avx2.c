/* Pillow's resampling with AVX2: four pixels of a row at a time, 32 columns at a time.
 *
 * As with SSE2 (resize_sse2.c), but one shuffle spreads two pixels in each half of a register, and
 * the two halves are added at the end.  Sums of integers: the same bytes. */
#include "image/resize/pillow.h"

#include <stddef.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline, target("avx2")))

#define FK_BYTES __m256i
#define FK_BYTES_WIDTH 32
#define FK_BYTES_OP(f) _mm256_##f
#define FK_BYTES_ZERO _mm256_setzero_si256()
#define FK_BYTES_LOAD(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define FK_BYTES_STORE(p, v) _mm256_storeu_si256((__m256i *)(void *)(p), v)
#define FK_BYTES_FEWER fk_resize_sse2->columns
#include "image/resize/columns.h"

/* Four neighbouring 16-bit weights: the first two in every lane of the low half, the others in the
 * high one. */
INLINE __m256i four(const int16_t *w)
{
    const __m256i lanes = _mm256_set_epi64x(0x0706050407060504, 0x0706050407060504,
                                            0x0302010003020100, 0x0302010003020100);
    int64_t all;

    memcpy(&all, w, sizeof all);
    return _mm256_shuffle_epi8(_mm256_set1_epi64x(all), lanes);
}

/* Low and high half together. */
INLINE __m128i halves(__m256i v)
{
    return _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

TARGET static void row_rgb(uint8_t *out, const uint8_t *row, const fk_taps *taps)
{
    /* r0 r1 g0 g1 b0 b1 of 16 bits and two zeros; the same of pixels 2 and 3. */
    const __m256i spread =
        _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, 6, -1, 9, -1, 7,
                         -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
    const __m128i round = _mm_set1_epi32(1 << (FK_WEIGHT_BITS - 1));

    for (int64_t x = 0; x < taps->n; x++) {
        const uint8_t *p = row + 3 * taps->first[x];
        const int16_t *h = taps->high + x * taps->room, *l = taps->low + x * taps->room;
        __m256i high = _mm256_setzero_si256(), low = high;
        __m128i v;
        int32_t pixel;

        for (int64_t j = 0; j < taps->count[x]; j += 4, p += 12) {
            __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
            __m256i s = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), spread);

            high = _mm256_add_epi32(high, _mm256_madd_epi16(s, four(h + j)));
            low = _mm256_add_epi32(low, _mm256_madd_epi16(s, four(l + j)));
        }
        v = _mm_add_epi32(_mm_slli_epi32(halves(high), FK_WEIGHT_LOW), halves(low));
        v = _mm_srai_epi32(_mm_add_epi32(v, round), FK_WEIGHT_BITS);
        v = _mm_packs_epi32(v, v);
        pixel = _mm_cvtsi128_si32(_mm_packus_epi16(v, v));
        memcpy(out + 3 * x, &pixel, 3);
    }
}

/* What gains nothing from it. */
static void row_grey(uint8_t *out, const uint8_t *row, const fk_taps *taps)
{
    fk_resize_sse2->row_grey(out, row, taps);
}

static const fk_resize_kernels kernels = {row_grey, row_rgb, columns};
#endif

const fk_resize_kernels *fk_resize_avx2(void)
{
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    if (__builtin_cpu_supports("avx2"))
        return &kernels;
#endif
    return NULL;
}
