/* A canvas: an image as it is learned and scored: resized, cropped, masked, whole or in tiles. */
#ifndef FK_VIEW_CANVAS_H
#define FK_VIEW_CANVAS_H

#include "model/model.h"
#include "view/tiles.h"

/* Valid when zeroed; owned. */
typedef struct fk_canvas {
    /* RGB; what the fit's mask or its own leaves out has the network's zero, its mean colour */
    fk_image pixels;
    fk_image left_out; /* grey, 255 where the model's mask or the image's own leaves out; no data:
                          nothing is */
    fk_image own;      /* the same of the image's own mask */
    fk_image whole;    /* that mask at the image's size, where it was to be kept */
    int64_t width, height; /* of the image */
    unsigned kinds;        /* of own, as fk_mask_load() sets them */
    fk_traits *traits;     /* of the image; NULL where they have been taken away */
    bool tiled;
    fk_tiles tiles; /* a single one where not tiled */
} fk_canvas;

/* Bring an image to m's canvas.  mask: NULL, or the file of the image's own mask, of its size,
 * white where it is left out; errors of fk_mask_load().  whole: keep that at the image's size as
 * well.  drawn: NULL, or such a mask itself. */
fleck_status fk_canvas_make(fk_canvas *out, const fk_model *m, const fk_image *original,
                            const char *mask, bool whole, const fk_image *drawn,
                            fleck_error *err) FLECK_MUST_CHECK;
void fk_canvas_free(fk_canvas *c);

/* Number of pieces that pass the network one by one. */
int64_t fk_canvas_pieces(const fk_canvas *c);
/* Pixels of piece i, the network's input; cut into room [input, 3] where the canvas is tiled. */
const uint8_t *fk_canvas_piece(const fk_canvas *c, int64_t i, uint8_t *room);

/* Set e's flags for piece i.  A position is used where some pixel that its value reaches (bilinear
 * enlarging) is not left out, so that masked content has no say at any pixel that counts.  To be
 * learned, all those pixels must be free of the image's own mask as well: around that there are
 * edges of paint that no other image has.  Positions that are not, are FK_SCORED_ONLY to a
 * score. */
fleck_status fk_canvas_flag(fk_embedding *e, const fk_canvas *c, int64_t i, bool to_learn,
                            fleck_error *err) FLECK_MUST_CHECK;

/* What of a width x height image, whose own mask (NULL: none) is at its size, is left out, 255
 * there, at that size; empty where nothing is. */
fleck_status fk_left_out(fk_image *out, const fk_model *m, const fk_image *own, int64_t width,
                         int64_t height, fleck_error *err) FLECK_MUST_CHECK;

#endif
