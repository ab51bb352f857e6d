/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing few points that lie near all of many: greedy k-center. */
#ifndef FK_METHOD_PATCHCORE_CORESET_H
#define FK_METHOD_PATCHCORE_CORESET_H

#include "base/pool.h"

/* Choose up to k of the n points x [n, d] so that the farthest point from its nearest chosen one is
 * near: PatchCore's approximate greedy k-center (Roth et al. 2022, algorithm 1, as the authors'
 * code has it).  It begins from the mean distances to 10 points: those whose keys, hashes of their
 * squared lengths and the seed, are smallest.  The authors draw numbers of points.  A key does not
 * change when points are added, and with the same 10 points most of the choice stays.  Then, k
 * times: the point with the largest distance is chosen, and each distance becomes the smaller of
 * itself and that to the chosen point.  Of equal distances the lowest index wins.
 *
 *   chosen  [k] indices in the order chosen; *count of them, fewer than k where all points are
 *           equal to chosen ones
 *   radius  the largest distance of a point to the nearest chosen one
 *   near    NULL, or [n] of each point a chosen one that is near, mostly within the radius
 *
 * 1 <= k <= n, d >= 1 (asserted).  Plain Euclidean distances.
 *   _plain  k n d multiply-adds one distance after the other: the definition, for tests
 *   other   the same indices on any pool; at most as many, most of them as matrix products, see
 *           coreset.c */
fleck_status fk_coreset_choose(int64_t *chosen, int64_t *count, double *radius, int64_t *near,
                               int64_t k, const float *x, int64_t n, int64_t d, uint64_t seed,
                               fk_pool *pool, fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_coreset_choose_plain(int64_t *chosen, int64_t *count, double *radius, int64_t k,
                                     const float *x, int64_t n, int64_t d, uint64_t seed,
                                     fleck_error *err) FLECK_MUST_CHECK;

/* Bytes that fk_coreset_choose() takes while it runs. */
size_t fk_coreset_bytes(int64_t n, int64_t k, int64_t d);

#endif
