/* SPDX-License-Identifier: Apache-2.0 */
/* Principal components of patches, image by image.
 *
 * The state of a set of n rows x is n, mean = (sum of x) / n and moment = sum of (x - mean)(x -
 * mean)'.  Two sets a and b are joined exactly (Chan, Golub and LeVeque 1979): with delta = mean_b
 * - mean_a,
 *
 *   n      = n_a + n_b
 *   mean   = mean_a + delta n_b / n
 *   moment = moment_a + moment_b + delta delta' n_a n_b / n
 *
 * The patches of one image are such a set, about their own mean, so no digits cancel even if
 * features are far from zero.  Images are joined one at a time, in order; threads divide columns of
 * the image and rows of the moment, never sums. */
#include "method/pca/pca.h"
#include "base/mem.h"
#include "linalg/linalg.h"

#include <assert.h>
#include <math.h>

/* Columns of an image, and rows of the moment, that a thread processes at a time. */
#define BAND 64
/* Components with less than this share of the largest variance are rounding. */
#define LEAST 1e-10

static int64_t triangle(int64_t dim)
{
    return dim * (dim + 1) / 2;
}

fleck_status fk_pca_init(fk_pca *p, int64_t dim, fleck_error *err)
{
    int64_t count;

    *p = (fk_pca){.dim = dim};
    if (!fk_mul_fits(dim, dim + 1, &count))
        return fk_error_set(err, FLECK_E_NOMEM, "covariances of %lld numbers do not fit",
                            (long long)dim);
    return fk_linalg_begin(err);
}

void fk_pca_free(fk_pca *p)
{
    fk_free(p->mean);
    fk_free(p->moment);
    fk_free(p->own_mean);
    fk_free(p->own_covariance);
    *p = (fk_pca){0};
}

fleck_status fk_pca_open(fk_pca *p, fleck_error *err)
{
    double *mean = NULL, *moment = NULL;
    fleck_status st = FLECK_OK;

    if (p->moment != NULL)
        return FLECK_OK;
    FK_DO(FK_CALLOC(&mean, p->dim, err));
    FK_DO(FK_CALLOC(&moment, p->dim * p->dim, err));
    for (int64_t i = 0, k = 0; p->n > 0 && i < p->dim; i++) {
        mean[i] = (double)p->saved_mean[i];
        for (int64_t j = 0; j <= i; j++, k++)
            moment[i * p->dim + j] = (double)p->saved_covariance[k] * (double)(p->n - 1);
    }
    p->mean = mean;
    p->moment = moment;
    mean = moment = NULL;
done:
    fk_free(mean);
    fk_free(moment);
    return st;
}

/* ---- Learning ---- */

typedef struct join_job {
    fk_pca *pca;
    const fk_level *level;
    double *rows;        /* [n, D] the image's patches about their mean */
    double *delta;       /* [D] their mean minus the old one */
    const double *other; /* [D, D] a moment to add; NULL: that of rows */
    int64_t n;           /* patches that are added */
} join_job;

static int64_t bands(int64_t dim)
{
    return (dim + BAND - 1) / BAND;
}

/* Compute the mean of one band of columns, and subtract it. */
static fleck_status centre_band(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    join_job *job = ctx;
    int64_t dim = job->pca->dim, first = piece * BAND;
    int64_t last = first + BAND < dim ? first + BAND : dim;
    int64_t cells = job->level->height * job->level->width, n = 0;
    double sum[BAND] = {0.0};

    (void)worker;
    (void)err;
    for (int64_t p = 0; p < cells; p++) {
        if (job->level->valid != NULL && job->level->valid[p] == 0)
            continue;
        for (int64_t j = first; j < last; j++) {
            job->rows[n * dim + j] = (double)job->level->data[p * dim + j];
            sum[j - first] += job->rows[n * dim + j];
        }
        n++;
    }
    for (int64_t j = first; j < last; j++)
        sum[j - first] /= (double)n;
    for (int64_t p = 0; p < n; p++)
        for (int64_t j = first; j < last; j++)
            job->rows[p * dim + j] -= sum[j - first];
    for (int64_t j = first; j < last; j++)
        job->delta[j] = sum[j - first] - job->pca->mean[j];
    return FLECK_OK;
}

/* Join one band of rows of the moment. */
static fleck_status join_band(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    join_job *job = ctx;
    fk_pca *p = job->pca;
    int64_t dim = p->dim, first = piece * BAND, last = first + BAND < dim ? first + BAND : dim;
    double factor = (double)p->n * (double)job->n / (double)(p->n + job->n);

    (void)worker;
    (void)err;
    for (int64_t i = first; i < last; i++)
        for (int64_t j = 0; j <= i; j++)
            p->moment[i * dim + j] += factor * job->delta[i] * job->delta[j] +
                                      (job->other != NULL ? job->other[i * dim + j] : 0.0);
    if (job->other == NULL) /* also fills the band's own square above the diagonal */
        fk_linalg_multiply_tn_double(p->moment + first * dim, dim, job->rows + first, dim,
                                     job->rows, dim, last - first, last, job->n, 1.0);
    return FLECK_OK;
}

static void join_means(fk_pca *p, const double *delta, int64_t n)
{
    for (int64_t j = 0; j < p->dim; j++)
        p->mean[j] += delta[j] * ((double)n / (double)(p->n + n));
    p->n += n;
}

static int64_t valid_count(const fk_level *level)
{
    int64_t cells = level->height * level->width, n = 0;

    for (int64_t p = 0; p < cells; p++)
        n += level->valid == NULL || level->valid[p] != 0;
    return n;
}

fleck_status fk_pca_add(fk_pca *p, const fk_level *level, fk_pool *pool, fleck_error *err)
{
    join_job job = {.pca = p, .level = level, .n = valid_count(level)};
    int64_t count;
    fleck_status st;

    if (job.n == 0)
        return FLECK_OK;
    if (!fk_mul_fits(job.n, p->dim, &count))
        return fk_error_set(err, FLECK_E_NOMEM, "%lld patches of %lld numbers do not fit",
                            (long long)job.n, (long long)p->dim);
    FK_DO(fk_pca_open(p, err));
    FK_DO(FK_ALLOC(&job.rows, count, err));
    FK_DO(FK_ALLOC(&job.delta, p->dim, err));
    FK_DO(fk_pool_run(pool, bands(p->dim), centre_band, &job, err));
    FK_DO(fk_pool_run(pool, bands(p->dim), join_band, &job, err));
    join_means(p, job.delta, job.n);
done:
    fk_free(job.rows);
    fk_free(job.delta);
    return st;
}

fleck_status fk_pca_merge(fk_pca *p, fk_pca *other, fleck_error *err)
{
    join_job job = {.pca = p, .n = other->n};
    fleck_status st;

    assert(p->dim == other->dim);
    if (other->n == 0)
        return FLECK_OK;
    FK_DO(fk_pca_open(p, err));
    FK_DO(fk_pca_open(other, err));
    FK_DO(FK_ALLOC(&job.delta, p->dim, err));
    for (int64_t j = 0; j < p->dim; j++)
        job.delta[j] = other->mean[j] - p->mean[j];
    job.other = other->moment;
    for (int64_t i = 0; i < bands(p->dim); i++)
        FK_DO(join_band(&job, i, 0, err));
    join_means(p, job.delta, job.n);
    fk_pca_free(other);
    *other = (fk_pca){.dim = p->dim};
done:
    fk_free(job.delta);
    return st;
}

/* ---- Components ---- */

/* Round mean and covariance, as they are saved and used for centring. */
static fleck_status round_moments(fk_pca *p, fleck_error *err)
{
    float *mean = NULL, *covariance = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&mean, p->dim, err));
    FK_DO(FK_ALLOC(&covariance, triangle(p->dim), err));
    for (int64_t i = 0, k = 0; i < p->dim; i++) {
        mean[i] = (float)p->mean[i];
        for (int64_t j = 0; j <= i; j++, k++)
            covariance[k] = (float)(p->moment[i * p->dim + j] / (double)(p->n - 1));
    }
    fk_free(p->own_mean);
    fk_free(p->own_covariance);
    p->saved_mean = p->own_mean = mean;
    p->saved_covariance = p->own_covariance = covariance;
    mean = covariance = NULL;
done:
    fk_free(mean);
    fk_free(covariance);
    return st;
}

/* Number of the largest of values [n], which ascend, that have a share of `variance` of their sum,
 * without values below the share `least` of the largest. */
static int64_t enough(const double *values, int64_t n, double variance, double least)
{
    double total = 0.0, sum = 0.0;
    int64_t count = 0;

    for (int64_t i = 0; i < n; i++)
        total += values[i] > 0.0 ? values[i] : 0.0;
    while (count < n && values[n - 1 - count] > least * values[n - 1] &&
           (count == 0 || sum < variance * total))
        sum += values[n - 1 - count++];
    return count;
}

fleck_status fk_pca_decompose(double *covariance, int64_t dim, double variance, double least,
                              double **vectors, double **values, int64_t *count, fleck_error *err)
{
    double *upwards = NULL, *kept = NULL, *sizes = NULL;
    fleck_status st;

    *vectors = *values = NULL;
    FK_DO(FK_ALLOC(&upwards, dim, err));
    FK_DO(fk_linalg_eigen(covariance, dim, upwards, err));
    if (!(upwards[dim - 1] > 0.0))
        FK_FAIL(err, FLECK_E_STATE, "all patches are equal, so that nothing can be learned");
    *count = enough(upwards, dim, variance, least);
    FK_DO(FK_ALLOC(&kept, dim * dim, err));
    FK_DO(FK_ALLOC(&sizes, dim, err));
    for (int64_t i = 0; i < dim; i++) {
        sizes[i] = upwards[dim - 1 - i];
        for (int64_t j = 0; j < dim; j++)
            kept[i * dim + j] = covariance[(dim - 1 - i) * dim + j];
    }
    *vectors = kept;
    *values = sizes;
    kept = sizes = NULL;
done:
    fk_free(upwards);
    fk_free(kept);
    fk_free(sizes);
    return st;
}

fleck_status fk_pca_components(fk_pca *p, double variance, double **vectors, double **values,
                               int64_t *count, fleck_error *err)
{
    double *a = NULL;
    int64_t dim = p->dim;
    fleck_status st;

    *vectors = *values = NULL;
    if (p->n < 2)
        FK_FAIL(err, FLECK_E_STATE, "components need at least 2 patches, got %lld",
                (long long)p->n);
    FK_DO(fk_pca_open(p, err));
    FK_DO(FK_CALLOC(&a, dim * dim, err));
    for (int64_t i = 0; i < dim; i++)
        for (int64_t j = 0; j <= i; j++)
            a[i * dim + j] = p->moment[i * dim + j] / (double)(p->n - 1);
    FK_DO(fk_pca_decompose(a, dim, variance, LEAST, vectors, values, count, err));
    FK_DO(round_moments(p, err));
done:
    fk_free(a);
    if (st != FLECK_OK) {
        fk_free(*vectors);
        fk_free(*values);
        *vectors = *values = NULL;
    }
    return st;
}

void fk_pca_centre(const float *mean, int64_t dim, float *out, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < dim; j++)
            out[i * dim + j] = x[i * dim + j] - mean[j];
}

/* ---- Saving and loading ---- */

fleck_status fk_pca_save(const fk_pca *p, fk_st_writer *w, fk_json *meta, fleck_error *err)
{
    fleck_status st;

    if (!fk_json_put_int(meta, "patches", p->n))
        FK_FAIL(err, FLECK_E_NOMEM, "the state could not be written as JSON");
    FK_DO(fk_st_writer_add_data(w, "method.mean", FK_F32, 1, (int64_t[]){p->dim}, p->saved_mean,
                                err));
    FK_DO(fk_st_writer_add_data(w, "method.covariance", FK_F32, 1, (int64_t[]){triangle(p->dim)},
                                p->saved_covariance, err));
done:
    return st;
}

fleck_status fk_pca_load(fk_pca *p, int64_t dim, const fk_st_reader *r, const fk_json *meta,
                         fleck_error *err)
{
    fk_tensor mean, covariance;
    fleck_status st;

    FK_DO(fk_pca_init(p, dim, err));
    FK_DO(fk_st_get_checked(r, "method.mean", FK_F32, 1, (int64_t[]){dim}, &mean, err));
    FK_DO(fk_st_get_checked(r, "method.covariance", FK_F32, 1, (int64_t[]){triangle(dim)},
                            &covariance, err));
    if (!fk_json_get_int(meta, "patches", &p->n) || p->n < 2)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: patches is missing or not at least 2", fk_st_name(r));
    p->saved_mean = mean.data;
    p->saved_covariance = covariance.data;
done:
    if (st != FLECK_OK)
        fk_pca_free(p);
    return st;
}
