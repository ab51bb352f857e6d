/* SPDX-License-Identifier: Apache-2.0 */
/* Nearest neighbour, bit-identical to Pillow's.
 *
 * Output sample i of n lies at (i + 1/2) * scale in the input, with scale = size / n.  Pillow does
 * not multiply: it starts at scale / 2, adds scale for each sample, in double, and truncates.
 * Where the exact position is a whole number, the rounding of the sums decides, so this file does
 * the same. */
#include "base/mem.h"
#include "image/resize/resize.h"

#include <string.h>

static void fill_positions(int64_t *at, int64_t size, int64_t n)
{
    double scale = (double)size / (double)n, position = scale * 0.5;

    for (int64_t i = 0; i < n; i++, position += scale) {
        at[i] = (int64_t)position;
        if (at[i] > size - 1)
            at[i] = size - 1;
    }
}

static void pick_row(uint8_t *out, const uint8_t *row, const int64_t *at, int64_t n, int channels)
{
    if (channels == 1) {
        for (int64_t x = 0; x < n; x++)
            out[x] = row[at[x]];
        return;
    }
    for (int64_t x = 0; x < n; x++)
        memcpy(out + 3 * x, row + 3 * at[x], 3);
}

fleck_status fk_resize_nearest(fk_image *out, const fk_image *src, fleck_error *err)
{
    int64_t row_bytes = out->width * out->channels;
    int64_t *at_x = NULL, *at_y = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&at_x, out->width, err));
    FK_DO(FK_ALLOC(&at_y, out->height, err));
    fill_positions(at_x, src->width, out->width);
    fill_positions(at_y, src->height, out->height);
    for (int64_t y = 0; y < out->height; y++)
        pick_row(out->data + y * row_bytes, src->data + at_y[y] * src->width * src->channels, at_x,
                 out->width, out->channels);
done:
    fk_free(at_x);
    fk_free(at_y);
    return st;
}
