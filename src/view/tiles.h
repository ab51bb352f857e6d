/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles: a large image is cut into overlapping squares, and their maps are blended into one. */
#ifndef FK_VIEW_TILES_H
#define FK_VIEW_TILES_H

#include "image/image.h"
#include "method/method.h"

/* The tiles of one image, in rows from the top left. */
typedef struct fk_tiles {
    int64_t height, width; /* of the image */
    int64_t tile;          /* side */
    int64_t rows, columns;
} fk_tiles;

/* The tiles of an image of this size: the fewest that overlap each neighbour by at least `overlap`
 * pixels, overlap < tile.  An image narrower than a tile gets one, which extends beyond both
 * edges. */
fk_tiles fk_tiles_of(int64_t height, int64_t width, int64_t tile, int64_t overlap);

/* Start of tile i of n along an axis of `length` pixels; negative if the tile is longer. */
int64_t fk_tile_start(int64_t i, int64_t n, int64_t length, int64_t tile);

/* Blending weights [tile] of tile i of n along one axis, for each of its pixels.  They rise and
 * fall linearly in the overlaps; at each pixel of the image the weights of all tiles sum to 1. */
void fk_tile_shares(double *out, int64_t i, int64_t n, int64_t length, int64_t tile);

/* Copy tile i (of rows * columns) of an image to out [tile, tile, channels].  Pixels outside the
 * image are reflected. */
void fk_tile_cut(uint8_t *out, const fk_image *image, const fk_tiles *t, int64_t i);

/* Add tile i's weighted map [tile, tile] to the image's map [height, width].  The blended map is
 * the sum of all tiles, in order, from zeros; a single tile of the image's size is copied
 * unchanged. scratch [2, tile]. */
void fk_tile_blend(float *map, const fk_tiles *t, int64_t i, const float *tile, double *scratch);

#endif
