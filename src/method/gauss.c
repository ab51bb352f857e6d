/* A Gaussian per position: streamed moments, Cholesky factors, Mahalanobis distances.
 *
 * Moments, covariances and factors of a position are in gauss_moments.c, moments that do not fit memory
 * in gauss_spill.c.
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
 * e'; rounding may take that away where D exceeds N and epsilon is tiny, hence the floor. */
#include "method/gauss.h"
#include "base/mem.h"
#include "linalg/clones.h"
#include "method/gauss_moments.h"
#include "method/gauss_spill.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static int64_t triangle(const fk_gauss *g)
{
    return fk_moments_size(g->dim);
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

/* Position p of a g that is learning in memory. */
fk_moments fk_gauss_position(const fk_gauss *g, int64_t p)
{
    return (fk_moments){.dim = g->dim,
                        .n = g->n,
                        .shift = g->shift + p * g->dim,
                        .sum = g->sum + p * g->dim,
                        .triangle = g->bands[p / FK_GAUSS_BAND] + p % FK_GAUSS_BAND * triangle(g)};
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
    if (g->spill != NULL)
        fk_spill_clear(g->spill);
    g->n = 0;
}

void fk_gauss_free(fk_gauss *g)
{
    make_empty(g);
    fk_spill_free(&g->spill);
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

typedef struct add_job {
    fk_gauss *g;
    const float *const *images;
    int64_t n;
    double *scratch; /* [workers, FK_MOMENTS_GROUP, D] */
} add_job;

static fleck_status add_band(void *ctx, int64_t band, int worker, fleck_error *err)
{
    const add_job *job = ctx;

    (void)err;
    for (int64_t p = band * FK_GAUSS_BAND; p < band_end(job->g, band); p++)
        fk_moments_add(fk_gauss_position(job->g, p), job->images, job->n, p * job->g->dim,
                       job->scratch + worker * FK_MOMENTS_GROUP * job->g->dim);
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
    if (g->spill != NULL) {
        st = fk_spill_add(g, images, n, pool, err);
        if (st != FLECK_OK)
            make_empty(g);
        return st;
    }
    FK_DO(FK_ALLOC(&job.scratch, fk_pool_threads(pool) * FK_MOMENTS_GROUP * g->dim, err));
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
    if (g->spill != NULL || other->spill != NULL) {
        st = fk_spill_merge(g, other, err);
        if (st != FLECK_OK)
            make_empty(g);
        make_empty(other);
        return st;
    }
    FK_DO(FK_ALLOC(&means, 2 * g->dim, err));
    for (int64_t p = 0; p < g->n_pos; p++)
        fk_moments_merge(fk_gauss_position(g, p), fk_gauss_position(other, p), means);
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

fleck_status fk_gauss_factor(fk_gauss *g, int64_t p, fk_moments m, double *square, fleck_error *err)
{
    if (fk_moments_factor(m, g->epsilon, square, g->own_mean + p * g->dim,
                          g->own_factor + p * triangle(g)))
        return FLECK_OK;
    return fk_error_set(err, FLECK_E_STATE,
                        "the covariance of position %lld of %lld is not positive definite; a "
                        "larger epsilon than %g would make it so",
                        (long long)p, (long long)g->n_pos, g->epsilon);
}

static fleck_status finish_band(void *ctx, int64_t band, int worker, fleck_error *err)
{
    const finish_job *job = ctx;
    fk_gauss *g = job->g;
    fleck_status st = FLECK_OK;

    for (int64_t p = band * FK_GAUSS_BAND; p < band_end(g, band); p++)
        FK_DO(fk_gauss_factor(g, p, fk_gauss_position(g, p),
                              job->scratch + worker * g->dim * g->dim, err));
    fk_free(g->bands[band]);
    g->bands[band] = NULL;
done:
    return st;
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
    if (g->spill != NULL) {
        st = fk_spill_finish(g, pool, err);
        if (st != FLECK_OK)
            make_empty(g);
        return st;
    }
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

fleck_status fk_gauss_reopen(fk_gauss *g, fleck_error *err)
{
    fleck_status st;

    if (g->factor == NULL)
        return FLECK_OK;
    if (g->spill != NULL)
        return fk_spill_reopen(g, err);
    FK_DO(alloc_moments(g, err));
    memcpy(g->shift, g->mean, (size_t)(g->n_pos * g->dim) * sizeof(float));
    for (int64_t p = 0; p < g->n_pos; p++)
        fk_moments_back(fk_gauss_position(g, p), g->factor + p * triangle(g), g->epsilon);
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
