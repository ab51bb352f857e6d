/* SPDX-License-Identifier: Apache-2.0 */
/* Undoing PNG's filters, one row or eight rows at a time.
 *
 * A pixel depends on the one to its left, so a single row leaves the processor idle.  Eight rows
 * are processed together as a wavefront: each row is four pixels behind the row above, so that the
 * four pixels above the next ones have just been computed.
 *
 *     step t:   row 0 from pixel 4 t on, row 1 from 4 (t - 1), ... row 7 from 4 (t - 7)
 *
 * Loading and storing single pixels would take longer than predicting them.  So four pixels of each
 * row are loaded together, and the block of rows and pixels is transposed.  Before its first pixel
 * a row reads zeros, for which the prediction is zero: that is the image's border. */
#include "image/png/unfilter.h"

#include <string.h>

/* ---- A row ---- */

/* The next three are called with a constant bpp, so that the previous pixel stays in registers. */
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
    return undo(filter, row, above, n, 1);
}

/* ---- Eight rows ---- */

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline, target("avx2")))

#define SIDE 4 /* pixels of a row per step; each takes 4 bytes of a register */

/* A vector holds one pixel of each row. */
typedef struct wave {
    uint8_t *out;         /* row 0; rows are n bytes apart */
    const uint8_t *in;    /* filtered bytes of row 0; rows are n + 1 bytes apart */
    const uint8_t *above; /* the row above row 0 */
    int64_t n, step;      /* bytes of a row, and of SIDE pixels */
    __m256i unpack, pack; /* shuffles of SIDE pixels: bpp bytes to 4 bytes each, and back */
    __m256i takes_left, takes_up, takes_corner, takes_average; /* all ones in rows that use it */
    __m256i left, corner, made[SIDE];
} wave;

/* Whether the 16 bytes from x on all belong to the row. */
INLINE bool is_whole(const wave *w, int64_t x)
{
    return x >= 0 && x + 16 <= w->n;
}

/* How many bytes of the SIDE pixels from x on belong to the row. */
INLINE size_t part(const wave *w, int64_t x)
{
    return x < 0 || x >= w->n ? 0 : (size_t)(w->n - x < w->step ? w->n - x : w->step);
}

/* Load the row's bytes from x on, at least SIDE pixels; zeros outside the row.  inside: is_whole()
 * is known to be true. */
INLINE __m128i load(const wave *w, const uint8_t *row, int64_t x, bool inside)
{
    uint8_t edge[16] = {0};

    if (inside || is_whole(w, x))
        return _mm_loadu_si128((const __m128i *)(const void *)(row + x));
    if (part(w, x) > 0)
        memcpy(edge, row + x, part(w, x));
    return _mm_loadu_si128((const __m128i *)(const void *)edge);
}

/* Store SIDE pixels at x.  Bytes after them may be overwritten; the next steps write these. */
INLINE void store(const wave *w, uint8_t *row, int64_t x, __m128i v, bool inside)
{
    uint8_t edge[16];

    if (inside || is_whole(w, x)) {
        _mm_storeu_si128((__m128i *)(void *)(row + x), v);
        return;
    }
    _mm_storeu_si128((__m128i *)(void *)edge, v);
    if (part(w, x) > 0)
        memcpy(row + x, edge, part(w, x));
}

/* Transpose the 4 x 4 matrix of 32-bit elements in both halves of v. */
INLINE void transpose(__m256i v[SIDE])
{
    __m256i a = _mm256_unpacklo_epi32(v[0], v[1]), b = _mm256_unpackhi_epi32(v[0], v[1]);
    __m256i c = _mm256_unpacklo_epi32(v[2], v[3]), d = _mm256_unpackhi_epi32(v[2], v[3]);

    v[0] = _mm256_unpacklo_epi64(a, c);
    v[1] = _mm256_unpackhi_epi64(a, c);
    v[2] = _mm256_unpacklo_epi64(b, d);
    v[3] = _mm256_unpackhi_epi64(b, d);
}

/* v + fk_png_paeth_guess().  The prediction is corner, plus its distance to hi or minus its
 * distance to lo.  2 a <= b exactly if the saturating difference 2 a - b is 0.  The two distances
 * add up to at most 255, so where 2 a saturates it is the larger in any case. */
INLINE __m256i add_paeth(__m256i v, __m256i left, __m256i up, __m256i corner)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i lo = _mm256_min_epu8(left, up), hi = _mm256_max_epu8(left, up);
    __m256i to_hi = _mm256_subs_epu8(hi, corner), to_lo = _mm256_subs_epu8(corner, lo);
    __m256i over_lo = _mm256_subs_epu8(_mm256_adds_epu8(to_hi, to_hi), to_lo);
    __m256i over_hi = _mm256_subs_epu8(_mm256_adds_epu8(to_lo, to_lo), to_hi);
    __m256i down = _mm256_and_si256(to_lo, _mm256_cmpeq_epi8(over_lo, zero));
    __m256i rise = _mm256_and_si256(to_hi, _mm256_cmpeq_epi8(over_hi, zero));

    return _mm256_add_epi8(_mm256_add_epi8(v, corner), _mm256_sub_epi8(rise, down));
}

/* Compute the next pixel of each row from its filtered bytes v.  If only left or only up is not
 * zero, that one is Paeth's prediction; so in waves with other filters (mixed), the inputs that a
 * filter does not use are set to zero. */
INLINE __m256i advance(wave *w, __m256i v, __m256i up, bool mixed)
{
    __m256i left = w->left, corner = w->corner;

    w->corner = up;
    if (mixed) {
        __m256i odd = _mm256_and_si256(_mm256_xor_si256(left, up), _mm256_set1_epi8(1));
        __m256i average = _mm256_sub_epi8(_mm256_avg_epu8(left, up), odd); /* rounded down */

        v = _mm256_add_epi8(v, _mm256_and_si256(average, w->takes_average));
        left = _mm256_and_si256(left, w->takes_left);
        up = _mm256_and_si256(up, w->takes_up);
        corner = _mm256_and_si256(corner, w->takes_corner);
    }
    w->left = add_paeth(v, left, up, corner);
    return w->left;
}

INLINE void step(wave *w, int64_t x, bool inside, bool mixed)
{
    const __m256i next_row = _mm256_setr_epi32(0, 0, 1, 2, 3, 4, 5, 6);
    __m128i above =
        _mm_shuffle_epi8(load(w, w->above, x, inside), _mm256_castsi256_si128(w->unpack));
    __m256i v[SIDE];

#pragma GCC unroll 4
    for (int64_t r = 0; r < 4; r++) {
        const uint8_t *row = w->in + r * (w->n + 1), *other = row + 4 * (w->n + 1);
        __m128i low = load(w, row, x - r * w->step, inside);
        __m128i high = load(w, other, x - (r + 4) * w->step, inside);

        v[r] = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), w->unpack);
    }
    transpose(v);
#pragma GCC unroll 4
    for (int i = 0; i < SIDE; i++) {
        __m256i up = _mm256_permutevar8x32_epi32(w->made[i], next_row);

        up = _mm256_blend_epi32(up, _mm256_castsi128_si256(above), 1);
        above = _mm_srli_si128(above, 4);
        v[i] = w->made[i] = advance(w, v[i], up, mixed);
    }
    transpose(v);
#pragma GCC unroll 4
    for (int64_t r = 0; r < 4; r++) {
        uint8_t *row = w->out + r * w->n, *other = row + 4 * w->n;
        __m256i bytes = _mm256_shuffle_epi8(v[r], w->pack);

        store(w, row, x - r * w->step, _mm256_castsi256_si128(bytes), inside);
        store(w, other, x - (r + 4) * w->step, _mm256_extracti128_si256(bytes, 1), inside);
    }
}

/* w is a copy, so that bytes written through a pointer cannot alias it. */
INLINE void undo_rows(wave w, bool mixed)
{
    int64_t behind = (FK_PNG_ROWS - 1) * w.step, x = 0;

    for (; x < behind; x += w.step)
        step(&w, x, false, mixed);
    for (; x + 16 <= w.n; x += w.step)
        step(&w, x, true, mixed);
    for (; x < w.n + behind; x += w.step)
        step(&w, x, false, mixed);
}

/* All ones in rows whose filter is a or b. */
INLINE __m256i rows_of(const wave *w, int a, int b)
{
    int32_t is[FK_PNG_ROWS];

    for (int64_t r = 0; r < FK_PNG_ROWS; r++) {
        int filter = w->in[r * (w->n + 1) - 1];

        is[r] = filter == a || filter == b ? -1 : 0;
    }
    return _mm256_loadu_si256((const __m256i *)(const void *)is);
}

/* Undo the filters of a wave whose pointers and sizes are set. */
TARGET static void undo_wave(wave *w, int bpp)
{
    uint8_t unpack[32], pack[32]; /* 255 gives a zero byte */

    memset(unpack, 255, sizeof unpack);
    memset(pack, 255, sizeof pack);
    for (int i = 0; i < SIDE; i++)
        for (int c = 0; c < bpp; c++) {
            unpack[4 * i + c] = unpack[16 + 4 * i + c] = (uint8_t)(bpp * i + c);
            pack[bpp * i + c] = pack[16 + bpp * i + c] = (uint8_t)(4 * i + c);
        }
    w->unpack = _mm256_loadu_si256((const __m256i *)(const void *)unpack);
    w->pack = _mm256_loadu_si256((const __m256i *)(const void *)pack);
    w->takes_left = rows_of(w, 1, 4);
    w->takes_up = rows_of(w, 2, 4);
    w->takes_corner = rows_of(w, 4, 4);
    w->takes_average = rows_of(w, 3, 3);
    if (_mm256_movemask_epi8(w->takes_corner) == -1)
        undo_rows(*w, false);
    else
        undo_rows(*w, true);
}

/* Time of a single row by its filter, in eighths of the time of eight rows as a wave. */
static const int row_cost[] = {0, 1, 0, 2, 4};

/* Whether a wave is faster than single rows, for rows whose first begins at in. */
static bool gains(const uint8_t *in, int64_t n)
{
    int by_row = 0;

    for (int64_t r = 0; r < FK_PNG_ROWS; r++) {
        int filter = in[r * (n + 1) - 1];

        if (filter > 4)
            return false;
        by_row += row_cost[filter];
    }
    return by_row > 8;
}

bool fk_png_unfilter_rows(uint8_t *out, const uint8_t *in, const uint8_t *above, int64_t width,
                          int64_t n, int bpp)
{
    wave w = {.out = out, .in = in, .above = above, .n = width * bpp, .step = SIDE * bpp};

    if (n < FK_PNG_ROWS || width < FK_PNG_ROWS || !__builtin_cpu_supports("avx2") ||
        !gains(in, w.n))
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
