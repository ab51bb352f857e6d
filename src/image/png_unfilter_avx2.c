/* Eight rows of a PNG unfiltered side by side with AVX2: all of them in one register, a pixel in each 32 bits,
 * in place of two registers of png_unfilter.c.  The same bytes.
 *
 * To load and store eight single pixels a step takes three times as long as their guesses.  So eight steps are taken
 * at once: eight pixels of each row are loaded, and the square of rows and pixels is turned; and back again
 * behind the steps.  Row r is r pixels behind row 0 in all of this. */
#include "image/png_unfilter.h"

#include <stddef.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline, target("avx2")))

typedef struct rows {
    __m256i left, corner;
    __m256i takes_left, takes_up, takes_average,
        takes_paeth; /* set where that is the row's filter */
} rows;

/* fk_png_paeth_guess() of 32 bytes, as in png_unfilter.c. */
INLINE __m256i paeth_guess(__m256i left, __m256i up, __m256i corner)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i lo = _mm256_min_epu8(left, up), hi = _mm256_max_epu8(left, up);
    __m256i to_hi = _mm256_subs_epu8(hi, corner), to_lo = _mm256_subs_epu8(corner, lo);
    __m256i is_lo =
        _mm256_cmpeq_epi8(_mm256_subs_epu8(_mm256_adds_epu8(to_hi, to_hi), to_lo), zero);
    __m256i is_hi =
        _mm256_cmpeq_epi8(_mm256_subs_epu8(_mm256_adds_epu8(to_lo, to_lo), to_hi), zero);

    return _mm256_blendv_epi8(_mm256_blendv_epi8(corner, lo, is_lo), hi, is_hi);
}

/* pure: all rows are Paeth's. */
INLINE void advance(rows *r, __m256i filtered, __m256i up, bool pure)
{
    __m256i guess = paeth_guess(r->left, up, r->corner);

    if (!pure) {
        __m256i odd = _mm256_and_si256(_mm256_xor_si256(r->left, up), _mm256_set1_epi8(1));
        __m256i average = _mm256_sub_epi8(_mm256_avg_epu8(r->left, up), odd); /* rounded down */

        guess = _mm256_or_si256(_mm256_or_si256(_mm256_and_si256(guess, r->takes_paeth),
                                                _mm256_and_si256(r->left, r->takes_left)),
                                _mm256_or_si256(_mm256_and_si256(up, r->takes_up),
                                                _mm256_and_si256(average, r->takes_average)));
    }
    r->left = _mm256_add_epi8(filtered, guess);
    r->corner = up;
}

/* What lies above: the pixel over row 0's, and what each row has just made for the next one. */
INLINE __m256i above_of(const rows *r, int32_t pixel)
{
    const __m256i from_above = _mm256_setr_epi32(0, 0, 1, 2, 3, 4, 5, 6);

    return _mm256_blend_epi32(_mm256_permutevar8x32_epi32(r->left, from_above),
                              _mm256_castsi128_si256(_mm_cvtsi32_si128(pixel)), 1);
}

/* A step in which rows may have no pixel, or their last. */
INLINE void step(const fk_png_wave *w, rows *r, int64_t t, int bpp, bool pure)
{
    int32_t pixel[FK_PNG_WAVE];

    for (int64_t k = 0; k < FK_PNG_WAVE; k++)
        pixel[k] = fk_png_has_pixel(w, k, t)
                       ? fk_png_load(w->in + k * (w->width * bpp + 1) + (t - k) * bpp, bpp)
                       : 0;
    advance(r, _mm256_loadu_si256((const __m256i *)(const void *)pixel),
            above_of(r, t < w->width ? fk_png_load(w->above + t * bpp, bpp) : 0), pure);
    _mm256_storeu_si256((__m256i *)(void *)pixel, r->left);
    for (int64_t k = 0; k < FK_PNG_WAVE; k++)
        if (fk_png_has_pixel(w, k, t))
            fk_png_store(w->out + (k * w->width + t - k) * bpp, pixel[k], bpp,
                         t - k + 1 == w->width);
}

/* Eight pixels, each in 32 bits.  Of 3 bytes a pixel four bytes more are read. */
INLINE __m256i load_eight(const uint8_t *p, int bpp)
{
    const __m256i apart = _mm256_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1, 0,
                                           1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);

    if (bpp == 1)
        return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
    return _mm256_shuffle_epi8(_mm256_loadu2_m128i((const __m128i *)(const void *)(p + 12),
                                                   (const __m128i *)(const void *)p),
                               apart);
}

/* And back; likewise four bytes more are written. */
INLINE void store_eight(uint8_t *p, __m256i v, int bpp)
{
    const __m256i bytes =
        _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12,
                         -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m256i together =
        _mm256_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1, 0, 1, 2, 4, 5, 6,
                         8, 9, 10, 12, 13, 14, -1, -1, -1, -1);

    if (bpp == 1) {
        v = _mm256_shuffle_epi8(v, bytes);
        _mm_storel_epi64((__m128i *)(void *)p, _mm_unpacklo_epi32(_mm256_castsi256_si128(v),
                                                                  _mm256_extracti128_si256(v, 1)));
        return;
    }
    v = _mm256_shuffle_epi8(v, together);
    _mm_storeu_si128((__m128i *)(void *)p, _mm256_castsi256_si128(v));
    _mm_storeu_si128((__m128i *)(void *)(p + 12), _mm256_extracti128_si256(v, 1));
}

/* v[i] 32 bits j becomes v[j] 32 bits i. */
INLINE void turn(__m256i v[8])
{
    __m256i pairs[8], fours[8];

#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
        pairs[i] = _mm256_unpacklo_epi32(v[i], v[i + 1]);
        pairs[i + 1] = _mm256_unpackhi_epi32(v[i], v[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
        fours[i] = _mm256_unpacklo_epi64(pairs[i], pairs[i + 2]);
        fours[i + 1] = _mm256_unpackhi_epi64(pairs[i], pairs[i + 2]);
        fours[i + 2] = _mm256_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
        fours[i + 3] = _mm256_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        v[i] = _mm256_permute2x128_si256(fours[i], fours[i + 4], 0x20);
        v[i + 4] = _mm256_permute2x128_si256(fours[i], fours[i + 4], 0x31);
    }
}

#define STEPS 8 /* at once */
/* Pixels that a row must have behind these, so that no byte of another is read or written. */
#define BEHIND 2

INLINE __m256i rows_with(const fk_png_wave *w, int filter)
{
    int32_t is[FK_PNG_WAVE];

    for (int64_t r = 0; r < FK_PNG_WAVE; r++)
        is[r] = w->filters[r] == filter ? -1 : 0;
    return _mm256_loadu_si256((const __m256i *)(const void *)is);
}

/* Eight rows on their way.  w is a copy, so that no byte written through a pointer can change it. */
typedef struct lane {
    fk_png_wave w;
    rows r;
    int64_t t;
} lane;

/* Before the first step in which every row has a pixel. */
INLINE lane begin(const fk_png_wave *w, int bpp, bool pure)
{
    const __m256i zero = _mm256_setzero_si256();
    lane l = {
        *w, {zero, zero, rows_with(w, 1), rows_with(w, 2), rows_with(w, 3), rows_with(w, 4)}, 0};

    for (; l.t < FK_PNG_WAVE - 1; l.t++)
        step(&l.w, &l.r, l.t, bpp, pure);
    return l;
}

/* Whether in STEPS steps more every row has a pixel, and BEHIND of them left after it. */
INLINE bool fits(const lane *l)
{
    return l->t + STEPS + BEHIND <= l->w.width;
}

/* STEPS steps of n lanes, 1 or 2, which take turns. */
INLINE void go_on(lane *const l[2], const int n, int bpp, bool pure)
{
    __m256i v[2][STEPS];

#pragma GCC unroll 2
    for (int m = 0; m < n; m++) {
        const fk_png_wave *w = &l[m]->w;

#pragma GCC unroll 8
        for (int64_t k = 0; k < FK_PNG_WAVE; k++)
            v[m][k] = load_eight(w->in + k * (w->width * bpp + 1) + (l[m]->t - k) * bpp, bpp);
        turn(v[m]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < STEPS; i++)
#pragma GCC unroll 2
        for (int m = 0; m < n; m++) {
            rows *r = &l[m]->r;

            advance(r, v[m][i], above_of(r, fk_png_load(l[m]->w.above + (l[m]->t + i) * bpp, bpp)),
                    pure);
            v[m][i] = r->left;
        }
#pragma GCC unroll 2
    for (int m = 0; m < n; m++) {
        const fk_png_wave *w = &l[m]->w;

        turn(v[m]);
#pragma GCC unroll 8
        for (int64_t k = 0; k < FK_PNG_WAVE; k++)
            store_eight(w->out + (k * w->width + l[m]->t - k) * bpp, v[m][k], bpp);
        l[m]->t += STEPS;
    }
}

/* To the last row's last pixel. */
INLINE void end(lane *l, int bpp, bool pure)
{
    while (fits(l))
        go_on((lane *const[2]){l, NULL}, 1, bpp, pure);
    for (; l->t < l->w.width + FK_PNG_WAVE - 1; l->t++)
        step(&l->w, &l->r, l->t, bpp, pure);
}

/* Rows that wait for one another leave the processor half idle: the next eight go along, so far behind that what
 * they have above is long made. */
INLINE void run_two(const fk_png_wave w[2], int bpp, bool pure)
{
    lane first = begin(&w[0], bpp, pure), second;

    go_on((lane *const[2]){&first, NULL}, 1, bpp, pure);
    go_on((lane *const[2]){&first, NULL}, 1, bpp, pure);
    second = begin(&w[1], bpp, pure);
    while (fits(&first))
        go_on((lane *const[2]){&first, &second}, 2, bpp, pure);
    end(&first, bpp, pure);
    end(&second, bpp, pure);
}

/* Width from which two go together. */
#define WIDE (FK_PNG_WAVE + 3 * STEPS)

INLINE void run(const fk_png_wave *w, int n, int bpp, bool pure)
{
    if (n == 2 && w->width >= WIDE) {
        run_two(w, bpp, pure);
        return;
    }
    for (int i = 0; i < n; i++) {
        lane l = begin(&w[i], bpp, pure);

        end(&l, bpp, pure);
    }
}

TARGET static void waves(const fk_png_wave *w, int n, int bpp, bool pure)
{
    if (bpp == 3 && pure)
        run(w, n, 3, true);
    else if (bpp == 3)
        run(w, n, 3, false);
    else if (pure)
        run(w, n, 1, true);
    else
        run(w, n, 1, false);
}
#endif

fk_png_wave_fn *fk_png_wave_avx2(void)
{
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    if (__builtin_cpu_supports("avx2"))
        return waves;
#endif
    return NULL;
}
