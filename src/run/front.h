/* A front: from images to embeddings, whatever is done with these afterwards.
 *
 *     source -> images -> canvases     fk_front_read(): a group of images, each on a thread
 *                      -> embeddings   fk_front_block(): the group's pieces, a block at a time
 *
 * A piece is what passes the network at once: a canvas, or a tile of it. */
#ifndef FK_RUN_FRONT_H
#define FK_RUN_FRONT_H

#include "base/gate.h"
#include "run/source.h"

typedef struct fk_piece {
    int64_t item, tile; /* image of the group, and piece of its canvas */
} fk_piece;

/* Image `item` of the group has its canvas: what else is to be done with the original, whose pixels
 * may be taken.  On any thread. */
typedef fleck_status fk_front_took(void *ctx, int64_t item, fk_image *original, fleck_error *err);

/* Valid when zeroed; owned, see fk_front_close().  What stands above the group is the caller's, set
 * before fk_front_open(), and borrowed. */
typedef struct fk_front {
    fk_runner *runner;
    fk_source *source;
    const int64_t *order; /* of the source's images; NULL: their own */
    int64_t room, block;  /* images of a group and pieces of a block, at most */
    int64_t budget;       /* bytes that a group should take; 0: what it does */
    bool whole_masks;     /* canvases keep the images' own masks at their size as well */
    bool to_learn;        /* see fk_canvas_flag() */
    bool each;            /* an image that fails has its own error; else the call fails */
    fk_front_took *took;  /* or NULL */
    void *ctx;            /* of took */

    int64_t first, n;       /* the group: where it lies in the order */
    fk_canvas *canvases;    /* [room] */
    fleck_error *errors;    /* [room] status FLECK_OK where there is none */
    _Atomic int64_t taken;  /* bytes that the group takes; `took` adds what it keeps */
    fk_piece *pieces;       /* [block] */
    fk_piece next;          /* the first that has not been in a block */
    fk_gate decoding;       /* for images while they are decoded and resized */
    const uint8_t **inputs; /* [threads] pieces on their way through the network */
    uint8_t *tiles;         /* [threads, tile, tile, 3] where they are cut */
} fk_front;

fleck_status fk_front_open(fk_front *f, fleck_error *err) FLECK_MUST_CHECK;
void fk_front_close(fk_front *f);

/* Read n images, at most f->room, from place `first` of the order on.  These are the group; where
 * the budget ends before, f->n is less.  The last group is freed. */
fleck_status fk_front_read(fk_front *f, int64_t first, int64_t n,
                           fleck_error *err) FLECK_MUST_CHECK;
/* Keep the group's first n images. */
void fk_front_shorten(fk_front *f, int64_t n);
/* Number of image `item` of the group in the source. */
int64_t fk_front_image(const fk_front *f, int64_t item);

/* The group's next *n pieces, whose embeddings are the runner's first; 0 where there are no more.
 * Images with an error are passed over; some may get theirs here. */
fleck_status fk_front_block(fk_front *f, int64_t *n, fleck_error *err) FLECK_MUST_CHECK;

#endif
