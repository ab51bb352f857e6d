/* PNG's filters undone, a row or eight rows at a time.
 *
 * A pixel waits for the one to its left, so one row alone leaves the processor idle.  Eight rows go
 * side by side, each a pixel behind the row above: what that row has just made is what this one has
 * above.
 *
 *     step t:   row 0 at pixel t, row 1 at t - 1, ... row 7 at t - 7
 *
 * Before its first pixel a row counts zeros, whose guess is zero: that is the image's border. */
#include "image/png/unfilter.h"
#include "base/clones.h"

#include <stddef.h>
#include <string.h>

/* ---- A row ---- */

/* The next three are called with bpp as a constant, so that the pixel before stays in registers. */
static inline void undo_left(uint8_t *row, int64_t n, int bpp)
{
    for (int64_t i = bpp; i < n; i++)
        row[i] = (uint8_t)(row[i] + row[i - bpp]);
}

static inline void undo_average(uint8_t *row, const uint8_t *above, int64_t n, int bpp)
{
    for (int64_t i = 0; i < bpp; i++)
        row[i] = (uint8_t)(row[i] + above[i] / 2);
    for (int64_t i = bpp; i < n; i++)
        row[i] = (uint8_t)(row[i] + (row[i - bpp] + above[i]) / 2);
}

static inline void undo_paeth(uint8_t *row, const uint8_t *above, int64_t n, int bpp)
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

static void undo_up(uint8_t *row, const uint8_t *above, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        row[i] = (uint8_t)(row[i] + above[i]);
}

static inline bool undo(int filter, uint8_t *row, const uint8_t *above, int64_t n, int bpp)
{
    switch (filter) {
    case 0:
        return true;
    case 1:
        undo_left(row, n, bpp);
        return true;
    case 2:
        undo_up(row, above, n);
        return true;
    case 3:
        undo_average(row, above, n, bpp);
        return true;
    case 4:
        undo_paeth(row, above, n, bpp);
        return true;
    default:
        return false;
    }
}

bool fk_png_unfilter_row(int filter, uint8_t *row, const uint8_t *above, int64_t n, int bpp)
{
    if (bpp == 3)
        return undo(filter, row, above, n, 3);
    if (bpp == 4)
        return undo(filter, row, above, n, 4);
    return undo(filter, row, above, n, bpp);
}

/* ---- Eight rows; all of a step stays in registers only where nothing of it is called ---- */

#ifdef __SSE2__

#include <emmintrin.h>

/* The rows; width is at least their number. */
typedef struct wave {
    uint8_t *out;      /* row 0's */
    const uint8_t *in; /* row 0's filtered bytes, rows width * bpp + 1 apart */
    const uint8_t *above;
    int64_t width;
    uint8_t filters[FK_PNG_ROWS];
} wave;

/* A pixel at p.  Of 3 bytes the next one's first comes along, in a place that nothing depends
 * on. */
FK_INLINE int32_t load(const uint8_t *p, int bpp)
{
    int32_t v;

    if (bpp == 1)
        return *p;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Likewise a byte of the next pixel is overwritten, unless it is the row's last. */
FK_INLINE void store(uint8_t *p, int32_t v, int bpp, bool last)
{
    if (bpp == 1)
        *p = (uint8_t)v;
    else if (last)
        memcpy(p, &v, 3);
    else
        memcpy(p, &v, sizeof v);
}

/* Whether row r has a pixel at step t. */
FK_INLINE bool has_pixel(const wave *w, int64_t r, int64_t t)
{
    return t >= r && t - r < w->width;
}

/* Rows 4 k to 4 k + 3, a pixel each, in 4 bytes. */
typedef struct four {
    __m128i left, corner;
    __m128i takes_left, takes_up, takes_average,
        takes_paeth; /* set where that is the row's filter */
} four;

/* Where mask is set a, elsewhere b. */
FK_INLINE __m128i choose(__m128i mask, __m128i a, __m128i b)
{
    return _mm_or_si128(_mm_and_si128(mask, a), _mm_andnot_si128(mask, b));
}

/* fk_png_paeth_guess() of sixteen bytes: twice a <= b where nothing is left of twice a without b.
 * The two differences add up to at most 255, so what saturates is the larger anyway. */
FK_INLINE __m128i paeth_guess(__m128i left, __m128i up, __m128i corner)
{
    const __m128i zero = _mm_setzero_si128();
    __m128i lo = _mm_min_epu8(left, up), hi = _mm_max_epu8(left, up);
    __m128i to_hi = _mm_subs_epu8(hi, corner), to_lo = _mm_subs_epu8(corner, lo);
    __m128i is_lo = _mm_cmpeq_epi8(_mm_subs_epu8(_mm_adds_epu8(to_hi, to_hi), to_lo), zero);
    __m128i is_hi = _mm_cmpeq_epi8(_mm_subs_epu8(_mm_adds_epu8(to_lo, to_lo), to_hi), zero);

    return choose(is_hi, hi, choose(is_lo, lo, corner));
}

FK_INLINE void advance(four *r, __m128i filtered, __m128i up)
{
    __m128i odd = _mm_and_si128(_mm_xor_si128(r->left, up), _mm_set1_epi8(1));
    __m128i average = _mm_sub_epi8(_mm_avg_epu8(r->left, up), odd); /* rounded down */
    __m128i paeth = paeth_guess(r->left, up, r->corner);
    __m128i guess = _mm_or_si128(
        _mm_or_si128(_mm_and_si128(paeth, r->takes_paeth), _mm_and_si128(r->left, r->takes_left)),
        _mm_or_si128(_mm_and_si128(up, r->takes_up), _mm_and_si128(average, r->takes_average)));

    r->left = _mm_add_epi8(filtered, guess);
    r->corner = up;
}

/* inside: every row has a pixel, and none its last. */
FK_INLINE __m128i filtered_four(const wave *w, int64_t k, int64_t t, int bpp, bool inside)
{
    int64_t stride = w->width * bpp + 1;
    __m128i pixel[4];

    for (int64_t i = 0; i < 4; i++) {
        int64_t r = 4 * k + i;

        if (inside || has_pixel(w, r, t))
            pixel[i] = _mm_cvtsi32_si128(load(w->in + r * stride + (t - r) * bpp, bpp));
        else
            pixel[i] = _mm_setzero_si128();
    }
    return _mm_unpacklo_epi64(_mm_unpacklo_epi32(pixel[0], pixel[1]),
                              _mm_unpacklo_epi32(pixel[2], pixel[3]));
}

FK_INLINE void store_four(const wave *w, __m128i v, int64_t k, int64_t t, int bpp, bool inside)
{
    const __m128i pixel[4] = {v, _mm_shuffle_epi32(v, 1), _mm_shuffle_epi32(v, 2),
                              _mm_shuffle_epi32(v, 3)};

    for (int64_t i = 0; i < 4; i++) {
        int64_t r = 4 * k + i, x = t - r;

        if (inside || has_pixel(w, r, t))
            store(w->out + (r * w->width + x) * bpp, _mm_cvtsi128_si32(pixel[i]), bpp,
                  !inside && x + 1 == w->width);
    }
}

FK_INLINE void step(const wave *w, four r[2], int64_t t, int bpp, bool inside)
{
    __m128i above = _mm_setzero_si128(), up[2];

    if (inside || t < w->width)
        above = _mm_cvtsi32_si128(load(w->above + t * bpp, bpp));
    up[0] = _mm_or_si128(above, _mm_slli_si128(r[0].left, 4));
    up[1] = _mm_or_si128(_mm_srli_si128(r[0].left, 12), _mm_slli_si128(r[1].left, 4));
    for (int64_t k = 0; k < 2; k++) {
        advance(&r[k], filtered_four(w, k, t, bpp, inside), up[k]);
        store_four(w, r[k].left, k, t, bpp, inside);
    }
}

/* w is a copy, so that no byte written through a pointer can change it. */
FK_INLINE void run(wave w, four low, four high, int bpp)
{
    four r[2] = {low, high};
    int64_t t = 0, end = w.width + FK_PNG_ROWS - 1;

    for (; t < FK_PNG_ROWS - 1; t++)
        step(&w, r, t, bpp, false);
    for (; t < w.width - 1; t++)
        step(&w, r, t, bpp, true);
    for (; t < end; t++)
        step(&w, r, t, bpp, false);
}

/* Rows 4 k to 4 k + 3 before their first pixel. */
static four begin(const wave *w, int k)
{
    const uint8_t *f = w->filters + 4 * k;
    __m128i filter = _mm_setr_epi32(f[0], f[1], f[2], f[3]);

    return (four){.left = _mm_setzero_si128(),
                  .corner = _mm_setzero_si128(),
                  .takes_left = _mm_cmpeq_epi32(filter, _mm_set1_epi32(1)),
                  .takes_up = _mm_cmpeq_epi32(filter, _mm_set1_epi32(2)),
                  .takes_average = _mm_cmpeq_epi32(filter, _mm_set1_epi32(3)),
                  .takes_paeth = _mm_cmpeq_epi32(filter, _mm_set1_epi32(4))};
}

static void undo_wave(const wave *w, int bpp)
{
    four low = begin(w, 0), high = begin(w, 1);

    if (bpp == 3)
        run(*w, low, high, 3);
    else
        run(*w, low, high, 1);
}

/* What a row alone takes by its filter, in eighths of what all rows take together. */
static const int alone[] = {0, 1, 0, 2, 4};

/* Whether the wave, whose other fields are set, gains by being one; sets its filters. */
static bool gains(wave *w, int bpp)
{
    int by_row = 0;

    for (int64_t r = 0; r < FK_PNG_ROWS; r++) {
        int filter = w->filters[r] = w->in[r * (w->width * bpp + 1) - 1];

        if (filter > 4)
            return false;
        by_row += alone[filter];
    }
    return by_row > 8;
}

bool fk_png_unfilter_rows(uint8_t *out, const uint8_t *in, const uint8_t *above, int64_t width,
                          int64_t n, int bpp)
{
    wave w = {.out = out, .in = in, .above = above, .width = width};

    if (n < FK_PNG_ROWS || width < FK_PNG_ROWS || (bpp != 3 && bpp != 1) || !gains(&w, bpp))
        return false;
    undo_wave(&w, bpp);
    return true;
}

#else

bool fk_png_unfilter_rows(uint8_t *out, const uint8_t *in, const uint8_t *above, int64_t width,
                          int64_t n, int bpp)
{
    (void)out;
    (void)in;
    (void)above;
    (void)width;
    (void)n;
    (void)bpp;
    return false;
}

#endif
