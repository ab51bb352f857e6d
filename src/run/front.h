/* SPDX-License-Identifier: Apache-2.0 */
/* The front end of fit and prediction: from images to embeddings.
 *
 *     source -> images -> canvases     fk_front_read(): a group of images, one for each thread
 *                      -> embeddings   fk_front_block(): the group's pieces, block by block
 *
 * A piece is one input of the network: a canvas or a tile of it. */
#ifndef FK_RUN_FRONT_H
#define FK_RUN_FRONT_H

#include "base/gate.h"
#include "run/source.h"

typedef struct fk_piece {
    int64_t item, tile; /* index of the image in the group, and of the piece in its canvas */
} fk_piece;

/* Called on any thread when image `item` of the group has its canvas.  The function may move the
 * pixels out of `original`. */
typedef fleck_status fk_front_took(void *ctx, int64_t item, fk_image *original, fleck_error *err);

/* Valid when zeroed; owned, see fk_front_close().  The caller sets the members above `first` before
 * fk_front_open(); what they point to is borrowed. */
typedef struct fk_front {
    fk_runner *runner;
    fk_source *source;
    const int64_t *order; /* order in which images are read; NULL: the source's */
    int64_t room, block;  /* most images of a group, most pieces of a block */
    int64_t budget;       /* bytes that a group may use; 0: no limit */
    bool whole_masks;     /* canvases also keep the images' own masks at the image's size */
    bool to_learn;        /* see fk_canvas_flag() */
    bool each;            /* errors are recorded for each image; else an error ends the call */
    fk_front_took *took;  /* or NULL */
    void *ctx;            /* of took */

    int64_t first, n;       /* the group: images first .. first + n - 1 of the order */
    fk_canvas *canvases;    /* [room] */
    fleck_error *errors;    /* [room] status FLECK_OK: no error */
    _Atomic int64_t taken;  /* bytes in use by the group; `took` adds the bytes it keeps */
    fk_piece *pieces;       /* [block] the current block */
    fk_piece next;          /* the first piece of the next block */
    fk_gate decoding;       /* limits the memory of images that are being decoded or resized */
    const uint8_t **inputs; /* [threads] inputs of the network */
    uint8_t *tiles;         /* [threads, tile, tile, 3] tiles are copied here */
} fk_front;

fleck_status fk_front_open(fk_front *f, fleck_error *err) FLECK_MUST_CHECK;
void fk_front_close(fk_front *f);

/* Free the last group and read n images, at most f->room, from index `first` of the order on.  They
 * are the new group.  f->n is less than n if the budget does not suffice for all. */
fleck_status fk_front_read(fk_front *f, int64_t first, int64_t n,
                           fleck_error *err) FLECK_MUST_CHECK;
/* Free the images of the group but the first n. */
void fk_front_shorten(fk_front *f, int64_t n);
/* The source's index of image `item` of the group. */
int64_t fk_front_image(const fk_front *f, int64_t item);

/* Embed the group's next *n pieces into the first *n embeddings of the runner; *n is 0 at the end.
 * Images with an error are skipped; images may get an error here too. */
fleck_status fk_front_block(fk_front *f, int64_t *n, fleck_error *err) FLECK_MUST_CHECK;

#endif
