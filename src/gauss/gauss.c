/* A Gaussian per position: streamed moments and Cholesky factors.
 *
 * Moments, covariances and factors of a position are in gauss_moments.c, moments that do not fit
 * memory in gauss_spill.c, distances in gauss_score.c. */
#include "gauss/gauss.h"
#include "base/mem.h"
#include "gauss/factor.h"
#include "gauss/moments.h"
#include "gauss/position.h"
#include "gauss/spill.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int64_t triangle(const fk_gauss *g)
{
    return fk_moments_size(g->dim);
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
    for (int64_t b = 0; g->bands != NULL && b < fk_gauss_bands(g); b++)
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
    fk_free(g->counts);
    g->counts = NULL;
    g->n = 0;
}

void fk_gauss_free(fk_gauss *g)
{
    make_empty(g);
    fk_spill_free(&g->spill);
    *g = (fk_gauss){0};
}

/* Numbers of a band's triangles. */
static int64_t band_size(const fk_gauss *g, int64_t band)
{
    return (fk_gauss_band_end(g, band) - band * FK_GAUSS_BAND) * fk_moments_room(g->dim);
}

/* Moments, the triangles still undefined. */
static fleck_status alloc_moments(fk_gauss *g, fleck_error *err)
{
    fleck_status st;

    FK_DO(FK_CALLOC(&g->bands, fk_gauss_bands(g), err));
    FK_DO(FK_ALLOC(&g->shift, g->n_pos * g->dim, err));
    FK_DO(FK_CALLOC(&g->sum, g->n_pos * g->dim, err));
    for (int64_t b = 0; b < fk_gauss_bands(g); b++)
        FK_DO(FK_ALLOC(&g->bands[b], band_size(g, b), err));
done:
    if (st != FLECK_OK)
        free_moments(g);
    return st;
}

/* ---- Counts ---- */

/* Let positions have counts of their own; so far all have n. */
static fleck_status own_counts(fk_gauss *g, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    if (g->counts != NULL)
        return FLECK_OK;
    FK_DO(FK_ALLOC(&g->counts, g->n_pos, err));
    for (int64_t p = 0; p < g->n_pos; p++)
        g->counts[p] = g->n;
done:
    return st;
}

/* Do without where all are alike, so that a mask that hides nothing leaves no trace. */
static void drop_equal_counts(fk_gauss *g)
{
    for (int64_t p = 0; p < g->n_pos; p++)
        if (fk_gauss_count(g, p) != g->n)
            return;
    fk_free(g->counts);
    g->counts = NULL;
}

static bool judges_any(const fk_gauss *g)
{
    for (int64_t p = 0; p < g->n_pos; p++)
        if (fk_gauss_judges(g, p))
            return true;
    return false;
}

/* ---- Learning ---- */

typedef struct add_job {
    fk_gauss *g;
    const float *const *images;
    const uint8_t *const *flags; /* NULL: no image has any */
    int64_t n;
    bool fresh;           /* the first images: triangles are still undefined */
    double *scratch;      /* [workers] of fk_moments_scratch() */
    const float **chosen; /* [workers, n] with flags */
} add_job;

/* The images that position p learns; returns how many. */
static int64_t choose(const float **out, const add_job *job, int64_t p)
{
    int64_t n = 0;

    for (int64_t i = 0; i < job->n; i++)
        if (fk_gauss_learns(job->flags[i], p))
            out[n++] = job->images[i];
    return n;
}

static fleck_status add_band(void *ctx, int64_t band, int worker, fleck_error *err)
{
    const add_job *job = ctx;
    double *scratch = job->scratch + worker * fk_moments_scratch(job->g->dim);
    const float **chosen = job->flags != NULL ? job->chosen + worker * job->n : NULL;

    (void)err;
    /* By the thread that goes on with them: new memory costs more to touch than to fill. */
    if (job->fresh)
        memset(job->g->bands[band], 0, (size_t)band_size(job->g, band) * sizeof(double));
    for (int64_t p = band * FK_GAUSS_BAND; p < fk_gauss_band_end(job->g, band); p++)
        fk_moments_add(fk_gauss_position(job->g, p), chosen != NULL ? chosen : job->images,
                       chosen != NULL ? choose(chosen, job, p) : job->n, p * job->g->dim, scratch);
    return FLECK_OK;
}

/* NULL where no image has flags. */
static const uint8_t *const *any_flags(const uint8_t *const *flags, int64_t n)
{
    for (int64_t i = 0; flags != NULL && i < n; i++)
        if (flags[i] != NULL)
            return flags;
    return NULL;
}

fleck_status fk_gauss_add(fk_gauss *g, const float *const *images, const uint8_t *const *flags,
                          int64_t n, fk_pool *pool, fleck_error *err)
{
    add_job job = {.g = g, .images = images, .flags = any_flags(flags, n), .n = n};
    fleck_status st;

    if (n == 0)
        return FLECK_OK;
    FK_DO(fk_gauss_reopen(g, err));
    if (job.flags != NULL)
        FK_DO(own_counts(g, err));
    if (g->spill != NULL) {
        st = fk_spill_add(g, images, job.flags, n, pool, err);
        if (st != FLECK_OK)
            make_empty(g);
        return st;
    }
    FK_DO(FK_ALLOC(&job.scratch, fk_pool_threads(pool) * fk_moments_scratch(g->dim), err));
    if (job.flags != NULL)
        FK_DO(FK_ALLOC(&job.chosen, fk_pool_threads(pool) * n, err));
    job.fresh = g->shift == NULL;
    if (job.fresh)
        FK_DO(alloc_moments(g, err));
    for (int64_t i = 0; i < n; i++)
        fk_gauss_count_image(g, images[i], job.flags != NULL ? job.flags[i] : NULL);
    FK_DO(fk_pool_run(pool, fk_gauss_bands(g), add_band, &job, err));
done:
    fk_free(job.scratch);
    fk_free(job.chosen);
    return st;
}

/* ---- Merging ---- */

fleck_status fk_gauss_merge(fk_gauss *g, fk_gauss *other, fleck_error *err)
{
    double *means = NULL;
    fleck_status st = FLECK_OK;

    if (g->n_pos != other->n_pos || g->dim != other->dim || g->epsilon != other->epsilon ||
        g->type != other->type || g->shrinks != other->shrinks)
        FK_FAIL(err, FLECK_E_SHAPE,
                "Gaussians to merge must agree in positions, width, epsilon, type of factors and "
                "covariance: %lld, %lld, %g, %s, %s and %lld, %lld, %g, %s, %s do not",
                (long long)g->n_pos, (long long)g->dim, g->epsilon, fk_dtype_name(g->type),
                g->shrinks ? "shrunk" : "paper", (long long)other->n_pos, (long long)other->dim,
                other->epsilon, fk_dtype_name(other->type), other->shrinks ? "shrunk" : "paper");
    FK_DO(fk_gauss_reopen(g, err));
    FK_DO(fk_gauss_reopen(other, err));
    if (other->n == 0)
        return FLECK_OK;
    if (g->n == 0) {
        fk_gauss_free(g);
        *g = *other;
        *other = (fk_gauss){.n_pos = g->n_pos,
                            .dim = g->dim,
                            .epsilon = g->epsilon,
                            .type = g->type,
                            .shrinks = g->shrinks};
        return FLECK_OK;
    }
    if (other->counts != NULL)
        FK_DO(own_counts(g, err));
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
    fk_gauss_merge_counts(g, other);
    make_empty(other);
done:
    fk_free(means);
    return st;
}

/* ---- Shrinking ---- */

/* One rho and one mu for all positions: the median of what they ask for and the mean of their
 * variances.  A mu of each position's own gives quiet places so little that the least change there
 * outweighs all else: held-out scores of images spread more.  Some hundreds of positions say it
 * well. */
#define LEAST_ASKED 392

static fleck_status choose_asked(fk_gauss_asked *a, const fk_gauss *g, fleck_error *err)
{
    int64_t judged = 0, step, k = 0;
    fleck_status st;

    for (int64_t p = 0; p < g->n_pos; p++)
        judged += fk_gauss_judges(g, p);
    step = judged / LEAST_ASKED > 0 ? judged / LEAST_ASKED : 1;
    FK_DO(FK_ALLOC(&a->at, judged, err));
    FK_DO(FK_ALLOC(&a->share, judged, err));
    FK_DO(FK_ALLOC(&a->mu, judged, err));
    for (int64_t p = 0; p < g->n_pos; p++)
        if (fk_gauss_judges(g, p) && k++ % step == 0)
            a->at[a->n++] = p;
done:
    return st;
}

typedef struct ask_job {
    const fk_gauss *g;
    const fk_gauss_asked *asked;
    double *scratch; /* [workers, D, D] */
} ask_job;

static fleck_status ask_position(void *ctx, int64_t i, int worker, fleck_error *err)
{
    const ask_job *job = ctx;
    const fk_gauss *g = job->g;

    (void)err;
    fk_moments_ask(fk_gauss_position(g, job->asked->at[i]), job->scratch + worker * g->dim * g->dim,
                   &job->asked->share[i], &job->asked->mu[i]);
    return FLECK_OK;
}

static int ascending(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return (a > b) - (a < b);
}

/* Settle what the next factors are made of. */
static fleck_status find_shrinkage(fk_gauss *g, fk_pool *pool, fleck_error *err)
{
    fk_gauss_asked asked = {0};
    ask_job job = {.g = g, .asked = &asked};
    double mu = 0.0;
    fleck_status st = FLECK_OK;

    g->next = (fk_shrinkage){0.0, g->epsilon};
    if (!g->shrinks)
        return FLECK_OK;
    FK_DO(choose_asked(&asked, g, err));
    if (g->spill != NULL) {
        FK_DO(fk_spill_ask(g, &asked, pool, err));
    } else {
        FK_DO(FK_ALLOC(&job.scratch, fk_pool_threads(pool) * g->dim * g->dim, err));
        FK_DO(fk_pool_run(pool, asked.n, ask_position, &job, err));
    }
    for (int64_t i = 0; i < asked.n; i++)
        mu += asked.mu[i] / (double)asked.n;
    qsort(asked.share, (size_t)asked.n, sizeof *asked.share, ascending);
    g->next.share = asked.share[asked.n / 2];
    g->next.ridge = g->next.share * mu + g->epsilon;
done:
    fk_free(asked.at);
    fk_free(asked.share);
    fk_free(asked.mu);
    fk_free(job.scratch);
    return st;
}

/* ---- Factors ---- */

typedef struct finish_job {
    fk_gauss *g;
    double *scratch; /* [workers, D, D] */
} finish_job;

static fleck_status finish_band(void *ctx, int64_t band, int worker, fleck_error *err)
{
    const finish_job *job = ctx;
    fk_gauss *g = job->g;
    fleck_status st = FLECK_OK;

    for (int64_t p = band * FK_GAUSS_BAND; p < fk_gauss_band_end(g, band); p++)
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
    if (fk_gauss_finished(g))
        return FLECK_OK;
    FK_DO(fk_linalg_begin(err));
    drop_equal_counts(g);
    if (!judges_any(g))
        return fk_error_set(
            err, FLECK_E_STATE,
            "a Gaussian needs at least %d good images, and masks leave fewer of the "
            "%lld at each of the %lld positions",
            g->n < 3 ? 2 : 3, (long long)g->n, (long long)g->n_pos);
    if (g->spill != NULL) {
        st = find_shrinkage(g, pool, err);
        if (st == FLECK_OK)
            st = fk_spill_finish(g, pool, err);
        if (st != FLECK_OK)
            make_empty(g);
        g->shrinkage = g->next;
        return st;
    }
    FK_DO(find_shrinkage(g, pool, err));
    FK_DO(FK_ALLOC(&job.scratch, fk_pool_threads(pool) * g->dim * g->dim, err));
    FK_DO(FK_ALLOC(&g->own_mean, g->n_pos * g->dim, err));
    FK_DO(fk_alloc(&g->own_factor, g->n_pos * triangle(g), fk_dtype_size(g->type), err));
    st = fk_pool_run_stage(pool, "covariance", fk_gauss_bands(g), finish_band, &job, err);
    if (st != FLECK_OK) {
        make_empty(g);
        goto done;
    }
    free_moments(g);
    g->mean = g->own_mean;
    g->factor = g->own_factor;
    g->shrinkage = g->next;
done:
    if (st != FLECK_OK)
        free_factors(g);
    fk_free(job.scratch);
    return st;
}

fleck_status fk_gauss_reopen(fk_gauss *g, fleck_error *err)
{
    float *room = NULL;
    fleck_status st;

    if (!fk_gauss_finished(g))
        return FLECK_OK;
    if (g->spill != NULL)
        return fk_spill_reopen(g, err);
    FK_DO(FK_ALLOC(&room, g->dim, err));
    FK_DO(alloc_moments(g, err));
    memcpy(g->shift, g->mean, (size_t)(g->n_pos * g->dim) * sizeof(float));
    for (int64_t p = 0; p < g->n_pos; p++)
        fk_moments_back(fk_gauss_position(g, p), g->type,
                        (const char *)g->factor + fk_factor_offset(g->type, triangle(g), p), room,
                        fk_gauss_shrinkage(g));
    free_factors(g);
done:
    fk_free(room);
    return st;
}

fleck_status fk_gauss_view(fk_gauss *g, int64_t n_pos, int64_t dim, double epsilon, int64_t n,
                           const float *mean, const void *factor, fleck_error *err)
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
