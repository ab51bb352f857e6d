/* SPDX-License-Identifier: Apache-2.0 */
/* Undoing PNG's filters.
 *
 * A filtered byte is the byte minus a prediction, modulo 256.  With bpp bytes a pixel, byte i is
 * predicted from left = row[i - bpp], up = above[i] and corner = above[i - bpp], each 0 outside the
 * image:
 *
 *     0: nothing    1: left    2: up    3: (left + up) / 2
 *     4 (Paeth): the nearest of left, up, corner to left + up - corner, the earlier of equals. */
#ifndef FK_IMAGE_PNG_UNFILTER_H
#define FK_IMAGE_PNG_UNFILTER_H

#include <stdbool.h>
#include <stdint.h>

#define FK_PNG_ROWS 8 /* rows that are unfiltered together */

/* Paeth's predictor without computing the three distances.  Let lo <= hi be left and up in order,
 * and p = lo + hi - corner.  The distance of p is |hi - corner| to lo, |lo - corner| to hi, and the
 * difference or sum of these two to corner.  If corner lies between lo and hi, lo is nearest when 2
 * (hi - corner) <= corner - lo, and hi is nearest when 2 (corner - lo) <= hi - corner.  If corner
 * is above hi, p is below lo, and the reverse: the same two tests decide if negative differences
 * count as zero.  Ties go to left or up, as PNG demands; left and up tie only if they are equal or
 * corner is as near. */
static inline int fk_png_paeth_guess(int left, int up, int corner)
{
    int lo = left < up ? left : up, hi = left < up ? up : left;
    int to_hi = hi > corner ? hi - corner : 0, to_lo = corner > lo ? corner - lo : 0;
    int guess = 2 * to_hi <= to_lo ? lo : corner;

    return 2 * to_lo <= to_hi ? hi : guess;
}

/* Undo the filter of a row of n bytes in place; bpp is 1, 3 or 4 bytes a pixel.  False, with
 * nothing done, if there is no such filter. */
bool fk_png_unfilter_row(int filter, uint8_t *row, const uint8_t *above, int64_t n, int bpp);

/* Undo the filters of the first FK_PNG_ROWS of n rows of width pixels, together.  `in` points to
 * the filtered bytes of the first row; the byte before each row names its filter.  The rows are
 * written to `out` without gaps; they end before `in`, or do not overlap it.  The bytes are those
 * of fk_png_unfilter_row().  False, with nothing done, if there are fewer rows, a filter does not
 * exist, or the processor, the width or the filters used make it no faster. */
bool fk_png_unfilter_rows(uint8_t *out, const uint8_t *in, const uint8_t *above, int64_t width,
                          int64_t n, int bpp);

#endif
