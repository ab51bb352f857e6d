/* SPDX-License-Identifier: Apache-2.0 */
/* Patches learned in folds: principal components of all patches, and of all but one fold.
 *
 * There are two partitions of the images: folds that images are dealt into one by one, parts 0 to
 * FK_FOLDS - 1, and folds of sessions, the parts after these. */
#ifndef FK_METHOD_PCA_FOLDS_H
#define FK_METHOD_PCA_FOLDS_H

#include "method/method.h"
#include "method/pca/pca.h"

#define FK_PARTS (2 * FK_FOLDS)

/* Moments of the n patches of a fold. */
typedef struct fk_part {
    int64_t images, n;
    double *mean;  /* [D] */
    float *moment; /* [D (D + 1) / 2] lower triangle, row by row; NULL before the first */
} fk_part;

/* Moments of all patches in double, with the same bits as without folds, and those of each fold,
 * rounded to float.  Owned; see fk_folds_init().
 *
 * Memory for D numbers: 8 D^2 bytes for all, 2 D^2 for each part, and 8 D^2 more while parts are
 * open.  Cost beside fk_pca_add's: 6 D^2 for each image of other parts than the one before it. */
typedef struct fk_folds {
    fk_pca all; /* of all folds, and of a loaded model */
    fk_part parts[FK_PARTS];
    uint8_t *of;     /* [n, 2] parts of each embedding; loaded ones have numbers of no part */
    int64_t n, room; /* embeddings, and capacity of `of` */
    int64_t loaded;  /* embeddings of a loaded model, before these, that are not in `of` yet */
    int next[2];     /* parts of the next embeddings; -1: fk_folds_set() was not called */
    int open[2];     /* parts that lack patches that `all` has; -1: none */
    fk_pca before;   /* copy of `all` when these parts were opened */
    int lanes;       /* folds that fk_folds_run() may process at the same time */
} fk_folds;

/* Begin without patches.  FLECK_E_NOMEM: D^2 overflows. */
fleck_status fk_folds_init(fk_folds *f, int64_t dim, fleck_error *err) FLECK_MUST_CHECK;
void fk_folds_free(fk_folds *f);
/* Record that `all` was loaded and has so many embeddings. */
void fk_folds_loaded(fk_folds *f, int64_t images);

/* Set the folds of the embeddings that are added next, as fk_method.fold. */
void fk_folds_set(fk_folds *f, int alone, int session);
/* Learn one embedding's patches as fk_pca_add() does.  On failure nothing has been learned. */
fleck_status fk_folds_add(fk_folds *f, const fk_level *level, fk_pool *pool,
                          fleck_error *err) FLECK_MUST_CHECK;
/* Append what other has learned; its embeddings keep their folds.  Other becomes empty.  Dims are
 * equal (asserted). */
fleck_status fk_folds_merge(fk_folds *f, fk_folds *other, fleck_error *err) FLECK_MUST_CHECK;
/* Bring the parts up to date, and free memory that only adding needs.  More may be added later. */
fleck_status fk_folds_close(fk_folds *f, fleck_error *err) FLECK_MUST_CHECK;

/* The part that is left out for a span, or -1. */
int fk_folds_of(const fk_folds *f, fk_span span);
/* Rounded mean [D] and components (see fk_pca_components()) of all patches without those of a part;
 * the caller frees them.  Components with variances below a millionth of the largest do not count,
 * since they may be the parts' rounding.  f is closed, and the part has embeddings (asserted).
 *
 * FLECK_E_STATE: fewer than 2 patches remain, or all are equal.  Cost: about 9 D^3 multiply-adds in
 * double.  Memory: 24 D^2 bytes. */
fleck_status fk_folds_rest(const fk_folds *f, int part, double variance, float **mean,
                           double **vectors, double **values, int64_t *count,
                           fleck_error *err) FLECK_MUST_CHECK;
/* Run fn for each part (its item) that has embeddings, at most `lanes` at the same time. */
fleck_status fk_folds_run(const fk_folds *f, fk_pool *pool, fk_pool_fn *fn, void *ctx,
                          fleck_error *err) FLECK_MUST_CHECK;

/* fk_method_needs() of a method that needs `others` bytes beside its folds, for images of this many
 * patches.  It sets lanes to as many as fit. */
fleck_status fk_folds_limit(fk_folds *f, const char *name, const fk_memory *m, int64_t patches,
                            int64_t others, int64_t *least, fleck_error *err) FLECK_MUST_CHECK;

#endif
