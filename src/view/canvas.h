/* SPDX-License-Identifier: Apache-2.0 */
/* A canvas: an image as the model sees it: resized, cropped, masked, whole or in tiles. */
#ifndef FK_VIEW_CANVAS_H
#define FK_VIEW_CANVAS_H

#include "model/model.h"
#include "view/tiles.h"

/* Valid when zeroed; owned. */
typedef struct fk_canvas {
    /* RGB; the ignored regions of the fit and of the image are painted with the mean colour of the
     * network's input */
    fk_image pixels;
    fk_image left_out;     /* grey, 255 in the ignored region of model or image; no data: none */
    fk_image own;          /* the same for the image's own mask alone */
    fk_image whole;        /* the image's own mask at the image's size, if it is to be kept */
    fk_image background;   /* grey, 255 in what the part does not fill; no data: none, or unknown */
    double above;          /* share of positions above the foreground's threshold */
    int64_t width, height; /* of the image */
    unsigned kinds;        /* of the own mask, as fk_mask_load() sets them */
    fk_traits *traits;     /* of the image; NULL if they were moved away */
    int64_t turns;         /* rotated copies, the image's own included, that are pieces; 0: one */
    bool tiled;
    fk_tiles tiles; /* a single tile if not tiled */
} fk_canvas;

/* Make the canvas of an image for m.  own: NULL, or the image's own mask, which has the image's
 * size and is 255 in the ignored region.  whole and kinds are left to the caller. */
fleck_status fk_canvas_make(fk_canvas *out, const fk_model *m, const fk_image *original,
                            const fk_image *own, fleck_error *err) FLECK_MUST_CHECK;
void fk_canvas_free(fk_canvas *c);

/* Number of pieces: inputs of the network, tiles or rotated copies. */
int64_t fk_canvas_pieces(const fk_canvas *c);
/* Pixels of piece i, the network's input; tiles and rotated copies are made in room [input, 3]. */
const uint8_t *fk_canvas_piece(const fk_canvas *c, int64_t i, uint8_t *room);

/* Find the background of a canvas that is not tiled by its embedding, without what is left out
 * already, and leave it out.  In an image that shows less than half of the foreground of any good
 * one, the part is missing or was not found: all of it counts. */
fleck_status fk_canvas_find_background(fk_canvas *c, const fk_foreground *g, const fk_embedding *e,
                                       fleck_error *err) FLECK_MUST_CHECK;

/* Set e's flags for piece i.  A position counts if bilinear enlarging spreads its value to a pixel
 * outside the ignored region; others influence no pixel that counts.  A position is learned only if
 * all those pixels are outside the image's own mask too, since no other image has the edges of that
 * mask's paint.  For a score, a position that counts but is not learned is FK_SCORED_ONLY. */
fleck_status fk_canvas_flag(fk_embedding *e, const fk_canvas *c, int64_t i, bool to_learn,
                            fleck_error *err) FLECK_MUST_CHECK;

/* The ignored region of a width x height image, 255, at that size; empty: none.  own: NULL, or the
 * image's own mask at its size. */
fleck_status fk_left_out(fk_image *out, const fk_model *m, const fk_image *own, int64_t width,
                         int64_t height, fleck_error *err) FLECK_MUST_CHECK;

#endif
