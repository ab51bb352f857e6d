/* Paeth's filter undone, four rows at a time.
 *
 * A pixel waits for the one to its left, so one row alone leaves the processor idle.  Four rows go side
 * by side, each a pixel behind the row above: what that row has just made is what this one has above.
 *
 *     step t:   row 0 at pixel t, row 1 at t - 1, row 2 at t - 2, row 3 at t - 3
 *
 * Before its first pixel a row counts zeros, whose guess is zero: that is the image's border. */
#include "image/png_paeth.h"

#include <string.h>

/* Called with bpp as a constant, so that the pixel before stays in registers. */
static inline void undo_row(uint8_t *row, const uint8_t *above, int64_t n, int bpp)
{
    int left[4] = {0}, corner[4] = {0};

    for (int64_t i = 0; i < n; i += bpp)
        for (int c = 0; c < bpp; c++) {
            int up = above[i + c];

            left[c] = (row[i + c] + fk_png_paeth_guess(left[c], up, corner[c])) & 255;
            corner[c] = up;
            row[i + c] = (uint8_t)left[c];
        }
}

void fk_png_paeth_plain(uint8_t *row, const uint8_t *above, int64_t n, int bpp)
{
    if (bpp == 3)
        undo_row(row, above, n, 3);
    else if (bpp == 4)
        undo_row(row, above, n, 4);
    else
        undo_row(row, above, n, bpp);
}

#ifdef __SSE2__

#include <emmintrin.h>

/* Rows 2 k and 2 k + 1, 4 values each in 16 bits. */
typedef struct pair {
    __m128i left, corner;
} pair;

typedef struct wave {
    uint8_t *out;      /* row 0's */
    const uint8_t *in; /* row 0's filtered bytes, rows n + 1 apart */
    const uint8_t *above;
    int64_t width;
    pair rows[2];
} wave;

/* Of 3 bytes a pixel the next one's first comes along, in a place that nothing depends on. */
static inline __m128i load_pixel(const uint8_t *p, int bpp)
{
    int32_t v;

    if (bpp == 1)
        return _mm_cvtsi32_si128(*p);
    memcpy(&v, p, sizeof v);
    return _mm_cvtsi32_si128(v);
}

static inline void store_pixel(uint8_t *p, int v, int bpp)
{
    uint16_t two = (uint16_t)v;

    if (bpp == 1) {
        *p = (uint8_t)v;
        return;
    }
    memcpy(p, &two, sizeof two);
    p[2] = (uint8_t)(v >> 16);
}

/* Where mask is set a, elsewhere b. */
static inline __m128i choose(__m128i mask, __m128i a, __m128i b)
{
    return _mm_or_si128(_mm_and_si128(mask, a), _mm_andnot_si128(mask, b));
}

/* fk_png_paeth_guess() of eight values, and the filtered ones added to it. */
static inline void advance(pair *p, __m128i filtered, __m128i up)
{
    __m128i lo = _mm_min_epi16(p->left, up), hi = _mm_max_epi16(p->left, up);
    __m128i thrice = _mm_add_epi16(p->corner, _mm_add_epi16(p->corner, p->corner));
    __m128i t = _mm_sub_epi16(_mm_sub_epi16(thrice, up), p->left);
    __m128i guess = choose(_mm_cmpgt_epi16(hi, t), p->corner, lo);

    guess = choose(_mm_cmpgt_epi16(t, lo), guess, hi);
    p->left = _mm_and_si128(_mm_add_epi16(filtered, guess), _mm_set1_epi16(255));
    p->corner = up;
}

/* The filtered pixels of rows 2 k and 2 k + 1 at step t; zeros beside the image. */
static inline __m128i filtered_pair(const wave *w, int64_t k, int64_t t, int bpp, bool inside)
{
    int64_t stride = w->width * bpp + 1, x = t - 2 * k;
    const uint8_t *p = w->in + 2 * k * stride;
    __m128i zero = _mm_setzero_si128(), a = zero, b = zero;

    if (inside || (x >= 0 && x < w->width))
        a = load_pixel(p + x * bpp, bpp);
    if (inside || (x >= 1 && x <= w->width))
        b = load_pixel(p + stride + (x - 1) * bpp, bpp);
    return _mm_unpacklo_epi8(_mm_unpacklo_epi32(a, b), zero);
}

static inline void store_pair(const wave *w, int64_t k, int64_t t, int bpp, bool inside)
{
    int64_t x = t - 2 * k;
    uint8_t *p = w->out + 2 * k * w->width * bpp;
    __m128i bytes = _mm_packus_epi16(w->rows[k].left, w->rows[k].left);
    int a = _mm_cvtsi128_si32(bytes), b = _mm_cvtsi128_si32(_mm_srli_si128(bytes, 4));

    if (inside || (x >= 0 && x < w->width))
        store_pixel(p + x * bpp, a, bpp);
    if (inside || (x >= 1 && x <= w->width))
        store_pixel(p + (w->width + x - 1) * bpp, b, bpp);
}

static inline void step(wave *w, int64_t t, int bpp, bool inside)
{
    pair *r = w->rows;
    __m128i above = _mm_setzero_si128(), up[2];

    if (inside || t < w->width)
        above = _mm_unpacklo_epi8(load_pixel(w->above + t * bpp, bpp), above);
    up[0] = _mm_unpacklo_epi64(above, r[0].left);
    up[1] = _mm_castpd_si128(
        _mm_shuffle_pd(_mm_castsi128_pd(r[0].left), _mm_castsi128_pd(r[1].left), 1));
    for (int64_t k = 0; k < 2; k++) {
        advance(&r[k], filtered_pair(w, k, t, bpp, inside), up[k]);
        store_pair(w, k, t, bpp, inside);
    }
}

static inline void run(wave *w, int bpp)
{
    int64_t t = 0, last = w->width + FK_PNG_ROWS - 1;

    for (; t < FK_PNG_ROWS - 1; t++)
        step(w, t, bpp, false);
    for (; t < w->width; t++)
        step(w, t, bpp, true);
    for (; t < last; t++)
        step(w, t, bpp, false);
}

bool fk_png_paeth_rows(uint8_t *out, const uint8_t *in, const uint8_t *above, int64_t width,
                       int bpp)
{
    wave w = {.out = out, .in = in, .above = above, .width = width};

    for (int k = 0; k < 2; k++)
        w.rows[k] = (pair){_mm_setzero_si128(), _mm_setzero_si128()};
    if (width < FK_PNG_ROWS)
        return false;
    if (bpp == 3)
        run(&w, 3);
    else if (bpp == 1)
        run(&w, 1);
    else
        return false;
    return true;
}

#else

bool fk_png_paeth_rows(uint8_t *out, const uint8_t *in, const uint8_t *above, int64_t width,
                       int bpp)
{
    (void)out;
    (void)in;
    (void)above;
    (void)width;
    (void)bpp;
    return false;
}

#endif
