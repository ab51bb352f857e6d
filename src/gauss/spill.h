/* Learning Gaussians whose moments do not fit memory: what learn.c asks of spill.c.
 *
 * Images wait; what they are to be added to is nothing, factors, or moments in a temporary file.
 * Bytes are those of learning in memory. */
#ifndef FK_GAUSS_SPILL_H
#define FK_GAUSS_SPILL_H

#include "base/scratch.h"
#include "base/spool.h"
#include "gauss/gauss.h"

typedef struct fk_learner fk_learner;

/* Valid when zeroed. */
typedef struct fk_spill {
    char *folder;
    int64_t kept;        /* bytes of images that may stay in memory */
    int64_t band, piece; /* positions, and images, that a thread holds at once */
    int64_t fold;        /* images that are folded into moments in the file */
    fk_spool *images;    /* NULL, or those that wait */
    uint8_t *skips;      /* NULL, or [fold, ceil(P / 8)] bits: 1 where one of them is not learned */
    fk_scratch moments;  /* [P] triangles, where open */
    fk_gauss base;       /* or factors, whose means are the shift; or none */
} fk_spill;

/* Forget the images that wait and the factors, since they are in the moments; or all but the
 * settings. */
void fk_spill_settle(fk_spill *s);
void fk_spill_clear(fk_spill *s);

/* One thread's memory. */
typedef struct fk_desk {
    double *triangles; /* [band, room of a triangle] */
    float *slices;     /* [piece, band, D] */
    double *columns;   /* scratch of fk_moments_add() */
    double *square;    /* [D + 1, D] */
} fk_desk;

/* n of them, for `band` positions and `piece` images, 0 where moments are in memory. */
fleck_status fk_desks_open(fk_desk **out, int n, int64_t dim, int64_t band, int64_t piece,
                           fleck_error *err) FLECK_MUST_CHECK;
void fk_desks_close(fk_desk **desks, int n);

/* Of an l that spills.  _keep: an image waits that is yet to be counted.  _fetch: all images'
 * moments of positions first .. last - 1 onto the desk, and into the sums; to be done once
 * therefore. */
fleck_status fk_spill_keep(fk_learner *l, const float *image, const uint8_t *flags,
                           fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_spill_fetch(const fk_learner *l, int64_t first, int64_t last, const fk_desk *d,
                            fleck_error *err) FLECK_MUST_CHECK;
/* Position p on the desk of the positions from `first` on. */
fk_moments fk_spill_position(const fk_learner *l, const fk_desk *d, int64_t first, int64_t p);
/* The desk's moments of positions first .. last - 1 to a file. */
fleck_status fk_spill_put(const fk_scratch *file, int64_t dim, int64_t first, int64_t last,
                          const fk_desk *d, fleck_error *err) FLECK_MUST_CHECK;

#endif
