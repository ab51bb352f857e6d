/* SPDX-License-Identifier: Apache-2.0 */
/* A bank of features of good images, and the nearest of them. */
#ifndef FK_METHOD_PATCHCORE_BANK_H
#define FK_METHOD_PATCHCORE_BANK_H

#include "method/method.h"

/* Features and the images they are of.  Valid when zeroed; owned where own_rows and own_images are
 * set, else views. */
typedef struct fk_bank {
    int64_t n, dim;
    const float *rows;     /* [n, dim] */
    const int64_t *images; /* [n] */
    float *own_rows;
    int64_t *own_images;
    int64_t width;     /* of coarse coordinates, which the search begins with; 0: none */
    const float *turn; /* [width, dim] to them, after centre [dim] is taken off */
    const float *centre;
    float *own_turn, *own_centre;
    /* What fk_bank_measure() works out; owned. */
    float *
        length2; /* [n] squared lengths in the search's coordinates, what is surely there of them */
    /* the features, or [n, width] the coarse coordinates, as fk_linalg_pack() has them */
    float *packed;
    double stretch, rounding, reach; /* see bank.c */
} fk_bank;

void fk_bank_free(fk_bank *b);

/* Find coarse coordinates where the bank is large enough for them; rows are set, and
 * fk_bank_measure() is still to come.  They change how long a search takes, never what it finds.
 * Cost: up to 2048 D^2 + 9 D^3 multiply-adds in double. */
fleck_status fk_bank_turn(fk_bank *b, fk_pool *pool, fleck_error *err) FLECK_MUST_CHECK;
/* Bytes that this and fk_bank_measure() take, at most. */
size_t fk_bank_turn_bytes(int64_t n, int64_t dim);

/* Work out what searches need; before the first one. */
fleck_status fk_bank_measure(fk_bank *b, fleck_error *err) FLECK_MUST_CHECK;

/* Bytes that a search for n features needs. */
size_t fk_bank_scratch_size(const fk_bank *b, int64_t n);

/* The bank's feature nearest to each of x [n, dim], by plain Euclidean distance, but for those of
 * the images in `exclude`; of equally near ones the first.  The distance comes from the
 * differences:
 * relative error below 1e-6, and 0 for equal features.
 *
 *   distance  [n] INFINITY where there is none
 *   index     [n] -1 where there is none; may be NULL
 *   scratch   fk_bank_scratch_size() bytes, 64-byte aligned
 *
 * The same bytes for any pool.  Cost: n b->n dim multiply-adds as matrix products, and about ten
 * exact distances for each of x; with coarse coordinates 2 n b->n width, and some tens of exact
 * distances. */
fleck_status fk_bank_nearest(const fk_bank *b, const float *x, int64_t n, fk_span exclude,
                             void *scratch, fk_pool *pool, float *distance, int64_t *index,
                             fleck_error *err) FLECK_MUST_CHECK;

/* The same search in another bank, which goes on from distance [n] and index [n]: where one of b's
 * features is nearer, they become its distance and number, from `shift` on. */
fleck_status fk_bank_nearer(const fk_bank *b, const float *x, int64_t n, int64_t shift,
                            void *scratch, fk_pool *pool, float *distance, int64_t *index,
                            fleck_error *err) FLECK_MUST_CHECK;

#endif
