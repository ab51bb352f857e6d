/* SPDX-License-Identifier: Apache-2.0 */
/* A Gaussian per position: means, Cholesky factors, and Mahalanobis distances. */
#ifndef FK_GAUSS_GAUSS_H
#define FK_GAUSS_GAUSS_H

#include "gauss/moments.h"

/* The number of learned images: n in all, and at[p] at position p, fewer where masks of images hide
 * it.  at is NULL if all positions have n. */
typedef struct fk_counts {
    int64_t n, *at;
} fk_counts;

static inline int64_t fk_counts_at(fk_counts c, int64_t p)
{
    return c.at != NULL ? c.at[p] : c.n;
}

/* Whether position p counts in scores: it was learned from 3 images at least, so that a Gaussian
 * remains when one is left out, or from both if there are only 2.  So new images are judged at the
 * same positions as the held-out images that give the threshold. */
static inline bool fk_counts_judge(fk_counts c, int64_t p)
{
    return fk_counts_at(c, p) >= (c.n < 3 ? 2 : 3);
}

/* Whether an image is learned at position p: flags [P] is 1 there, or NULL. */
static inline bool fk_gauss_learns(const uint8_t *flags, int64_t p)
{
    return flags == NULL || flags[p] == 1;
}

/* Gaussians of P positions, D numbers each, as fk_learner_finish() makes them and models store
 * them.  Valid when zeroed, without Gaussians.  mean and factor are borrowed if own_mean and
 * own_factor are NULL. */
typedef struct fk_gauss {
    int64_t n_pos, dim;
    fk_counts images;       /* learned images, at least 2; `at` is owned */
    fk_dtype type;          /* of the factors: FK_F32 or FK_BF16 */
    fk_shrinkage shrinkage; /* of the covariances */
    const float *mean;      /* [P, D] */
    const void *factor;     /* [P, T] L with S = L L', lower triangle column by column */
    float *own_mean;        /* mean and factor if they are owned */
    void *own_factor;
} fk_gauss;

void fk_gauss_free(fk_gauss *g);

/* Distance of patches first .. last - 1 of one image from their Gaussians.
 *
 *   emb   [P, D], of the whole image
 *   left_out   0, or how often g has learned this image, which is scored as if it had not been
 *              learned (n >= 3, asserted); at least 2 images remain at each position
 *   flags      where it was learned, as in fk_learner_add(); elsewhere nothing is left out
 *   tmp   [fk_gauss_room(g, 0)], 64-byte aligned
 *   out   [P]; entries first .. last - 1 become sqrt((x-m)' S^-1 (x-m)), >= 0, in standard
 *         deviations; 0 where fk_counts_judge() is false
 *
 * Sums are in double and rounded once.  Factors in bf16 give the same bytes as floats of the same
 * values.
 * Cost: (last - first) D^2 / 2 multiply-adds.  Defard et al. 2020, eq. 2. */
void fk_gauss_distance(const fk_gauss *g, const float *emb, int64_t first, int64_t last,
                       int64_t left_out, const uint8_t *flags, double *tmp, float *out);

/* Most images that are scored with one pass over the factors. */
#define FK_GAUSS_IMAGES 16

/* The same for n images at once, n <= FK_GAUSS_IMAGES, with the same bytes: emb, left_out, flags
 * (entries may be NULL) and out are [n] of the above arguments; tmp [fk_gauss_many_room(g)],
 * 64-byte aligned.  Each factor is read from memory once, which is faster from about 4 images on.
 */
void fk_gauss_distance_many(const fk_gauss *g, int n, const float *const *emb, int64_t first,
                            int64_t last, const int64_t *left_out, const uint8_t *const *flags,
                            double *tmp, float *const *out);
/* Doubles of tmp, a multiple of 8. */
int64_t fk_gauss_many_room(const fk_gauss *g);

/* The same for all n learned images of a fold, as if none of them had been learned; as exact as for
 * one image.  0 also where fewer than 2 images remain.  tmp [fk_gauss_fold_room(g, n)], 64-byte
 * aligned.  Cost: n D (D + n) / 2 + n^3 / 2 multiply-adds for each position. */
void fk_gauss_distance_fold(const fk_gauss *g, int64_t n, const float *const *emb,
                            const uint8_t *const *flags, int64_t first, int64_t last, double *tmp,
                            float *const *out);
int64_t fk_gauss_fold_room(const fk_gauss *g, int64_t n);

/* Set w [n, D] to L^-1 (x - m) of n images at position p; tmp [fk_gauss_many_room(g)]. */
void fk_gauss_whiten(const fk_gauss *g, int64_t n, const float *const *emb, int64_t p, double *tmp,
                     double *w);

/* Doubles of tmp for fk_gauss_distance() (radius 0) or fk_gauss_distance_near(), a multiple of
 * 8. */
int64_t fk_gauss_room(const fk_gauss *g, int64_t radius);

/* The grid of g's positions, and the radius of the window around a position. */
typedef struct fk_gauss_window {
    int64_t height, width, radius;
} fk_gauss_window;

/* Distances of the features in the window around each of positions first .. last - 1 from the
 * Gaussian of that position.
 *
 *   tmp   [fk_gauss_room(g, radius)]
 *   out   [P, (2 radius + 1)^2]; rows first .. last - 1 are filled.  Entry
 *         (dy + radius) (2 radius + 1) + dx + radius of row p is the distance of the feature dy
 *         rows and dx columns from p; INFINITY outside the grid, and if p is not judged
 *
 * The rest as above.  Cost: (2 radius + 1)^2 times as many multiply-adds; each factor is read from
 * memory once. */
void fk_gauss_distance_near(const fk_gauss *g, const float *emb, fk_gauss_window w, int64_t first,
                            int64_t last, int64_t left_out, const uint8_t *flags, double *tmp,
                            float *out);

#endif
