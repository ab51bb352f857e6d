/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles: a large image is cut into overlapping squares, and their maps are blended into one.
 *
 * Along an axis of L pixels, tiles of T pixels that overlap by at least V are at most T - V apart.
 * With n = 1 + ceil((L - T) / (T - V)) tiles, spread evenly,
 *
 *     start[i] = floor(i (L - T) / (n - 1) + 1/2)
 *
 * the first tile begins at 0, the last ends at L, and there is no padding.  For L <= T there is one
 * tile, centred.
 *
 * Let left[i] = start[i-1] + T - start[i] be the overlap of tile i with the one before it.  The
 * weight of its pixel k is the lower of two ramps, which are 1 at the image's edges:
 *
 *     w[i](k) = min(1, (k + 1/2) / left[i], (T - k - 1/2) / left[i+1])
 *
 * and its share is w / (sum of w of all tiles there).  The weights of two tiles that overlap by V
 * pixels, (k + 1/2) / V and (V - k - 1/2) / V, sum to 1 already; the division matters where three
 * overlap, if V is above T / 2.  In two dimensions shares multiply, so they still sum to 1. */
#include "view/tiles.h"
#include "map/map.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static int64_t count_along(int64_t length, int64_t tile, int64_t overlap)
{
    int64_t step = tile - overlap;

    assert(step > 0);
    return length <= tile ? 1 : 1 + (length - tile + step - 1) / step;
}

fk_tiles fk_tiles_of(int64_t height, int64_t width, int64_t tile, int64_t overlap)
{
    return (fk_tiles){.height = height,
                      .width = width,
                      .tile = tile,
                      .rows = count_along(height, tile, overlap),
                      .columns = count_along(width, tile, overlap)};
}

int64_t fk_tile_start(int64_t i, int64_t n, int64_t length, int64_t tile)
{
    if (n == 1)
        return -((tile - length) / 2);
    return (2 * i * (length - tile) + n - 1) / (2 * (n - 1));
}

/* w[i] at pixel x of the image; 0 outside the tile. */
static double weight_at(int64_t i, int64_t n, int64_t length, int64_t tile, int64_t x)
{
    int64_t start = fk_tile_start(i, n, length, tile), k = x - start;
    double weight = 1.0;

    if (k < 0 || k >= tile)
        return 0.0;
    if (i > 0) {
        int64_t left = fk_tile_start(i - 1, n, length, tile) + tile - start;

        if (left > 0)
            weight = fmin(weight, ((double)k + 0.5) / (double)left);
    }
    if (i + 1 < n) {
        int64_t right = start + tile - fk_tile_start(i + 1, n, length, tile);

        if (right > 0)
            weight = fmin(weight, ((double)(tile - k) - 0.5) / (double)right);
    }
    return weight;
}

void fk_tile_shares(double *out, int64_t i, int64_t n, int64_t length, int64_t tile)
{
    int64_t start = fk_tile_start(i, n, length, tile);

    for (int64_t k = 0; k < tile; k++) {
        double own = weight_at(i, n, length, tile, start + k), sum = own;

        for (int64_t j = i - 1; j >= 0 && weight_at(j, n, length, tile, start + k) > 0.0; j--)
            sum += weight_at(j, n, length, tile, start + k);
        for (int64_t j = i + 1; j < n && weight_at(j, n, length, tile, start + k) > 0.0; j++)
            sum += weight_at(j, n, length, tile, start + k);
        out[k] = own / sum;
    }
}

void fk_tile_cut(uint8_t *out, const fk_image *image, const fk_tiles *t, int64_t i)
{
    int64_t y0 = fk_tile_start(i / t->columns, t->rows, t->height, t->tile);
    int64_t x0 = fk_tile_start(i % t->columns, t->columns, t->width, t->tile);
    int64_t c = image->channels;

    for (int64_t y = 0; y < t->tile; y++) {
        const uint8_t *row = image->data + fk_map_reflect(y0 + y, t->height) * t->width * c;
        uint8_t *to = out + y * t->tile * c;

        if (x0 >= 0 && x0 + t->tile <= t->width) {
            memcpy(to, row + x0 * c, (size_t)(t->tile * c));
            continue;
        }
        for (int64_t x = 0; x < t->tile; x++)
            memcpy(to + x * c, row + fk_map_reflect(x0 + x, t->width) * c, (size_t)c);
    }
}

void fk_tile_blend(float *map, const fk_tiles *t, int64_t i, const float *tile, double *scratch)
{
    int64_t down_i = i / t->columns, across_i = i % t->columns;
    int64_t y0 = fk_tile_start(down_i, t->rows, t->height, t->tile);
    int64_t x0 = fk_tile_start(across_i, t->columns, t->width, t->tile);
    int64_t top = y0 < 0 ? -y0 : 0, first = x0 < 0 ? -x0 : 0;
    int64_t bottom = y0 + t->tile > t->height ? t->height - y0 : t->tile;
    int64_t last = x0 + t->tile > t->width ? t->width - x0 : t->tile;
    double *down = scratch, *across = scratch + t->tile;

    fk_tile_shares(down, down_i, t->rows, t->height, t->tile);
    fk_tile_shares(across, across_i, t->columns, t->width, t->tile);
    for (int64_t y = top; y < bottom; y++) {
        float *row = map + (y0 + y) * t->width;

        for (int64_t x = first; x < last; x++)
            row[x0 + x] += (float)(down[y] * across[x]) * tile[y * t->tile + x];
    }
}
