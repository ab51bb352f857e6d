/* PNG's filters undone.
 *
 * A row is filtered as its bytes less a guess, modulo 256.  With bpp bytes a pixel, the guess for byte i
 * is made of left = row[i - bpp], up = above[i] and corner = above[i - bpp], each 0 outside the image:
 *
 *     0: nothing    1: left    2: up    3: (left + up) / 2
 *     4 (Paeth): the nearest of left, up, corner to left + up - corner, the earlier of equals. */
#ifndef FK_IMAGE_PNG_UNFILTER_H
#define FK_IMAGE_PNG_UNFILTER_H

#include "base/clones.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FK_PNG_WAVE 8                 /* rows that go side by side */
#define FK_PNG_ROWS (2 * FK_PNG_WAVE) /* most that fk_png_unfilter_rows() undoes together */

/* Paeth's guess without distances.  Let lo <= hi be left and up in order, and p = lo + hi - corner.
 * The distances of p are |hi - corner| to lo, |lo - corner| to hi, and their difference or sum to
 * corner.  With corner between the two, lo is nearest when 2 (hi - corner) <= corner - lo, and hi when
 * 2 (corner - lo) <= hi - corner; beyond hi, p falls below lo, beyond lo the other way round: the same
 * two questions, with differences below zero counted as zero.  Ties go to left or up, as they should;
 * left and up tie only where they are equal or corner is as near. */
static inline int fk_png_paeth_guess(int left, int up, int corner)
{
    int lo = left < up ? left : up, hi = left < up ? up : left;
    int to_hi = hi > corner ? hi - corner : 0, to_lo = corner > lo ? corner - lo : 0;
    int guess = 2 * to_hi <= to_lo ? lo : corner;

    return 2 * to_lo <= to_hi ? hi : guess;
}

/* Undo a row of n bytes in place; bpp is 1 to 4 bytes a pixel.  False, with nothing done, for a filter
 * that does not exist. */
bool fk_png_unfilter_row(int filter, uint8_t *row, const uint8_t *above, int64_t n, int bpp);

/* Undo FK_PNG_WAVE or FK_PNG_ROWS of n rows of width pixels: `in` at the first one's filtered bytes, with the byte
 * that names the filter before each row; `out` takes them without gaps, and FK_PNG_ROWS of them end before `in`, or
 * overlap nothing.  A byte behind `in` and `above` may be read.  The same bytes as row by row.  Returns how many; 0,
 * with nothing done, where there are too few, or this machine, shape or mixture of filters gains nothing by it, or a
 * filter does not exist. */
int64_t fk_png_unfilter_rows(uint8_t *out, const uint8_t *in, const uint8_t *above, int64_t width,
                             int64_t n, int bpp);

/* ---- Its inner loops, for each kind of processor ---- */

/* FK_PNG_WAVE rows; width is at least their number. */
typedef struct fk_png_wave {
    uint8_t *out;      /* row 0's */
    const uint8_t *in; /* row 0's filtered bytes, rows width * bpp + 1 apart */
    const uint8_t *above;
    int64_t width;
    uint8_t filters[FK_PNG_WAVE];
} fk_png_wave;

/* A pixel at p.  Of 3 bytes the next one's first comes along, in a place that nothing depends on. */
FK_INLINE int32_t fk_png_load(const uint8_t *p, int bpp)
{
    int32_t v;

    if (bpp == 1)
        return *p;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Likewise a byte of the next pixel is overwritten, unless it is the row's last. */
FK_INLINE void fk_png_store(uint8_t *p, int32_t v, int bpp, bool last)
{
    if (bpp == 1)
        *p = (uint8_t)v;
    else if (last)
        memcpy(p, &v, 3);
    else
        memcpy(p, &v, sizeof v);
}

/* Whether row r has a pixel at step t. */
FK_INLINE bool fk_png_has_pixel(const fk_png_wave *w, int64_t r, int64_t t)
{
    return t >= r && t - r < w->width;
}

/* Undo n of them, 1 or 2, the second below the first.  bpp is 1 or 3; pure: all filters are Paeth's. */
typedef void fk_png_wave_fn(const fk_png_wave *w, int n, int bpp, bool pure);

/* NULL where the processor has no such vectors. */
fk_png_wave_fn *fk_png_wave_sse2(void);
fk_png_wave_fn *fk_png_wave_avx2(void);
/* fk_png_unfilter_rows() by one of them. */
int64_t fk_png_unfilter_rows_by(fk_png_wave_fn *by, uint8_t *out, const uint8_t *in,
                                const uint8_t *above, int64_t width, int64_t n, int bpp);

#endif
