/* Principal components of patches: moments that grow image by image, and their eigenvectors. */
#ifndef FK_METHOD_PCA_PCA_H
#define FK_METHOD_PCA_PCA_H

#include "base/pool.h"
#include "features/embed.h"

/* What n patches of D numbers have in common.  Valid when zeroed; owned.  A loaded one holds views
 * of the file until it learns on; then moments are made from them. */
typedef struct fk_pca {
    int64_t dim, n;
    double *mean;   /* [D] */
    double *moment; /* [D, D] sum of (x - mean)(x - mean)', lower triangle; NULL before the first */
    const float *saved_mean, *saved_covariance; /* [D], [D (D + 1) / 2] rounded, row by row */
    float *own_mean, *own_covariance;           /* the same where they have to be freed */
} fk_pca;

/* An empty one.  FLECK_E_NOMEM where D^2 does not fit. */
fleck_status fk_pca_init(fk_pca *p, int64_t dim, fleck_error *err) FLECK_MUST_CHECK;
void fk_pca_free(fk_pca *p);

/* Make mean and moment where they are not: zeros, or of what was loaded.  On failure p is
 * unchanged. */
fleck_status fk_pca_open(fk_pca *p, fleck_error *err) FLECK_MUST_CHECK;
/* Learn one image's patches, but those that level->valid leaves out.  The same bytes on any pool.
 * On failure p is unchanged.  Cost: P D^2 / 2 multiply-adds in double.  Memory: 8 D^2 bytes, and 8
 * P D while it runs. */
fleck_status fk_pca_add(fk_pca *p, const fk_level *level, fk_pool *pool,
                        fleck_error *err) FLECK_MUST_CHECK;
/* Take over what other learned; other becomes empty.  Dims are equal (asserted). */
fleck_status fk_pca_merge(fk_pca *p, fk_pca *other, fleck_error *err) FLECK_MUST_CHECK;

/* The first components, as few as hold `variance` (0 to 1) of all variance, and none of variance 0:
 *
 *   *vectors  [count, D] orthonormal rows, largest variance first; the caller frees it
 *   *values   [count]    their variances; the caller frees it
 *
 * Also rounds what is to be saved.  FLECK_E_STATE for fewer than 2 patches, or where all are equal.
 * Cost: about 9 D^3 multiply-adds in double. */
fleck_status fk_pca_components(fk_pca *p, double variance, double **vectors, double **values,
                               int64_t *count, fleck_error *err) FLECK_MUST_CHECK;

/* The same of a covariance [D, D], of which the lower triangle is read and which is lost, without
 * components of less than the part `least` of the largest variance.  Memory: 16 D^2 bytes beside
 * it. */
fleck_status fk_pca_decompose(double *covariance, int64_t dim, double variance, double least,
                              double **vectors, double **values, int64_t *count,
                              fleck_error *err) FLECK_MUST_CHECK;

/* x [n, D] minus a mean [D], to out [n, D]. */
void fk_pca_centre(const float *mean, int64_t dim, float *out, const float *x, int64_t n);

/* Tensors method.mean and method.covariance and "patches" in meta; and back, as views of r. */
fleck_status fk_pca_save(const fk_pca *p, fk_st_writer *w, fk_json *meta,
                         fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_pca_load(fk_pca *p, int64_t dim, const fk_st_reader *r, const fk_json *meta,
                         fleck_error *err) FLECK_MUST_CHECK;

#endif
