/* SPDX-License-Identifier: Apache-2.0 */
/* Learning Gaussians whose moments do not fit memory; internal to this room.
 *
 * Images wait until their moments are needed.  They are then added to the moments of earlier
 * images: none, those recovered from factors, or those in a temporary file.  The result has the
 * same bytes as learning in memory. */
#ifndef FK_GAUSS_SPILL_H
#define FK_GAUSS_SPILL_H

#include "base/scratch.h"
#include "base/spool.h"
#include "gauss/gauss.h"

typedef struct fk_learner fk_learner;

/* Valid when zeroed. */
typedef struct fk_spill {
    char *folder;         /* of temporary files */
    int64_t kept;         /* bytes of waiting images that may stay in memory */
    int64_t band, piece;  /* positions and images that a thread processes at a time */
    int64_t most_waiting; /* images that may wait; then they are flushed to the file */
    fk_spool *images;     /* the waiting images, or NULL */
    uint8_t *skips;       /* NULL, or [most_waiting, ceil(P / 8)] bits: 1: not learned there */
    fk_scratch moments;   /* the temporary file, if open: [P] triangles of earlier images */
    fk_gauss base;        /* else factors of earlier images, whose means are the shift; or empty */
} fk_spill;

/* Free the waiting images and the factors, after they were added to the file. */
void fk_spill_settle(fk_spill *s);
/* The same, and free the file; the settings stay. */
void fk_spill_clear(fk_spill *s);

/* Workspace of one thread. */
typedef struct fk_desk {
    double *triangles; /* [band, fk_moments_room()] */
    float *slices;     /* [piece, band, D] parts of images */
    double *columns;   /* scratch of fk_moments_add() */
    double *square;    /* [D + 1, D] */
} fk_desk;

/* Allocate n desks for `band` positions and `piece` images, 0 if moments are in memory. */
fleck_status fk_desks_open(fk_desk **out, int n, int64_t dim, int64_t band, int64_t piece,
                           fleck_error *err) FLECK_MUST_CHECK;
void fk_desks_close(fk_desk **desks, int n);

/* Add a waiting image to l, which spills.  The caller counts it afterwards. */
fleck_status fk_spill_keep(fk_learner *l, const float *image, const uint8_t *flags,
                           fleck_error *err) FLECK_MUST_CHECK;
/* Compute the moments of all images at positions first .. last - 1 into d.  It adds the waiting
 * images to l->sum too, so it must be called once for each position. */
fleck_status fk_spill_fetch(const fk_learner *l, int64_t first, int64_t last, const fk_desk *d,
                            fleck_error *err) FLECK_MUST_CHECK;
/* Position p's moments in d, which holds the positions from `first` on. */
fk_moments fk_spill_position(const fk_learner *l, const fk_desk *d, int64_t first, int64_t p);
/* Write d's moments of positions first .. last - 1 to a file. */
fleck_status fk_spill_put(const fk_scratch *file, int64_t dim, int64_t first, int64_t last,
                          const fk_desk *d, fleck_error *err) FLECK_MUST_CHECK;

#endif
