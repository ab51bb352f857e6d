/* A Gaussian per position: streamed moments, Cholesky factors, Mahalanobis distances.
 *
 * Moments.  With a shift c (the first image), y = x - c, and over N images
 *
 *     sum = sum of y          band = sum of y y'
 *     m = c + sum / N         C = sum of (x - m)(x - m)' = band - sum sum' / N
 *
 * The plain formula C = sum of x x' - N m m' loses the digits by which |m| exceeds the deviations;
 * about a shift that is itself one of the samples the loss is nil: y is as large as the deviations
 * are.  Unlike Welford's recurrence, every image costs one multiply-add an element, and an element
 * is a sum over images in order, whatever the calls it came in and whoever computed it.
 *
 * Covariance and factor.  S = C / (N - 1) + epsilon I = L L'.
 *
 * Distance.  d2 = (x - m)' S^-1 (x - m) = |z|^2 with L z = x - m, by forward substitution column by
 * column: once z[j] is known, column j of L times z[j] leaves the rest.  L is stored that way, so
 * each factor is read once, in order, and nothing is added up across a vector.
 *
 * Leaving one out.  Let v = x - m for an image that m, S and N include.  Without it,
 *
 *     m' = m - v / (N - 1)              C' = C - N / (N - 1) v v'
 *     x - m' = N / (N - 1) v
 *     C' / (N - 2) + e I = (N - 1) / (N - 2) (S - N / (N - 1)^2 v v')    with
 *     e = epsilon (N - 1) / (N - 2)
 *
 * so with a = N / (N - 1)^2, by Sherman and Morrison,
 *
 *     v' (S - a v v')^-1 v = d2 + a d2^2 / (1 - a d2) = d2 / (1 - a d2)
 *     d2' = (N / (N - 1))^2 (N - 2) / (N - 1) d2 / (1 - a d2)
 *
 * It is exact but for epsilon, which counts as e.  a d2 < 1 because S - a v v' >= e' I > 0 for some
 * e'; rounding may take that away where D exceeds N and epsilon is tiny, hence the floor.
 *
 * Merging.  With d = mB - mA (Chan, Golub and LeVeque 1979, eq. 2.1):
 *
 *     C = CA + CB + NA NB / N d d'       m = mA + NB / N d
 *
 * and about A's shift c again: t = m - c, sum = N t, band = C + N t t'. */
#include "method/gauss.h"
#include "base/mem.h"
#include "linalg/clones.h"
#include "linalg/linalg.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Images that go through a triangle together. */
#define GROUP 8

static int64_t triangle(const fk_gauss *g)
{
    return g->dim * (g->dim + 1) / 2;
}

static int64_t band_count(const fk_gauss *g)
{
    return (g->n_pos + FK_GAUSS_BAND - 1) / FK_GAUSS_BAND;
}

static int64_t band_end(const fk_gauss *g, int64_t band)
{
    int64_t end = (band + 1) * FK_GAUSS_BAND;

    return end < g->n_pos ? end : g->n_pos;
}

/* The triangle of position p while learning. */
static double *moments(const fk_gauss *g, int64_t p)
{
    return g->bands[p / FK_GAUSS_BAND] + p % FK_GAUSS_BAND * triangle(g);
}

fleck_status fk_gauss_init(fk_gauss *g, int64_t n_pos, int64_t dim, double epsilon,
                           fleck_error *err)
{
    int64_t numbers;

    *g = (fk_gauss){0};
    if (n_pos < 1 || dim < 1 || dim > 65536 || !fk_mul_fits(n_pos, dim * (dim + 1), &numbers) ||
        numbers > INT64_MAX / 8)
        return fk_error_set(err, FLECK_E_NOMEM, "%lld Gaussians of %lld numbers do not fit",
                            (long long)n_pos, (long long)dim);
    *g = (fk_gauss){.n_pos = n_pos, .dim = dim, .epsilon = epsilon};
    return FLECK_OK;
}

static void free_moments(fk_gauss *g)
{
    for (int64_t b = 0; g->bands != NULL && b < band_count(g); b++)
        fk_free(g->bands[b]);
    fk_free(g->bands);
    fk_free(g->shift);
    fk_free(g->sum);
    g->bands = NULL;
    g->shift = NULL;
    g->sum = NULL;
}

static void free_factors(fk_gauss *g)
{
    fk_free(g->own_mean);
    fk_free(g->own_factor);
    g->own_mean = NULL;
    g->own_factor = NULL;
    g->mean = NULL;
    g->factor = NULL;
}

static void make_empty(fk_gauss *g)
{
    free_moments(g);
    free_factors(g);
    g->n = 0;
}

void fk_gauss_free(fk_gauss *g)
{
    make_empty(g);
    *g = (fk_gauss){0};
}

/* Zeroed moments. */
static fleck_status alloc_moments(fk_gauss *g, fleck_error *err)
{
    fleck_status st;

    FK_DO(FK_CALLOC(&g->bands, band_count(g), err));
    FK_DO(FK_ALLOC(&g->shift, g->n_pos * g->dim, err));
    FK_DO(FK_CALLOC(&g->sum, g->n_pos * g->dim, err));
    for (int64_t b = 0; b < band_count(g); b++)
        FK_DO(FK_CALLOC(&g->bands[b], (band_end(g, b) - b * FK_GAUSS_BAND) * triangle(g), err));
done:
    if (st != FLECK_OK)
        free_moments(g);
    return st;
}

/* ---- Learning ---- */

/* Add the outer products of n columns y[0..n-1] [dim] to a triangle, in order.  n is a constant
 * wherever this is called. */
FK_INLINE void add_outer(double *restrict band, double *restrict sum, const double *restrict y,
                         int64_t dim, int n)
{
    for (int k = 0; k < n; k++)
        for (int64_t i = 0; i < dim; i++)
            sum[i] += y[k * dim + i];
    for (int64_t i = 0; i < dim; band += ++i) {
        double c[GROUP];

        for (int k = 0; k < n; k++)
            c[k] = y[k * dim + i];
        for (int64_t j = 0; j <= i; j++) {
            double s = band[j];

            for (int k = 0; k < n; k++)
                s += c[k] * y[k * dim + j];
            band[j] = s;
        }
    }
}

FK_CLONES static void add_eight(double *band, double *sum, const double *y, int64_t dim)
{
    add_outer(band, sum, y, dim, 8);
}

FK_CLONES static void add_two(double *band, double *sum, const double *y, int64_t dim)
{
    add_outer(band, sum, y, dim, 2);
}

FK_CLONES static void add_one(double *band, double *sum, const double *y, int64_t dim)
{
    add_outer(band, sum, y, dim, 1);
}

typedef struct add_job {
    fk_gauss *g;
    const float *const *images;
    int64_t n;
    double *scratch; /* [workers, GROUP, D] */
} add_job;

static void add_position(const add_job *job, int64_t p, double *y)
{
    fk_gauss *g = job->g;
    double *band = moments(g, p), *sum = g->sum + p * g->dim;

    for (int64_t i = 0; i < job->n;) {
        int64_t left = job->n - i, n = left >= GROUP ? GROUP : left >= 2 ? 2 : 1;

        for (int64_t k = 0; k < n; k++) {
            const float *x = job->images[i + k] + p * g->dim, *c = g->shift + p * g->dim;

            for (int64_t j = 0; j < g->dim; j++)
                y[k * g->dim + j] = (double)x[j] - (double)c[j];
        }
        if (n == GROUP)
            add_eight(band, sum, y, g->dim);
        else if (n == 2)
            add_two(band, sum, y, g->dim);
        else
            add_one(band, sum, y, g->dim);
        i += n;
    }
}

static fleck_status add_band(void *ctx, int64_t band, int worker, fleck_error *err)
{
    const add_job *job = ctx;

    (void)err;
    for (int64_t p = band * FK_GAUSS_BAND; p < band_end(job->g, band); p++)
        add_position(job, p, job->scratch + worker * GROUP * job->g->dim);
    return FLECK_OK;
}

fleck_status fk_gauss_add(fk_gauss *g, const float *const *images, int64_t n, fk_pool *pool,
                          fleck_error *err)
{
    add_job job = {.g = g, .images = images, .n = n};
    fleck_status st;

    if (n == 0)
        return FLECK_OK;
    FK_DO(fk_gauss_reopen(g, err));
    FK_DO(FK_ALLOC(&job.scratch, fk_pool_threads(pool) * GROUP * g->dim, err));
    if (g->shift == NULL) {
        FK_DO(alloc_moments(g, err));
        memcpy(g->shift, images[0], (size_t)(g->n_pos * g->dim) * sizeof(float));
    }
    FK_DO(fk_pool_run(pool, band_count(g), add_band, &job, err));
    g->n += n;
done:
    fk_free(job.scratch);
    return st;
}

/* ---- Merging ---- */

/* mean minus a's shift of position p, for learning g. */
static void mean_about(double *out, const fk_gauss *g, int64_t p, const float *shift)
{
    const double *sum = g->sum + p * g->dim;
    const float *own = g->shift + p * g->dim;

    for (int64_t i = 0; i < g->dim; i++)
        out[i] = sum[i] / (double)g->n + ((double)own[i] - (double)shift[i]);
}

/* One position; u, v [D] become the two means about a's shift. */
static void merge_position(fk_gauss *a, const fk_gauss *b, int64_t p, double *u, double *v)
{
    int64_t dim = a->dim;
    double na = (double)a->n, nb = (double)b->n, n = na + nb;
    double *band = moments(a, p), *sum_a = a->sum + p * dim;
    const double *band_b = moments(b, p), *sum_b = b->sum + p * dim;

    mean_about(u, a, p, a->shift + p * dim);
    mean_about(v, b, p, a->shift + p * dim);
    for (int64_t i = 0; i < dim; band += i + 1, band_b += i + 1, i++) {
        double t_i = u[i] + nb / n * (v[i] - u[i]);

        for (int64_t j = 0; j <= i; j++) {
            double t_j = u[j] + nb / n * (v[j] - u[j]);
            double ca = band[j] - sum_a[i] * sum_a[j] / na;
            double cb = band_b[j] - sum_b[i] * sum_b[j] / nb;

            band[j] = ca + cb + na * nb / n * ((v[i] - u[i]) * (v[j] - u[j])) + n * (t_i * t_j);
        }
    }
    for (int64_t i = 0; i < dim; i++)
        sum_a[i] = n * (u[i] + nb / n * (v[i] - u[i]));
}

fleck_status fk_gauss_merge(fk_gauss *g, fk_gauss *other, fleck_error *err)
{
    double *means = NULL;
    fleck_status st = FLECK_OK;

    if (g->n_pos != other->n_pos || g->dim != other->dim || g->epsilon != other->epsilon)
        FK_FAIL(err, FLECK_E_SHAPE,
                "Gaussians to merge must agree in positions, width and epsilon: %lld, %lld, %g and "
                "%lld, %lld, %g do not",
                (long long)g->n_pos, (long long)g->dim, g->epsilon, (long long)other->n_pos,
                (long long)other->dim, other->epsilon);
    FK_DO(fk_gauss_reopen(g, err));
    FK_DO(fk_gauss_reopen(other, err));
    if (other->n == 0)
        return FLECK_OK;
    if (g->n == 0) {
        fk_gauss_free(g);
        *g = *other;
        *other = (fk_gauss){.n_pos = g->n_pos, .dim = g->dim, .epsilon = g->epsilon};
        return FLECK_OK;
    }
    FK_DO(FK_ALLOC(&means, 2 * g->dim, err));
    for (int64_t p = 0; p < g->n_pos; p++)
        merge_position(g, other, p, means, means + g->dim);
    g->n += other->n;
    make_empty(other);
done:
    fk_free(means);
    return st;
}

/* ---- Factors ---- */

typedef struct finish_job {
    fk_gauss *g;
    double *scratch; /* [workers, D, D] */
} finish_job;

/* a [D, D], its lower triangle column by column, becomes the covariance of position p. */
static void covariance(const fk_gauss *g, int64_t p, double *a)
{
    const double *band = moments(g, p), *sum = g->sum + p * g->dim;
    double n = (double)g->n;

    for (int64_t i = 0; i < g->dim; band += ++i) {
        for (int64_t j = 0; j <= i; j++)
            a[j * g->dim + i] = (band[j] - sum[i] * sum[j] / n) / (n - 1.0);
        a[i * g->dim + i] += g->epsilon;
    }
}

static fleck_status finish_band(void *ctx, int64_t band, int worker, fleck_error *err)
{
    const finish_job *job = ctx;
    fk_gauss *g = job->g;
    int64_t dim = g->dim;
    double *a = job->scratch + worker * dim * dim;

    for (int64_t p = band * FK_GAUSS_BAND; p < band_end(g, band); p++) {
        float *factor = g->own_factor + p * triangle(g);

        covariance(g, p, a);
        if (!fk_linalg_cholesky(a, dim))
            return fk_error_set(err, FLECK_E_STATE,
                                "the covariance of position %lld of %lld is not positive definite; "
                                "a larger epsilon than %g would make it so",
                                (long long)p, (long long)g->n_pos, g->epsilon);
        for (int64_t j = 0; j < dim; j++)
            for (int64_t i = j; i < dim; i++)
                *factor++ = (float)a[j * dim + i];
        for (int64_t i = p * dim; i < (p + 1) * dim; i++)
            g->own_mean[i] = (float)((double)g->shift[i] + g->sum[i] / (double)g->n);
    }
    fk_free(g->bands[band]);
    g->bands[band] = NULL;
    return FLECK_OK;
}

fleck_status fk_gauss_finish(fk_gauss *g, fk_pool *pool, fleck_error *err)
{
    finish_job job = {.g = g};
    fleck_status st;

    if (g->n < 2)
        return fk_error_set(err, FLECK_E_STATE, "a Gaussian needs at least 2 good images, got %lld",
                            (long long)g->n);
    if (g->factor != NULL)
        return FLECK_OK;
    FK_DO(FK_ALLOC(&job.scratch, fk_pool_threads(pool) * g->dim * g->dim, err));
    FK_DO(FK_ALLOC(&g->own_mean, g->n_pos * g->dim, err));
    FK_DO(FK_ALLOC(&g->own_factor, g->n_pos * triangle(g), err));
    st = fk_pool_run(pool, band_count(g), finish_band, &job, err);
    if (st != FLECK_OK) {
        make_empty(g);
        goto done;
    }
    free_moments(g);
    g->mean = g->own_mean;
    g->factor = g->own_factor;
done:
    if (st != FLECK_OK)
        free_factors(g);
    fk_free(job.scratch);
    return st;
}

/* band = (N - 1) (L L' - epsilon I), the co-moments about the mean. */
FK_CLONES static void multiply_back(double *band, const float *factor, int64_t dim, double n,
                                    double epsilon)
{
    for (int64_t k = 0; k < dim; factor += dim - k, k++) {
        for (int64_t i = k; i < dim; i++) {
            double *row = band + i * (i + 1) / 2;
            double c = (double)factor[i - k];

            for (int64_t j = k; j <= i; j++)
                row[j] += c * (double)factor[j - k];
        }
    }
    for (int64_t i = 0; i < dim; band += ++i) {
        band[i] -= epsilon;
        for (int64_t j = 0; j <= i; j++)
            band[j] *= n - 1.0;
    }
}

fleck_status fk_gauss_reopen(fk_gauss *g, fleck_error *err)
{
    fleck_status st;

    if (g->factor == NULL)
        return FLECK_OK;
    FK_DO(alloc_moments(g, err));
    memcpy(g->shift, g->mean, (size_t)(g->n_pos * g->dim) * sizeof(float));
    for (int64_t p = 0; p < g->n_pos; p++)
        multiply_back(moments(g, p), g->factor + p * triangle(g), g->dim, (double)g->n, g->epsilon);
    free_factors(g);
done:
    return st;
}

fleck_status fk_gauss_view(fk_gauss *g, int64_t n_pos, int64_t dim, double epsilon, int64_t n,
                           const float *mean, const float *factor, fleck_error *err)
{
    fleck_status st = fk_gauss_init(g, n_pos, dim, epsilon, err);

    assert(n >= 2);
    if (st == FLECK_OK) {
        g->n = n;
        g->mean = mean;
        g->factor = factor;
    }
    return st;
}

/* ---- Scoring ---- */

/* |z|^2 with L z = v; v [dim] is used up. */
FK_CLONES static double solve(const float *restrict factor, double *restrict v, int64_t dim)
{
    double d2 = 0.0;

    for (int64_t j = 0; j < dim; j++) {
        double z = v[j] / (double)factor[0];
        double *rest = v + j;

        d2 += z * z;
        for (int64_t i = 1; i < dim - j; i++)
            rest[i] -= z * (double)factor[i];
        factor += dim - j;
    }
    return d2;
}

static double without_it(double d2, double n)
{
    double a = n / ((n - 1.0) * (n - 1.0)), rest = fmax(1.0 - a * d2, 1e-12);

    return n / (n - 1.0) * (n / (n - 1.0)) * ((n - 2.0) / (n - 1.0)) * d2 / rest;
}

void fk_gauss_distance(const fk_gauss *g, const float *emb, int64_t first, int64_t last,
                       bool left_out, double *tmp, float *out)
{
    assert(g->factor != NULL && (!left_out || g->n >= 3));
    for (int64_t p = first; p < last; p++) {
        const float *x = emb + p * g->dim, *m = g->mean + p * g->dim;
        double d2;

        for (int64_t i = 0; i < g->dim; i++)
            tmp[i] = (double)x[i] - (double)m[i];
        d2 = solve(g->factor + p * triangle(g), tmp, g->dim);
        out[p] = (float)sqrt(left_out ? without_it(d2, (double)g->n) : d2);
    }
}
