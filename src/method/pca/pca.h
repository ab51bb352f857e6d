/* SPDX-License-Identifier: Apache-2.0 */
/* Principal components of patches: moments are added image by image; then their eigenvectors. */
#ifndef FK_METHOD_PCA_PCA_H
#define FK_METHOD_PCA_PCA_H

#include "base/pool.h"
#include "features/embed.h"

/* Moments of n patches of D numbers.  Valid when zeroed; owned.  After loading it has views of the
 * file, from which moments are computed if it learns more. */
typedef struct fk_pca {
    int64_t dim, n;
    double *mean;   /* [D] */
    double *moment; /* [D, D] sum of (x - mean)(x - mean)', lower triangle; NULL before the first */
    const float *saved_mean, *saved_covariance; /* [D], [D (D + 1) / 2] rounded, row by row */
    float *own_mean, *own_covariance;           /* the same if they are owned */
} fk_pca;

/* Begin without patches.  FLECK_E_NOMEM: D^2 overflows. */
fleck_status fk_pca_init(fk_pca *p, int64_t dim, fleck_error *err) FLECK_MUST_CHECK;
void fk_pca_free(fk_pca *p);

/* Allocate mean and moment, unless they exist: zeros, or those of a loaded model.  On failure p is
 * unchanged. */
fleck_status fk_pca_open(fk_pca *p, fleck_error *err) FLECK_MUST_CHECK;
/* Learn one image's patches where level->valid is not 0.  The same bytes on any pool.
 * On failure p is unchanged.  Cost: P D^2 / 2 multiply-adds in double.  Memory: 8 D^2 bytes, and 8
 * P D while it runs. */
fleck_status fk_pca_add(fk_pca *p, const fk_level *level, fk_pool *pool,
                        fleck_error *err) FLECK_MUST_CHECK;
/* Add what other has learned; other becomes empty.  Dims are equal (asserted). */
fleck_status fk_pca_merge(fk_pca *p, fk_pca *other, fleck_error *err) FLECK_MUST_CHECK;

/* All components, and the number of the first: the fewest that have a share of `variance` (0 to 1)
 * of all variance, none of variance 0.
 *
 *   *vectors  [D, D] orthonormal rows, largest variance first; the caller frees it
 *   *values   [D]    their variances; the caller frees it
 *   *count    the first ones
 *
 * It also rounds what is saved.  FLECK_E_STATE: fewer than 2 patches, or all are equal.
 * Cost: about 9 D^3 multiply-adds in double. */
fleck_status fk_pca_components(fk_pca *p, double variance, double **vectors, double **values,
                               int64_t *count, fleck_error *err) FLECK_MUST_CHECK;

/* The same for a covariance [D, D], whose lower triangle is read and which is overwritten.
 * Those with less than the share `least` of the largest variance do not count.  Memory: 16 D^2
 * bytes more. */
fleck_status fk_pca_decompose(double *covariance, int64_t dim, double variance, double least,
                              double **vectors, double **values, int64_t *count,
                              fleck_error *err) FLECK_MUST_CHECK;

/* out [n, D] = x [n, D] - mean [D] */
void fk_pca_centre(const float *mean, int64_t dim, float *out, const float *x, int64_t n);

/* Save tensors method.mean and method.covariance, and "patches" in meta; load them as views of r.
 */
fleck_status fk_pca_save(const fk_pca *p, fk_st_writer *w, fk_json *meta,
                         fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_pca_load(fk_pca *p, int64_t dim, const fk_st_reader *r, const fk_json *meta,
                         fleck_error *err) FLECK_MUST_CHECK;

#endif
