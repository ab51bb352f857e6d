/* SPDX-License-Identifier: Apache-2.0 */
/* Learning a Gaussian per position: adding images, merging, and computing factors.
 *
 * moments.c has the mathematics of one position, spill.c moments that do not fit memory, score.c
 * and fold.c distances. */
#include "gauss/learn.h"
#include "base/mem.h"
#include "gauss/factor.h"
#include "linalg/linalg.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

fleck_status fk_learner_init(fk_learner *l, int64_t n_pos, int64_t dim, double epsilon,
                             fleck_error *err)
{
    int64_t numbers;

    *l = (fk_learner){0};
    if (n_pos < 1 || dim < 1 || dim > 65536 || !fk_mul_fits(n_pos, dim * (dim + 1), &numbers) ||
        numbers > INT64_MAX / 8)
        return fk_error_set(err, FLECK_E_NOMEM, "%lld Gaussians of %lld numbers do not fit",
                            (long long)n_pos, (long long)dim);
    *l = (fk_learner){.n_pos = n_pos, .dim = dim, .epsilon = epsilon};
    return FLECK_OK;
}

static int64_t band_count(const fk_learner *l, int64_t band)
{
    return (l->n_pos + band - 1) / band;
}

/* The end of the band of `band` positions that begins at first. */
static int64_t band_end(const fk_learner *l, int64_t first, int64_t band)
{
    return first + band < l->n_pos ? first + band : l->n_pos;
}

/* Free everything but the settings. */
static void make_empty(fk_learner *l)
{
    for (int64_t b = 0; l->bands != NULL && b < band_count(l, FK_GAUSS_BAND); b++)
        fk_free(l->bands[b]);
    fk_free(l->bands);
    fk_free(l->shift);
    fk_free(l->sum);
    fk_free(l->images.at);
    fk_spill_clear(&l->spill);
    l->bands = NULL;
    l->shift = NULL;
    l->sum = NULL;
    l->images = (fk_counts){0};
}

void fk_learner_free(fk_learner *l)
{
    make_empty(l);
    fk_free(l->spill.folder);
    *l = (fk_learner){0};
}

/* Doubles of the triangles of positions first .. end - 1. */
static int64_t triangles_size(const fk_learner *l, int64_t first, int64_t end)
{
    return (end - first) * fk_moments_room(l->dim);
}

/* Allocate the arrays of an empty l; the triangles are not initialised. */
static fleck_status begin(fk_learner *l, fleck_error *err)
{
    const int64_t band = FK_GAUSS_BAND;
    fleck_status st;

    FK_DO(FK_ALLOC(&l->shift, l->n_pos * l->dim, err));
    FK_DO(FK_CALLOC(&l->sum, l->n_pos * l->dim, err));
    if (!l->spills)
        FK_DO(FK_CALLOC(&l->bands, band_count(l, band), err));
    for (int64_t p = 0; !l->spills && p < l->n_pos; p += band)
        FK_DO(FK_ALLOC(&l->bands[p / band], triangles_size(l, p, band_end(l, p, band)), err));
done:
    if (st != FLECK_OK)
        make_empty(l);
    return st;
}

/* Position p's moments, if l does not spill. */
static fk_moments in_memory(const fk_learner *l, int64_t p)
{
    return fk_learner_position(
        l, p, l->bands[p / FK_GAUSS_BAND] + p % FK_GAUSS_BAND * fk_moments_room(l->dim));
}

/* If l spills, compute the moments of positions first .. last - 1 into d, for fetched(); else d is
 * not used. */
static fleck_status fetch(const fk_learner *l, int64_t first, int64_t last, const fk_desk *d,
                          fleck_error *err)
{
    return l->spills ? fk_spill_fetch(l, first, last, d, err) : FLECK_OK;
}

static fk_moments fetched(const fk_learner *l, const fk_desk *d, int64_t first, int64_t p)
{
    return l->spills ? fk_spill_position(l, d, first, p) : in_memory(l, p);
}

/* ---- Counts ---- */

/* Give each position a count of its own, n so far. */
static fleck_status own_counts(fk_counts *c, int64_t n_pos, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    if (c->at != NULL)
        return FLECK_OK;
    FK_DO(FK_ALLOC(&c->at, n_pos, err));
    for (int64_t p = 0; p < n_pos; p++)
        c->at[p] = c->n;
done:
    return st;
}

/* Drop equal counts, so that masks that hide nothing give the same bytes as no masks. */
static void drop_equal_counts(fk_counts *c, int64_t n_pos)
{
    for (int64_t p = 0; p < n_pos; p++)
        if (fk_counts_at(*c, p) != c->n)
            return;
    fk_free(c->at);
    c->at = NULL;
}

static int64_t count_judged(const fk_learner *l)
{
    int64_t n = 0;

    for (int64_t p = 0; p < l->n_pos; p++)
        n += fk_counts_judge(l->images, p);
    return n;
}

/* Count an image whose moments will be added.  It becomes the shift of positions without one. */
static void count_image(fk_learner *l, const float *image, const uint8_t *flags)
{
    int64_t dim = l->dim, *at = l->images.at;

    if (at == NULL && l->images.n == 0)
        memcpy(l->shift, image, (size_t)(l->n_pos * dim) * sizeof *image);
    for (int64_t p = 0; at != NULL && p < l->n_pos; p++)
        if (fk_gauss_learns(flags, p) && at[p]++ == 0)
            memcpy(l->shift + p * dim, image + p * dim, (size_t)dim * sizeof *image);
    l->images.n++;
}

/* ---- All positions, band by band ---- */

/* The moments of all positions are written to a file, or turned into means and factors. */
typedef struct walk {
    fk_learner *l;
    fk_desk *desks;         /* [threads] */
    const fk_scratch *file; /* NULL: fill `made` */
    fk_gauss *made;
} walk;

static int64_t walk_band(const fk_learner *l)
{
    return l->spills ? l->spill.band : FK_GAUSS_BAND;
}

static fleck_status open_desks(walk *w, const fk_pool *pool, fleck_error *err)
{
    const fk_spill *s = &w->l->spill;

    return fk_desks_open(&w->desks, fk_pool_threads(pool), w->l->dim, s->band, s->piece, err);
}

static fleck_status make_factor(const walk *w, int64_t p, fk_moments m, double *square,
                                fleck_error *err)
{
    const fk_gauss *g = w->made;
    int64_t dim = m.dim;
    void *factor = (char *)g->own_factor + fk_factor_offset(g->type, fk_moments_size(dim), p);

    if (!fk_moments_factor(m, g->shrinkage, square, g->own_mean + p * dim, g->type, factor))
        return fk_error_set(err, FLECK_E_STATE,
                            "the covariance of position %lld of %lld is not positive definite; a "
                            "larger epsilon than %g would make it so",
                            (long long)p, (long long)g->n_pos, w->l->epsilon);
    return FLECK_OK;
}

static fleck_status process_band(void *ctx, int64_t i, int worker, fleck_error *err)
{
    const walk *w = ctx;
    fk_learner *l = w->l;
    const fk_desk *d = &w->desks[worker];
    int64_t first = i * walk_band(l), last = band_end(l, first, walk_band(l));
    fleck_status st;

    FK_DO(fetch(l, first, last, d, err));
    if (w->file != NULL)
        return fk_spill_put(w->file, l->dim, first, last, d, err);
    for (int64_t p = first; p < last; p++)
        FK_DO(make_factor(w, p, fetched(l, d, first, p), d->square, err));
    if (!l->spills) {
        fk_free(l->bands[i]);
        l->bands[i] = NULL;
    }
done:
    return st;
}

static fleck_status process_bands(walk *w, const char *stage, fk_pool *pool, fleck_error *err)
{
    return fk_pool_run_stage(pool, stage, band_count(w->l, walk_band(w->l)), process_band, w, err);
}

/* Add the waiting images to the moments in the file, and free them. */
static fleck_status flush(fk_learner *l, fk_pool *pool, fleck_error *err)
{
    fk_spill *s = &l->spill;
    fk_scratch made = {0};
    walk w = {.l = l, .file = s->moments.folder != NULL ? &s->moments : &made};
    fleck_status st;

    FK_DO(open_desks(&w, pool, err));
    if (w.file == &made)
        FK_DO(fk_scratch_open(&made, s->folder, err));
    /* The file may be updated in place: a thread reads a band before it writes it. */
    FK_DO(process_bands(&w, "temporary file", pool, err));
    if (w.file == &made)
        s->moments = made;
    made = (fk_scratch){0};
    fk_spill_settle(s);
done:
    fk_scratch_close(&made);
    fk_desks_close(&w.desks, fk_pool_threads(pool));
    return st;
}

/* ---- Learning ---- */

typedef struct add_job {
    fk_learner *l;
    const float *const *images;
    const uint8_t *const *flags; /* NULL: no image has any */
    int64_t n;
    bool fresh;           /* the first images: triangles are not initialised */
    double *scratch;      /* [workers] of fk_moments_scratch() */
    const float **chosen; /* [workers, n] with flags */
} add_job;

/* List the images that position p learns; returns their number. */
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
    const fk_learner *l = job->l;
    double *scratch = job->scratch + worker * fk_moments_scratch(l->dim);
    const float **chosen = job->flags != NULL ? job->chosen + worker * job->n : NULL;
    int64_t first = band * FK_GAUSS_BAND, last = band_end(l, first, FK_GAUSS_BAND);

    (void)err;
    /* The thread that adds to them zeroes them, so that page faults are divided among threads. */
    if (job->fresh)
        memset(l->bands[band], 0, (size_t)triangles_size(l, first, last) * sizeof(double));
    for (int64_t p = first; p < last; p++)
        fk_moments_add(in_memory(l, p), chosen != NULL ? chosen : job->images,
                       chosen != NULL ? choose(chosen, job, p) : job->n, p * l->dim, scratch);
    return FLECK_OK;
}

static fleck_status add_in_memory(add_job *job, fk_pool *pool, fleck_error *err)
{
    fk_learner *l = job->l;
    fleck_status st;

    FK_DO(FK_ALLOC(&job->scratch, fk_pool_threads(pool) * fk_moments_scratch(l->dim), err));
    if (job->flags != NULL)
        FK_DO(FK_ALLOC(&job->chosen, fk_pool_threads(pool) * job->n, err));
    if (job->fresh)
        FK_DO(begin(l, err));
    for (int64_t i = 0; i < job->n; i++)
        count_image(l, job->images[i], job->flags != NULL ? job->flags[i] : NULL);
    FK_DO(fk_pool_run(pool, band_count(l, FK_GAUSS_BAND), add_band, job, err));
done:
    fk_free(job->scratch);
    fk_free(job->chosen);
    return st;
}

static fleck_status add_to_spill(const add_job *job, fk_pool *pool, fleck_error *err)
{
    fk_learner *l = job->l;
    fleck_status st = FLECK_OK;

    if (job->fresh)
        FK_DO(begin(l, err));
    for (int64_t i = 0; i < job->n; i++) {
        const uint8_t *flags = job->flags != NULL ? job->flags[i] : NULL;

        FK_DO(fk_spill_keep(l, job->images[i], flags, err));
        count_image(l, job->images[i], flags);
        if (fk_spool_count(l->spill.images) == l->spill.most_waiting)
            FK_DO(flush(l, pool, err));
    }
done:
    if (st != FLECK_OK)
        make_empty(l);
    return st;
}

/* flags, or NULL if no image has any. */
static const uint8_t *const *any_flags(const uint8_t *const *flags, int64_t n)
{
    for (int64_t i = 0; flags != NULL && i < n; i++)
        if (flags[i] != NULL)
            return flags;
    return NULL;
}

fleck_status fk_learner_add(fk_learner *l, const float *const *images, const uint8_t *const *flags,
                            int64_t n, fk_pool *pool, fleck_error *err)
{
    add_job job = {.l = l, .images = images, .flags = any_flags(flags, n), .n = n};
    fleck_status st;

    if (n == 0)
        return FLECK_OK;
    job.fresh = l->images.n == 0;
    if (job.flags != NULL)
        FK_DO(own_counts(&l->images, l->n_pos, err));
    st = l->spills ? add_to_spill(&job, pool, err) : add_in_memory(&job, pool, err);
done:
    return st;
}

/* ---- Merging ---- */

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static fleck_status merge_bands(fk_learner *l, const fk_learner *other, fleck_error *err)
{
    const fk_spill *s = &l->spill;
    int64_t a = walk_band(l), b = walk_band(other), band = a < b ? a : b;
    fk_desk *desks = NULL;
    fleck_status st;

    if (other->images.at != NULL)
        FK_DO(own_counts(&l->images, l->n_pos, err));
    FK_DO(fk_desks_open(&desks, 2, l->dim, band, most(s->piece, other->spill.piece), err));
    if (l->spills && s->moments.folder == NULL)
        FK_DO(flush(l, NULL, err)); /* creates the file that the result is written to */
    for (int64_t first = 0; first < l->n_pos; first += band) {
        int64_t last = band_end(l, first, band);

        FK_DO(fetch(l, first, last, &desks[0], err));
        FK_DO(fetch(other, first, last, &desks[1], err));
        for (int64_t p = first; p < last; p++)
            fk_moments_merge(fetched(l, &desks[0], first, p), fetched(other, &desks[1], first, p),
                             desks[0].square);
        if (l->spills)
            FK_DO(fk_spill_put(&s->moments, l->dim, first, last, &desks[0], err));
    }
    fk_spill_settle(&l->spill);
done:
    fk_desks_close(&desks, 2);
    return st;
}

fleck_status fk_learner_merge(fk_learner *l, fk_learner *other, fleck_error *err)
{
    fleck_status st;

    if (l->n_pos != other->n_pos || l->dim != other->dim || l->epsilon != other->epsilon ||
        l->type != other->type || l->shrinks != other->shrinks)
        return fk_error_set(
            err, FLECK_E_SHAPE,
            "Gaussians to merge must agree in positions, width, epsilon, type of factors and "
            "covariance: %lld, %lld, %g, %s, %s and %lld, %lld, %g, %s, %s do not",
            (long long)l->n_pos, (long long)l->dim, l->epsilon, fk_dtype_name(l->type),
            l->shrinks ? "shrunk" : "paper", (long long)other->n_pos, (long long)other->dim,
            other->epsilon, fk_dtype_name(other->type), other->shrinks ? "shrunk" : "paper");
    if (other->images.n == 0)
        return FLECK_OK;
    if (l->images.n == 0) {
        fk_learner with = *l;

        *l = *other;
        *other = with;
        return FLECK_OK;
    }
    st = merge_bands(l, other, err);
    for (int64_t p = 0; st == FLECK_OK && l->images.at != NULL && p < l->n_pos; p++)
        l->images.at[p] += fk_counts_at(other->images, p);
    l->images.n += other->images.n;
    if (st != FLECK_OK)
        make_empty(l);
    make_empty(other);
    return st;
}

/* ---- Shrinking ---- */

/* All positions get one rho and one mu: the median of their own rhos and the mean of their
 * variances.  If each position had its own mu, positions with little variance would dominate the
 * scores, and held-out scores would vary more.  A sample of some hundreds of positions is enough.
 */
#define LEAST_ASKED 392

typedef struct inquiry {
    const fk_learner *l;
    const fk_desk *desks;
    int64_t n, *at;     /* [n] the sampled positions */
    double *share, *mu; /* [n] their own rho and mu */
} inquiry;

static fleck_status choose_asked(inquiry *q, fleck_error *err)
{
    const fk_learner *l = q->l;
    int64_t judged = count_judged(l), step = most(judged / LEAST_ASKED, 1), k = 0;
    fleck_status st;

    FK_DO(FK_ALLOC(&q->at, judged, err));
    FK_DO(FK_ALLOC(&q->share, judged, err));
    FK_DO(FK_ALLOC(&q->mu, judged, err));
    for (int64_t p = 0; p < l->n_pos; p++)
        if (fk_counts_judge(l->images, p) && k++ % step == 0)
            q->at[q->n++] = p;
done:
    return st;
}

static fleck_status ask_position(void *ctx, int64_t i, int worker, fleck_error *err)
{
    const inquiry *q = ctx;
    const fk_desk *d = &q->desks[worker];
    int64_t p = q->at[i], dim = q->l->dim;
    double *sum = q->l->sum + p * dim, *before = d->square + dim * dim;
    fleck_status st;

    /* fetch() adds the waiting images to the sums, and will do so again: restore them. */
    memcpy(before, sum, (size_t)dim * sizeof *sum);
    FK_DO(fetch(q->l, p, p + 1, d, err));
    fk_moments_ask(fetched(q->l, d, p, p), d->square, &q->share[i], &q->mu[i]);
done:
    memcpy(sum, before, (size_t)dim * sizeof *sum);
    return st;
}

static int ascending(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return (a > b) - (a < b);
}

/* Choose share and ridge for all factors. */
static fleck_status find_shrinkage(fk_shrinkage *out, const fk_learner *l, const fk_desk *desks,
                                   fk_pool *pool, fleck_error *err)
{
    inquiry q = {.l = l, .desks = desks};
    double mu = 0.0;
    fleck_status st;

    *out = (fk_shrinkage){0.0, l->epsilon};
    if (!l->shrinks)
        return FLECK_OK;
    FK_DO(choose_asked(&q, err));
    FK_DO(fk_pool_run(pool, q.n, ask_position, &q, err));
    for (int64_t i = 0; i < q.n; i++)
        mu += q.mu[i] / (double)q.n;
    qsort(q.share, (size_t)q.n, sizeof *q.share, ascending);
    out->share = q.share[q.n / 2];
    out->ridge = out->share * mu + l->epsilon;
done:
    fk_free(q.at);
    fk_free(q.share);
    fk_free(q.mu);
    return st;
}

/* ---- Factors ---- */

static fleck_status check_images(fk_learner *l, fleck_error *err)
{
    if (l->images.n < 2)
        return fk_error_set(err, FLECK_E_STATE, "a Gaussian needs at least 2 good images, got %lld",
                            (long long)l->images.n);
    drop_equal_counts(&l->images, l->n_pos);
    if (count_judged(l) == 0)
        return fk_error_set(
            err, FLECK_E_STATE,
            "a Gaussian needs at least %d good images, and masks leave fewer of the "
            "%lld at each of the %lld positions",
            l->images.n < 3 ? 2 : 3, (long long)l->images.n, (long long)l->n_pos);
    return FLECK_OK;
}

/* Allocate g's means and factors.  The memory of l's base factors is reused if it is owned, since
 * each position reads its factor before it writes it. */
static fleck_status alloc_factors(fk_gauss *g, fk_learner *l, fleck_error *err)
{
    fk_gauss *base = &l->spill.base;
    fleck_status st;

    FK_DO(FK_ALLOC(&g->own_mean, g->n_pos * g->dim, err));
    if (base->own_factor == NULL)
        FK_DO(fk_alloc(&g->own_factor, g->n_pos * fk_moments_size(g->dim), fk_dtype_size(g->type),
                       err));
    else
        g->own_factor = base->own_factor;
    base->own_factor = NULL;
    g->mean = g->own_mean;
    g->factor = g->own_factor;
done:
    return st;
}

fleck_status fk_learner_finish(fk_learner *l, fk_gauss *out, fk_pool *pool, fleck_error *err)
{
    walk w = {.l = l, .made = out};
    fleck_status st;

    *out = (fk_gauss){.n_pos = l->n_pos, .dim = l->dim, .type = l->type};
    FK_DO(check_images(l, err));
    FK_DO(fk_linalg_begin(err));
    FK_DO(open_desks(&w, pool, err));
    FK_DO(find_shrinkage(&out->shrinkage, l, w.desks, pool, err));
    FK_DO(alloc_factors(out, l, err));
    st = process_bands(&w, "covariance", pool, err);
    if (st == FLECK_OK) {
        out->images = l->images;
        l->images = (fk_counts){0};
    }
    make_empty(l);
done:
    if (st != FLECK_OK)
        fk_gauss_free(out);
    fk_desks_close(&w.desks, fk_pool_threads(pool));
    return st;
}

fleck_status fk_learner_resume(fk_learner *l, fk_gauss *g, fleck_error *err)
{
    int64_t t = fk_moments_size(l->dim);
    float *scratch = NULL;
    fleck_status st;

    assert(l->images.n == 0 && g->n_pos == l->n_pos && g->dim == l->dim && g->type == l->type);
    FK_DO(FK_ALLOC(&scratch, l->dim, err));
    FK_DO(begin(l, err));
    memcpy(l->shift, g->mean, (size_t)(l->n_pos * l->dim) * sizeof *l->shift);
    l->images = g->images;
    g->images = (fk_counts){0};
    for (int64_t p = 0; !l->spills && p < l->n_pos; p++)
        fk_moments_back(in_memory(l, p), g->type,
                        (const char *)g->factor + fk_factor_offset(g->type, t, p), scratch,
                        g->shrinkage);
    if (l->spills) {
        fk_free(g->own_mean);
        g->own_mean = NULL;
        l->spill.base = *g;
        *g = (fk_gauss){0};
    }
    fk_gauss_free(g);
done:
    fk_free(scratch);
    return st;
}
