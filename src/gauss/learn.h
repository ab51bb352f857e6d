/* SPDX-License-Identifier: Apache-2.0 */
/* Learning a Gaussian per position: images are added to moments, then factors are computed. */
#ifndef FK_GAUSS_LEARN_H
#define FK_GAUSS_LEARN_H

#include "base/pool.h"
#include "gauss/gauss.h"
#include "gauss/spill.h"

/* Positions that a thread processes at a time; also of one allocation of triangles. */
#define FK_GAUSS_BAND 16

/* Moments of P positions, D numbers each.  Valid when zeroed. */
struct fk_learner {
    int64_t n_pos, dim;
    double epsilon;   /* added to the variances, in the features' units squared */
    fk_dtype type;    /* of the factors: FK_F32 or FK_BF16; FK_F32 unless set after init */
    bool shrinks;     /* covariances are shrunk, see moments.c; false unless set after init */
    fk_counts images; /* learned images; the arrays below are NULL until there is one */
    float *shift;     /* [P, D] the first image of each position; moments are about it */
    double *sum;      /* [P, D] sum of x - shift */
    double **bands;   /* [ceil(P / BAND)] of [BAND] triangles of moments, unless it spills */
    bool spills;      /* moments do not fit memory */
    fk_spill spill;   /* used in place of bands then */
};

/* Position p's moments; triangle is that of p, in l's bands or on a desk. */
static inline fk_moments fk_learner_position(const fk_learner *l, int64_t p, double *triangle)
{
    return (fk_moments){.dim = l->dim,
                        .n = fk_counts_at(l->images, p),
                        .shift = l->shift + p * l->dim,
                        .sum = l->sum + p * l->dim,
                        .triangle = triangle};
}

/* A learner without images.  FLECK_E_NOMEM: P D (D + 1) overflows. */
fleck_status fk_learner_init(fk_learner *l, int64_t n_pos, int64_t dim, double epsilon,
                             fleck_error *err) FLECK_MUST_CHECK;
void fk_learner_free(fk_learner *l);

/* Learn, merge and finish within `bytes` of memory, including all arrays and the scratch of
 * `threads` threads.  If the moments of all positions do not fit, images are stored in temporary
 * files in folder, and finish processes one band of positions after another.  The result has the
 * same bytes.  bytes 0: do so if moments exceed means and factors by more than 200 MiB.  folder
 * NULL: no temporary files.  l has no images (asserted).  *least: bytes that learning needs at
 * least.
 *
 *   FLECK_E_LIMIT   bytes is less than *least */
fleck_status fk_learner_limit(fk_learner *l, int64_t bytes, const char *folder, int threads,
                              int64_t *least, fleck_error *err) FLECK_MUST_CHECK;

/* Learn n images in order, images[i] [P, D]; flags is NULL, or [n] flags of fk_gauss_learns().  An
 * image that is not learned at a position has no influence there.  The bytes do not depend on how
 * images are divided into calls, nor on the pool.  After a failure l is empty if it spills.
 * Cost: P D^2 / 2 multiply-adds for each image.  Memory: 4 P D (D + 1) bytes for any number of
 * images, or within the limit; then temporary files have at most 4 P D bytes for each of D + 1
 * images, and 4 P D (D + 1). */
fleck_status fk_learner_add(fk_learner *l, const float *const *images, const uint8_t *const *flags,
                            int64_t n, fk_pool *pool, fleck_error *err) FLECK_MUST_CHECK;

/* Add the images of other (Chan, Golub and LeVeque 1979), which becomes empty.  FLECK_E_SHAPE: P,
 * D, epsilon, type or shrinks differ.  After other failures both are empty. */
fleck_status fk_learner_merge(fk_learner *l, fk_learner *other, fleck_error *err) FLECK_MUST_CHECK;

/* Compute means and factors from the moments; l becomes empty.  Moments are freed band by band, so
 * that the peak of memory is the moments' size.  A position with fewer than 2 images gets the
 * covariance ridge I, and its image or 0 as mean, so that more images can be learned later.
 *   FLECK_E_STATE   fewer than 2 images, or no position is judged; l is unchanged
 *   FLECK_E_STATE   a covariance is not positive definite; l is empty, as after FLECK_E_IO
 *   FLECK_E_NOMEM   l is unchanged */
fleck_status fk_learner_finish(fk_learner *l, fk_gauss *out, fk_pool *pool,
                               fleck_error *err) FLECK_MUST_CHECK;

/* Continue learning from g, which becomes empty; l has no images.  It is exact but for the rounding
 * of means to float and of factors to their type: relative errors of 6e-8 (FK_F32) or 4e-3
 * (FK_BF16).  g has l's P, D and type (asserted). */
fleck_status fk_learner_resume(fk_learner *l, fk_gauss *g, fleck_error *err) FLECK_MUST_CHECK;

#endif
