/* SPDX-License-Identifier: Apache-2.0 */
/* What comes into a bank in place of images that are left out. */
#ifndef FK_METHOD_PATCHCORE_REFILL_H
#define FK_METHOD_PATCHCORE_REFILL_H

#include "method/patchcore/bank.h"

/* For each part of a partition, features that a bank without it has in its place.  Valid when
 * zeroed; owned. */
typedef struct fk_fill {
    int64_t n, dim;
    int32_t *part; /* [images] of each that was learned */
    int64_t images;
    int64_t *begin; /* [parts + 1] the rows of part p are begin[p] .. begin[p + 1] - 1 */
    int64_t *index; /* [n] which of the points they are */
    float *rows;    /* [n, dim] */
    fk_bank *banks; /* [parts] views of the rows */
    float *near;    /* NULL, or [points] kept: distance of each to the bank without its own part */
    int64_t parts;
} fk_fill;

typedef struct fk_refill {
    fk_fill fills[FK_PARTITIONS];
    int64_t *first, *count; /* [images] with `near`: the points of each */
} fk_refill;

void fk_refill_free(fk_refill *l);

/* A bank was chosen from points x [n, d] so that none is farther than `radius` from it.  Without a
 * part of the images it no longer covers what only that part's features did, although others would
 * have been chosen there.  So the greedy choice goes on, from the points of all other parts, until
 * none of them is farther than `radius` from the bank without that part and what has come in.
 *
 *   parts     of the images, see method.h; out's partitions that it lacks are empty
 *   images    [n] of each point
 *   near      [n] of each point one of the bank that is near, as fk_coreset_choose() tells
 *   chosen    [k] points of the bank
 *   keep      keep each point's distance to the bank without its part too, for fk_refill_near();
 *             the points of an image then lie one behind the other
 * index is set, rows is not.  Cost: that of fk_near_find(), and some more for the points
 * that a part alone covers.  The same bytes on any pool. */
fleck_status fk_refill_find(fk_refill *out, const fk_parts *parts, const float *x, int64_t n,
                            int64_t d, const int64_t *images, const int64_t *near,
                            const int64_t *chosen, int64_t k, double radius, bool keep,
                            fk_pool *pool, fleck_error *err) FLECK_MUST_CHECK;

/* Bytes that it takes beside the points that a part alone covers, which are few. */
double fk_refill_bytes(int64_t n, int64_t k, int64_t d);

/* Take the features that come in from the caller: `rows` [n, dim] of the fill's index become its
 * own, and searches of them are made ready.  n is at least 1. */
fleck_status fk_refill_take(fk_fill *f, float *rows, int64_t dim,
                            fleck_error *err) FLECK_MUST_CHECK;

/* Search those that come in where `exclude` is left out as well, as fk_bank_nearer(). */
fleck_status fk_refill_nearer(const fk_refill *l, fk_span exclude, const float *x, int64_t n,
                              int64_t shift, void *scratch, fk_pool *pool, float *distance,
                              int64_t *index, fleck_error *err) FLECK_MUST_CHECK;

/* Where `exclude` says that a learned image is scored, whose points were n in all: the distances
 * [n] of its points to the bank without what came in, as fk_bank_nearest() finds them.  False where
 * they were not kept. */
bool fk_refill_near(const fk_refill *l, fk_span exclude, float *distance, int64_t n);

/* The image's score (Roth et al. 2022, eq. 7).  x [n, dim] are its features, with the distances
 * [n] to their nearest rows index [n] of bank b or, behind these, of what comes in if `exclude`
 * is left out.  With x* the feature of the largest distance where valid [n] is not 0 (NULL:
 * everywhere), s* its distance and m* its row, the score is
 *
 *     (1 - exp(s*) / sum over m in N(m*) of exp(|x* - m|)) s*
 *
 * N(m*) are the `neighbours` features nearest to m*, itself included.  With fewer than 2
 * neighbours, or if m* is alone, the score is s*; without a valid feature it is 0.
 * scratch: fk_refill_score_scratch_size() bytes, 64-byte aligned.  Cost: b->n dim multiply-adds. */
double fk_refill_score(const fk_refill *l, const fk_bank *b, fk_span exclude, const float *x,
                       const float *distance, const int64_t *index, const uint8_t *valid, int64_t n,
                       int64_t neighbours, void *scratch);
size_t fk_refill_score_scratch_size(const fk_bank *b, int64_t neighbours);

#endif
