/* SPDX-License-Identifier: Apache-2.0 */
/* Applying the EXIF orientation.
 *
 * Each of the eight orientations is a choice of three flags: swap reads the stored image along its
 * columns instead of its rows, flip_x starts at its right edge, flip_y at its bottom edge.  Pixel
 * (x, y) of the upright image is pixel (sx, sy) of the stored one:
 *
 *     (sx, sy) = swap ? (y, x) : (x, y)
 *     if flip_x, sx = W - 1 - sx;   if flip_y, sy = H - 1 - sy
 *
 * So an origin and one step for each axis of the upright image describe the copy.  swap alone
 * transposes (5); a rotation by 90 degrees clockwise (6) starts at the bottom edge, one
 * anticlockwise (8) at the right edge. */
#include "base/mem.h"
#include "image/decode.h"

#include <assert.h>
#include <string.h>

typedef struct transform {
    bool swap, flip_x, flip_y;
} transform;

static const transform transforms[] = {
    [1] = {false, false, false}, [2] = {false, true, false}, [3] = {false, true, true},
    [4] = {false, false, true},  [5] = {true, false, false}, [6] = {true, false, true},
    [7] = {true, true, true},    [8] = {true, true, false},
};

/* Copy n pixels that are step bytes apart into a row. */
static void copy_row(uint8_t *out, const uint8_t *in, int64_t n, int64_t step, int channels)
{
    if (channels == 1) {
        for (int64_t x = 0; x < n; x++)
            out[x] = in[x * step];
        return;
    }
    for (int64_t x = 0; x < n; x++) {
        out[3 * x] = in[x * step];
        out[3 * x + 1] = in[x * step + 1];
        out[3 * x + 2] = in[x * step + 2];
    }
}

fleck_status fk_image_orient(fk_image *im, int orientation, fleck_error *err)
{
    int64_t c = im->channels, origin = 0;
    int64_t along_x = c, along_y = c * im->width; /* steps in the stored data */
    fk_image other;
    fleck_status st;
    transform t;

    assert(orientation >= 1 && orientation <= 8);
    if (orientation == 1)
        return FLECK_OK;
    t = transforms[orientation];
    st = fk_image_alloc(&other, t.swap ? im->height : im->width, t.swap ? im->width : im->height,
                        im->channels, err);
    if (st != FLECK_OK)
        return st;
    if (t.flip_x) {
        origin += (im->width - 1) * along_x;
        along_x = -along_x;
    }
    if (t.flip_y) {
        origin += (im->height - 1) * along_y;
        along_y = -along_y;
    }
    for (int64_t y = 0; y < other.height; y++)
        copy_row(other.data + y * other.width * c,
                 im->data + origin + y * (t.swap ? along_x : along_y), other.width,
                 t.swap ? along_y : along_x, im->channels);
    fk_image_free(im);
    *im = other;
    return FLECK_OK;
}
