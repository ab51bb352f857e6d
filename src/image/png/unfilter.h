/* SPDX-License-Identifier: Apache-2.0 */
/* PNG's filters undone.
 *
 * A row is filtered as its bytes less a guess, modulo 256.  With bpp bytes a pixel, the guess for
 * byte i is made of left = row[i - bpp], up = above[i] and corner = above[i - bpp], each 0 outside
 * the image:
 *
 *     0: nothing    1: left    2: up    3: (left + up) / 2
 *     4 (Paeth): the nearest of left, up, corner to left + up - corner, the earlier of equals. */
#ifndef FK_IMAGE_PNG_UNFILTER_H
#define FK_IMAGE_PNG_UNFILTER_H

#include <stdbool.h>
#include <stdint.h>

#define FK_PNG_ROWS 8 /* rows that go side by side */

/* Paeth's guess without distances.  Let lo <= hi be left and up in order, and p = lo + hi - corner.
 * The distances of p are |hi - corner| to lo, |lo - corner| to hi, and their difference or sum to
 * corner.  With corner between the two, lo is nearest when 2 (hi - corner) <= corner - lo, and
 * hi when 2 (corner - lo) <= hi - corner; beyond hi, p falls below lo, beyond lo the other way
 * round: the same two questions, with differences below zero counted as zero.  Ties go to left
 * or up, as they should; left and up tie only where they are equal or corner is as near. */
static inline int fk_png_paeth_guess(int left, int up, int corner)
{
    int lo = left < up ? left : up, hi = left < up ? up : left;
    int to_hi = hi > corner ? hi - corner : 0, to_lo = corner > lo ? corner - lo : 0;
    int guess = 2 * to_hi <= to_lo ? lo : corner;

    return 2 * to_lo <= to_hi ? hi : guess;
}

/* Undo a row of n bytes in place; bpp is 1, 3 or 4 bytes a pixel.  False, with nothing done, for a
 * filter that does not exist. */
bool fk_png_unfilter_row(int filter, uint8_t *row, const uint8_t *above, int64_t n, int bpp);

/* Undo FK_PNG_ROWS of n rows of width pixels: `in` at the first one's filtered bytes, with the byte
 * that names the filter before each row; `out` takes them without gaps, and they end before `in`,
 * or overlap nothing.  The same bytes as row by row.  False, with nothing done, where there are too
 * few, or this machine, shape or mixture of filters gains nothing by it, or a filter does not
 * exist. */
bool fk_png_unfilter_rows(uint8_t *out, const uint8_t *in, const uint8_t *above, int64_t width,
                          int64_t n, int bpp);

#endif
