/* SPDX-License-Identifier: Apache-2.0 */
/* What is near features of learned images, beside their own part. */
#ifndef FK_METHOD_PATCHCORE_NEAR_H
#define FK_METHOD_PATCHCORE_NEAR_H

#include "method/patchcore/bank.h"

/* What is near them in one partition of these: distances as fk_bank_nearest() finds them, INFINITY
 * where there is none. */
typedef struct fk_near {
    float *own;   /* [n] to the nearest of another part than the feature's own */
    float *other; /* [n] to the nearest of another part than the nearest's */
    /* [n] the part that alone is within a radius; -1 where there are others or none */
    int32_t *lone;
} fk_near;

/* Find that for x [n, dim], which are of images [n], in each partition that `parts` has.
 *
 *   b      measured, without coarse coordinates (asserted)
 *   guess  [n] a row of the bank for each of x; the nearer, the less is to be searched
 *
 * The same bytes for any pool and any guess.  Cost: b->n^2 dim multiply-adds as matrix products,
 * and for each of x some products and about ten exact distances, where guesses are good and the
 * bank's features lie as far apart as the radius. */
fleck_status fk_near_find(const fk_bank *b, const float *x, int64_t n, const fk_parts *parts,
                          const int64_t *images, const int64_t *guess, double radius,
                          const fk_near *near, fk_pool *pool, fleck_error *err) FLECK_MUST_CHECK;

#endif
