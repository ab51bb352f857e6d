/* SPDX-License-Identifier: Apache-2.0 */
/* PNG's filters undone, a row or eight rows at a time.
 *
 * A pixel waits for the one to its left, so one row alone leaves the processor idle.  Eight rows go
 * side by side, each four pixels behind the row above: what that row has just made is what this one
 * has above.
 *
 *     step t:   row 0 from pixel 4 t on, row 1 from 4 (t - 1), ... row 7 from 4 (t - 7)
 *
 * To load and store single pixels would take longer than their guesses: each row's four are loaded
 * together, and the rectangle of rows and pixels is turned.  Before its first pixel a row counts
 * zeros, whose guess is zero: that is the image's border. */
#include "image/png/unfilter.h"

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
    return undo(filter, row, above, n, 1);
}

/* ---- Eight rows ---- */

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline, target("avx2")))

#define SIDE 4 /* pixels of a row in a step, of 4 bytes in a register */

/* Vectors have a pixel of each row. */
typedef struct wave {
    uint8_t *out;             /* row 0's */
    const uint8_t *in;        /* row 0's filtered bytes, rows n + 1 apart */
    const uint8_t *above;     /* row 0 */
    int64_t n, step;          /* bytes of a row, and of SIDE pixels */
    __m256i spread, gathered; /* where the bytes of SIDE pixels go to, and come from */
    __m256i takes_left, takes_up, takes_corner, takes_average; /* set in rows whose guess does */
    __m256i left, corner, made[SIDE];
} wave;

/* Whether 16 bytes from x on are the row's. */
INLINE bool is_whole(const wave *w, int64_t x)
{
    return x >= 0 && x + 16 <= w->n;
}

/* How many bytes of the row are among those of SIDE pixels from x on. */
INLINE size_t part(const wave *w, int64_t x)
{
    return x < 0 || x >= w->n ? 0 : (size_t)(w->n - x < w->step ? w->n - x : w->step);
}

/* The row's bytes from x on, SIDE pixels or more; outside it zeros.  inside: it is_whole(). */
INLINE __m128i load(const wave *w, const uint8_t *row, int64_t x, bool inside)
{
    uint8_t edge[16] = {0};

    if (inside || is_whole(w, x))
        return _mm_loadu_si128((const __m128i *)(const void *)(row + x));
    if (part(w, x) > 0)
        memcpy(edge, row + x, part(w, x));
    return _mm_loadu_si128((const __m128i *)(const void *)edge);
}

/* Likewise bytes behind SIDE pixels are overwritten, which the next steps make good. */
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

/* In both halves v[i] 32 bits j becomes v[j] 32 bits i. */
INLINE void turn(__m256i v[SIDE])
{
    __m256i a = _mm256_unpacklo_epi32(v[0], v[1]), b = _mm256_unpackhi_epi32(v[0], v[1]);
    __m256i c = _mm256_unpacklo_epi32(v[2], v[3]), d = _mm256_unpackhi_epi32(v[2], v[3]);

    v[0] = _mm256_unpacklo_epi64(a, c);
    v[1] = _mm256_unpackhi_epi64(a, c);
    v[2] = _mm256_unpacklo_epi64(b, d);
    v[3] = _mm256_unpackhi_epi64(b, d);
}

/* v and fk_png_paeth_guess(), which is corner, or the distance from there to lo or hi away.  Twice
 * a <= b where nothing is left of twice a without b; the two distances add up to at most 255, so
 * what saturates is the larger anyway. */
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

/* A pixel of each row, of which v is what is filtered.  Where left or up alone is not zero, it is
 * Paeth's guess: mixed waves, in which other filters are, get by with that. */
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
        _mm_shuffle_epi8(load(w, w->above, x, inside), _mm256_castsi256_si128(w->spread));
    __m256i v[SIDE];

#pragma GCC unroll 4
    for (int64_t r = 0; r < 4; r++) {
        const uint8_t *row = w->in + r * (w->n + 1), *other = row + 4 * (w->n + 1);
        __m128i low = load(w, row, x - r * w->step, inside);
        __m128i high = load(w, other, x - (r + 4) * w->step, inside);

        v[r] = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), w->spread);
    }
    turn(v);
#pragma GCC unroll 4
    for (int i = 0; i < SIDE; i++) {
        __m256i up = _mm256_permutevar8x32_epi32(w->made[i], next_row);

        up = _mm256_blend_epi32(up, _mm256_castsi128_si256(above), 1);
        above = _mm_srli_si128(above, 4);
        v[i] = w->made[i] = advance(w, v[i], up, mixed);
    }
    turn(v);
#pragma GCC unroll 4
    for (int64_t r = 0; r < 4; r++) {
        uint8_t *row = w->out + r * w->n, *other = row + 4 * w->n;
        __m256i bytes = _mm256_shuffle_epi8(v[r], w->gathered);

        store(w, row, x - r * w->step, _mm256_castsi256_si128(bytes), inside);
        store(w, other, x - (r + 4) * w->step, _mm256_extracti128_si256(bytes, 1), inside);
    }
}

/* w is a copy, so that no byte written through a pointer can change it. */
INLINE void run(wave w, bool mixed)
{
    int64_t behind = (FK_PNG_ROWS - 1) * w.step, x = 0;

    for (; x < behind; x += w.step)
        step(&w, x, false, mixed);
    for (; x + 16 <= w.n; x += w.step)
        step(&w, x, true, mixed);
    for (; x < w.n + behind; x += w.step)
        step(&w, x, false, mixed);
}

/* Set in rows whose filter is a or b. */
INLINE __m256i rows_of(const wave *w, int a, int b)
{
    int32_t is[FK_PNG_ROWS];

    for (int64_t r = 0; r < FK_PNG_ROWS; r++) {
        int filter = w->in[r * (w->n + 1) - 1];

        is[r] = filter == a || filter == b ? -1 : 0;
    }
    return _mm256_loadu_si256((const __m256i *)(const void *)is);
}

/* w's other fields are set. */
TARGET static void undo_wave(wave *w, int bpp)
{
    uint8_t spread[32], gathered[32]; /* 255: nothing */

    memset(spread, 255, sizeof spread);
    memset(gathered, 255, sizeof gathered);
    for (int i = 0; i < SIDE; i++)
        for (int c = 0; c < bpp; c++) {
            spread[4 * i + c] = spread[16 + 4 * i + c] = (uint8_t)(bpp * i + c);
            gathered[bpp * i + c] = gathered[16 + bpp * i + c] = (uint8_t)(4 * i + c);
        }
    w->spread = _mm256_loadu_si256((const __m256i *)(const void *)spread);
    w->gathered = _mm256_loadu_si256((const __m256i *)(const void *)gathered);
    w->takes_left = rows_of(w, 1, 4);
    w->takes_up = rows_of(w, 2, 4);
    w->takes_corner = rows_of(w, 4, 4);
    w->takes_average = rows_of(w, 3, 3);
    if (_mm256_movemask_epi8(w->takes_corner) == -1)
        run(*w, false);
    else
        run(*w, true);
}

/* What a row alone takes by its filter, in eighths of what all rows take together. */
static const int alone[] = {0, 1, 0, 2, 4};

/* Whether rows whose first begins at in gain by being a wave. */
static bool gains(const uint8_t *in, int64_t n)
{
    int by_row = 0;

    for (int64_t r = 0; r < FK_PNG_ROWS; r++) {
        int filter = in[r * (n + 1) - 1];

        if (filter > 4)
            return false;
        by_row += alone[filter];
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
