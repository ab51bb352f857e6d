/* Learning a Gaussian per position: streamed moments, from which factors are made. */
#ifndef FK_GAUSS_LEARN_H
#define FK_GAUSS_LEARN_H

#include "base/pool.h"
#include "gauss/gauss.h"
#include "gauss/spill.h"

/* Positions of one piece of work, and of one block of triangles. */
#define FK_GAUSS_BAND 16

/* Moments of P positions, D numbers each.  Valid when zeroed. */
struct fk_learner {
    int64_t n_pos, dim;
    double epsilon;   /* added to the variances, in the features' units squared */
    fk_dtype type;    /* of the factors: FK_F32 or FK_BF16; for whoever wants another than FK_F32
                       to set after init */
    bool shrinks;     /* covariances are shrunk as the images ask for; set as type is */
    fk_counts images; /* learned; while there are none, what follows has no memory */
    float *shift;     /* [P, D] first image of each position; sums are about it */
    double *sum;      /* [P, D] sum of x - shift */
    double **bands;   /* [ceil(P / BAND)] of [BAND] triangles of moments, unless it spills */
    bool spills;      /* moments do not fit memory */
    fk_spill spill;   /* what stands in for bands then */
};

/* Position p's moments, whose triangle lies there. */
static inline fk_moments fk_learner_position(const fk_learner *l, int64_t p, double *triangle)
{
    return (fk_moments){.dim = l->dim,
                        .n = fk_counts_at(l->images, p),
                        .shift = l->shift + p * l->dim,
                        .sum = l->sum + p * l->dim,
                        .triangle = triangle};
}

/* One that has learned nothing.  FLECK_E_NOMEM where P D (D + 1) does not fit. */
fleck_status fk_learner_init(fk_learner *l, int64_t n_pos, int64_t dim, double epsilon,
                             fleck_error *err) FLECK_MUST_CHECK;
void fk_learner_free(fk_learner *l);

/* Learn, merge and finish within `bytes` of memory, all arrays and scratch of `threads` threads
 * included: where the moments of all positions would not fit, images wait in temporary files in
 * folder and finish works in bands of positions.  The bytes of the result are the same.  bytes 0:
 * do so where moments exceed means and factors by more than 200 MiB.  l has learned nothing
 * (asserted).  *least: bytes that learning needs at least.
 *
 *   FLECK_E_LIMIT   bytes is less than *least; folder NULL keeps temporary files away */
fleck_status fk_learner_limit(fk_learner *l, int64_t bytes, const char *folder, int threads,
                              int64_t *least, fleck_error *err) FLECK_MUST_CHECK;

/* Learn n images in order, images[i] [P, D]; flags is NULL, or [n] of what fk_gauss_learns() takes:
 * a position is left as if the images that are not learned there did not exist.  The same bytes
 * however images are cut into calls, on any pool.  After a failure l is empty where it spills.
 * Cost: P D^2 / 2 multiply-adds an image.  Memory: 4 P D (D + 1) bytes, whatever the number of
 * images, or within the limit, and in the folder at most 4 P D bytes for each of D + 1 images and
 * 4 P D (D + 1). */
fleck_status fk_learner_add(fk_learner *l, const float *const *images, const uint8_t *const *flags,
                            int64_t n, fk_pool *pool, fleck_error *err) FLECK_MUST_CHECK;

/* Take over what other learned (Chan, Golub and LeVeque 1979); other becomes empty.  FLECK_E_SHAPE
 * where P, D, epsilon, type or shrinks differ; after other failures both are empty. */
fleck_status fk_learner_merge(fk_learner *l, fk_learner *other, fleck_error *err) FLECK_MUST_CHECK;

/* Means and factors from the moments, which are freed block by block, so that the peak is the
 * moments' size; l becomes empty.  A position of fewer than 2 images gets the covariance ridge I,
 * about its image or 0, so that learning can go on from it.
 *   FLECK_E_STATE   fewer than 2 images, or none of the positions is judged; l is unchanged
 *   FLECK_E_STATE   a covariance is not positive definite; l is empty then, as after FLECK_E_IO
 *   FLECK_E_NOMEM   l is unchanged */
fleck_status fk_learner_finish(fk_learner *l, fk_gauss *out, fk_pool *pool,
                               fleck_error *err) FLECK_MUST_CHECK;

/* An empty l goes on from g, which becomes empty: exact but for the means' rounding to float and
 * the factors' to their type, of each number's size 6e-8 (FK_F32) or 4e-3 (FK_BF16).  g is of l's
 * P, D and type (asserted). */
fleck_status fk_learner_resume(fk_learner *l, fk_gauss *g, fleck_error *err) FLECK_MUST_CHECK;

#endif
