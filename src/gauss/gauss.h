/* A Gaussian per position: means, Cholesky factors, and Mahalanobis distances from them. */
#ifndef FK_GAUSS_GAUSS_H
#define FK_GAUSS_GAUSS_H

#include "gauss/moments.h"

/* How many images were learned: n, and at each position [P] where masks left some out; at is NULL
 * where all have n. */
typedef struct fk_counts {
    int64_t n, *at;
} fk_counts;

static inline int64_t fk_counts_at(fk_counts c, int64_t p)
{
    return c.at != NULL ? c.at[p] : c.n;
}

/* Whether position p has a say in scores: it was learned from 3 images at least, so that there is a
 * Gaussian without one of them too, or from both there are.  Thus the same positions are judged in
 * a new image as in those that give the threshold. */
static inline bool fk_counts_judge(fk_counts c, int64_t p)
{
    return fk_counts_at(c, p) >= (c.n < 3 ? 2 : 3);
}

/* Whether an image is learned at position p: flags is NULL, everywhere, or [P], where 1. */
static inline bool fk_gauss_learns(const uint8_t *flags, int64_t p)
{
    return flags == NULL || flags[p] == 1;
}

/* Gaussians of P positions, D numbers each, as fk_learner_finish() makes them and models store
 * them.  Valid when zeroed, which is none.  Whoever fills one with somebody else's arrays, which
 * must outlive it, leaves own_mean and own_factor NULL. */
typedef struct fk_gauss {
    int64_t n_pos, dim;
    fk_counts images;       /* learned, at least 2; `at` is its own */
    fk_dtype type;          /* of the factors: FK_F32 or FK_BF16 */
    fk_shrinkage shrinkage; /* what the covariances are made of */
    const float *mean;      /* [P, D] */
    const void *factor;     /* [P, T] L with S = L L', lower triangle column by column */
    float *own_mean;        /* what has to be freed */
    void *own_factor;
} fk_gauss;

void fk_gauss_free(fk_gauss *g);

/* Distance of patches first .. last - 1 of one image from the normal ones.
 *
 *   emb   [P, D], of the whole image
 *   left_out   0, or how often g has learned this image, which is to be scored as if it had not
 *              (n >= 3, asserted); 2 images stay at each position, whatever it is
 *   flags      where it was learned, as in fk_learner_add(); elsewhere nothing is taken out
 *   tmp   [fk_gauss_room(g, 0)], 64-byte aligned
 *   out   [P]; places first .. last - 1 become sqrt((x-m)' S^-1 (x-m)), >= 0, in standard
 *         deviations; 0 where fk_counts_judge() says no
 *
 * Sums run in double and are rounded once, whatever the type of the
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
