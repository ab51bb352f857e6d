/* PNG's filter 4. */
#ifndef FK_IMAGE_PNG_PAETH_H
#define FK_IMAGE_PNG_PAETH_H

#include <stdbool.h>
#include <stdint.h>

#define FK_PNG_ROWS 4 /* that fk_png_paeth_rows() undoes together */

/* Paeth's guess without distances.  Let lo <= hi be left and up in order, and p = lo + hi - corner.
 * The distances of p are |hi - corner| to lo, |lo - corner| to hi, and their difference or sum to
 * corner.  With corner between the two, lo is nearest when 2 (hi - corner) <= corner - lo, which is
 * hi <= t for t = 3 corner - lo - hi, and hi is when t <= lo; beyond hi, p falls below lo and t
 * above hi, beyond lo the other way round.  Ties go to left or up, as they should; left and up tie
 * only where they are equal or corner is as near. */
static inline int fk_png_paeth_guess(int left, int up, int corner)
{
    int lo = left < up ? left : up, hi = left < up ? up : left;
    int t = 3 * corner - lo - hi;
    int guess = hi <= t ? lo : corner;

    return t <= lo ? hi : guess;
}

/* Undo a row of n bytes in place; bpp is 1 to 4 bytes a pixel. */
void fk_png_paeth_plain(uint8_t *row, const uint8_t *above, int64_t n, int bpp);

/* Undo FK_PNG_ROWS rows of width pixels: `in` at the first one's filtered bytes, with the byte that
 * names the filter between rows; `out` takes them without gaps and ends before `in`, or overlaps nothing.  A byte behind
 * `in` and `above` may be read.  The same bytes as row by row.  False, with nothing done, where this machine or shape gains nothing by it. */
bool fk_png_paeth_rows(uint8_t *out, const uint8_t *in, const uint8_t *above, int64_t width,
                       int bpp);

#endif
