/* A Gaussian per position: streamed moments, Cholesky factors, Mahalanobis distances. */
#ifndef FK_GAUSS_GAUSS_H
#define FK_GAUSS_GAUSS_H

#include "base/error.h"
#include "base/pool.h"
#include "gauss/moments.h"

/* Positions of one piece of work, and of one block of co-moments. */
#define FK_GAUSS_BAND 16

typedef struct fk_gauss_spill fk_gauss_spill;

/* P positions, D numbers each.  Valid when zeroed.  It is in one of these forms:
 *
 *   learning    shift, sum and bands hold moments, once an image has been added; with a spill there
 *               are no bands
 *   finished    mean and factor hold the Gaussians; the moments are gone
 *
 * A triangle has T = D (D + 1) / 2 numbers. */
typedef struct fk_gauss {
    int64_t n_pos, dim;
    int64_t n;              /* images */
    int64_t *counts;        /* [P] of each position, where masks left some out; NULL: all have n */
    double epsilon;         /* added to the variances, in the features' units squared */
    fk_dtype type;          /* of the factors: FK_F32 or FK_BF16; for whoever wants another than
                       FK_F32 to set after init or view */
    bool shrinks;           /* covariances are shrunk as the images ask for; set as type is */
    fk_shrinkage shrinkage; /* of the factors, where it shrinks */
    fk_shrinkage next;      /* of those that finish makes */
    float *shift;           /* [P, D] first image of each position; sums are about it */
    double *sum;            /* [P, D] sum of x - shift */
    double **bands; /* [ceil(P / BAND)] of [BAND] triangles: sum of (x - shift)(x - shift)', lower
                       triangle row by row */
    const float *mean;
    const void *factor; /* [P, T] L with S = L L', lower triangle column by column */
    float *own_mean;    /* what has to be freed; NULL where the others are views */
    void *own_factor;
    fk_gauss_spill *spill; /* NULL, or what it learns with where moments do not fit memory */
} fk_gauss;

/* An empty one.  FLECK_E_NOMEM where P T does not fit. */
fleck_status fk_gauss_init(fk_gauss *g, int64_t n_pos, int64_t dim, double epsilon,
                           fleck_error *err) FLECK_MUST_CHECK;
void fk_gauss_free(fk_gauss *g);

/* Learn, merge and finish within `bytes` of memory, all arrays and scratch of `threads` threads
 * included: where the moments of all positions would not fit, images wait in temporary files in
 * folder and finish works in bands of positions.  The bytes of the result are the same.  bytes 0:
 * do so where moments exceed means and factors by more than 200 MiB.  g is not learning (asserted).
 * *least: bytes that learning needs at least.  After a failure of add, merge or finish on a g that
 * works so, g is empty.
 *
 *   FLECK_E_LIMIT   bytes is less than *least; folder NULL keeps temporary files away */
fleck_status fk_gauss_limit(fk_gauss *g, int64_t bytes, const char *folder, int threads,
                            int64_t *least, fleck_error *err) FLECK_MUST_CHECK;

/* Bands of FK_GAUSS_BAND positions, and the position that one ends before. */
static inline int64_t fk_gauss_bands(const fk_gauss *g)
{
    return (g->n_pos + FK_GAUSS_BAND - 1) / FK_GAUSS_BAND;
}

static inline int64_t fk_gauss_band_end(const fk_gauss *g, int64_t band)
{
    int64_t end = (band + 1) * FK_GAUSS_BAND;

    return end < g->n_pos ? end : g->n_pos;
}

static inline bool fk_gauss_finished(const fk_gauss *g)
{
    return g->factor != NULL;
}

/* How many images position p was learned from. */
static inline int64_t fk_gauss_count(const fk_gauss *g, int64_t p)
{
    return g->counts != NULL ? g->counts[p] : g->n;
}

/* What the covariances of a finished g are made of. */
static inline fk_shrinkage fk_gauss_shrinkage(const fk_gauss *g)
{
    return g->shrinks ? g->shrinkage : (fk_shrinkage){0.0, g->epsilon};
}

/* Whether an image is learned at position p: flags is NULL, everywhere, or [P], where 1. */
static inline bool fk_gauss_learns(const uint8_t *flags, int64_t p)
{
    return flags == NULL || flags[p] == 1;
}

/* Whether position p has a say in scores: it was learned from 3 images at least, so that there is a
 * Gaussian without one of them too, or from both there are.  Thus the same positions are judged in
 * a new image as in those that give the threshold. */
static inline bool fk_gauss_judges(const fk_gauss *g, int64_t p)
{
    return fk_gauss_count(g, p) >= (g->n < 3 ? 2 : 3);
}

/* Learn n images in order, images[i] [P, D]; flags is NULL, or [n] of what fk_gauss_learns() takes:
 * a position is left as if the images that are not learned there did not exist.  A finished g goes
 * back to learning first, see fk_gauss_reopen().  The same bytes however images are cut into calls,
 * on any pool.
 * Cost: P D^2 / 2 multiply-adds an image.  Memory: 8 P T bytes, whatever the number of images, or
 * within the limit, and in the folder at most 4 P D bytes for each of D + 1 images and 8 P T. */
fleck_status fk_gauss_add(fk_gauss *g, const float *const *images, const uint8_t *const *flags,
                          int64_t n, fk_pool *pool, fleck_error *err) FLECK_MUST_CHECK;

/* Take over what other learned (Chan, Golub and LeVeque 1979); other becomes empty.  Both may be in
 * either form; g is left learning.  FLECK_E_SHAPE where P, D, epsilon, type or
 * shrinks differ. */
fleck_status fk_gauss_merge(fk_gauss *g, fk_gauss *other, fleck_error *err) FLECK_MUST_CHECK;

/* Means and factors from the moments, which are freed block by block, so that the peak is the
 * moments' size.  Nothing to do where g is finished already.  A position of fewer than 2 images
 * gets the covariance ridge I, about its image or 0, so that learning can go on from it.
 *   FLECK_E_STATE   fewer than 2 images, or none of the positions is judged; g is unchanged
 *   FLECK_E_STATE   a covariance is not positive definite; g is empty then
 *   FLECK_E_NOMEM   g is unchanged */
fleck_status fk_gauss_finish(fk_gauss *g, fk_pool *pool, fleck_error *err) FLECK_MUST_CHECK;

/* Back to moments, from the factors: exact but for the means' rounding to float and the factors' to
 * their type, of each number's size 6e-8 (FK_F32) or 4e-3 (FK_BF16). */
fleck_status fk_gauss_reopen(fk_gauss *g, fleck_error *err) FLECK_MUST_CHECK;

/* A finished g on somebody else's arrays, which must outlive it; n >= 2.  Counts and shrinkage are
 * to be set after it, and then g's own. */
fleck_status fk_gauss_view(fk_gauss *g, int64_t n_pos, int64_t dim, double epsilon, int64_t n,
                           const float *mean, const void *factor,
                           fleck_error *err) FLECK_MUST_CHECK;

/* Distance of patches first .. last - 1 of one image from the normal ones.
 *
 *   emb   [P, D], of the whole image
 *   left_out   0, or how often g has learned this image, which is to be scored as if it had not
 *              (n >= 3, asserted); 2 images stay at each position, whatever it is
 *   flags      where it was learned, as in fk_gauss_add(); elsewhere nothing is taken out
 *   tmp   [fk_gauss_room(g, 0)], 64-byte aligned
 *   out   [P]; places first .. last - 1 become sqrt((x-m)' S^-1 (x-m)), >= 0, in standard
 *         deviations; 0 where fk_gauss_judges() says no
 *
 * g must be finished (asserted).  Sums run in double and are rounded once, whatever the type of the
 * factors: those in bf16 give what floats of the same values give.
 * Cost: (last - first) D^2 / 2 multiply-adds.  Defard et al. 2020, eq. 2. */
void fk_gauss_distance(const fk_gauss *g, const float *emb, int64_t first, int64_t last,
                       int64_t left_out, const uint8_t *flags, double *tmp, float *out);

/* Images that one reading of the factors serves. */
#define FK_GAUSS_IMAGES 16

/* The same of n images at once, n <= FK_GAUSS_IMAGES, the very bytes of one by one: emb, left_out,
 * flags (entries may be NULL) and out are [n] of what the above takes; tmp [fk_gauss_many_room(g)],
 * 64-byte aligned.  A factor is read from memory once.  Worth while from some 4 images on. */
void fk_gauss_distance_many(const fk_gauss *g, int n, const float *const *emb, int64_t first,
                            int64_t last, const int64_t *left_out, const uint8_t *const *flags,
                            double *tmp, float *const *out);
/* A multiple of 8. */
int64_t fk_gauss_many_room(const fk_gauss *g);

/* The same of n images that are all that g has learned of a fold, as if it had learned none of
 * them: exact as leaving one out is.  0 also where fewer than 2 images stay.  tmp
 * [fk_gauss_fold_room(g, n)], 64-byte aligned. Cost: n D (D + n) / 2 + n^3 / 2 multiply-adds a
 * position. */
void fk_gauss_distance_fold(const fk_gauss *g, int64_t n, const float *const *emb,
                            const uint8_t *const *flags, int64_t first, int64_t last, double *tmp,
                            float *const *out);
int64_t fk_gauss_fold_room(const fk_gauss *g, int64_t n);

/* w [n, D] become L^-1 (x - m) at position p of n images; tmp [fk_gauss_many_room(g)]. */
void fk_gauss_whiten(const fk_gauss *g, int64_t n, const float *const *emb, int64_t p, double *tmp,
                     double *w);

/* Doubles of scratch that one call of fk_gauss_distance (radius 0) or _near needs, a multiple of
 * 8. */
int64_t fk_gauss_room(const fk_gauss *g, int64_t radius);

/* The grid of g's positions, and how far around a position to look. */
typedef struct fk_gauss_window {
    int64_t height, width, radius;
} fk_gauss_window;

/* Distances from the Gaussians of positions first .. last - 1 of the features around each.
 *
 *   tmp   [fk_gauss_room(g, radius)]
 *   out   [P, (2 radius + 1)^2]; rows first .. last - 1 are filled: entry (dy + radius) (2 radius +
 *         1)
 *         + dx + radius of row p is the distance of the feature dy rows and dx columns from p,
 *         INFINITY
 *         outside the grid, and where p is not judged
 *
 * The rest as above.  Cost: (2 radius + 1)^2 times as many multiply-adds; a factor is read from
 * memory once. */
void fk_gauss_distance_near(const fk_gauss *g, const float *emb, fk_gauss_window w, int64_t first,
                            int64_t last, int64_t left_out, const uint8_t *flags, double *tmp,
                            float *out);

#endif
