/* Tiles: a large image cut into overlapping squares, and their maps blended into one. */
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

/* Tiles of an image of this size: as few as share at least `overlap` pixels with each neighbour,
 * overlap < tile.  An image narrower than a tile gets one, that reaches beyond both its edges. */
fk_tiles fk_tiles_of(int64_t height, int64_t width, int64_t tile, int64_t overlap);

/* Where tile i of n begins along an axis of `length` pixels; negative where it is wider. */
int64_t fk_tile_start(int64_t i, int64_t n, int64_t length, int64_t tile);

/* Shares [tile] of tile i of n in the blended map along one axis, at each of its pixels.  They rise
 * and fall in straight lines over what neighbours share, and at each pixel of the image the shares
 * of all tiles sum to 1. */
void fk_tile_shares(double *out, int64_t i, int64_t n, int64_t length, int64_t tile);

/* Copy tile i (of rows * columns) of an image: out [tile, tile, channels].  What lies outside the
 * image is its reflection. */
void fk_tile_cut(uint8_t *out, const fk_image *image, const fk_tiles *t, int64_t i);

/* Add tile i's map [tile, tile], weighted, to the image's map [height, width].  All tiles added to
 * zeros, in order, give the blended map; a single one of the image's size gives it unchanged.
 * scratch [2, tile]. */
void fk_tile_blend(float *map, const fk_tiles *t, int64_t i, const float *tile, double *scratch);

#endif
