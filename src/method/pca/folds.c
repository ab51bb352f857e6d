/* SPDX-License-Identifier: Apache-2.0 */
/* Patches learned in folds.
 *
 * All patches have n, mean and moment as in pca.c; those of a fold are n_a, mean_a, moment_a.  The
 * rest without the fold, b, follows from Chan's formula backwards, with d = mean - mean_a:
 *
 *   n_b      = n - n_a
 *   mean_b   = mean + d n_a / n_b
 *   moment_b = moment - moment_a - d d' n n_a / n_b
 *
 * The same formula gives the fold itself: all patches without those from before the fold was
 * opened.  So an image is accumulated once, and `all` does not depend on folds.  Differences are in
 * double.  A fold is rounded to float each time it was opened: once if its images come one after
 * another, once for each image if folds alternate. */
#include "method/pca/folds.h"
#include "base/mem.h"
#include "method/methods.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define NO_PART 255
/* Components of a rest with less than this share of the largest variance may be rounding. */
#define LEAST 1e-6

fleck_status fk_folds_init(fk_folds *f, int64_t dim, fleck_error *err)
{
    *f = (fk_folds){.next = {-1, -1}, .open = {-1, -1}, .lanes = FK_PARTS};
    return fk_pca_init(&f->all, dim, err);
}

static void free_parts(fk_folds *f)
{
    for (int k = 0; k < FK_PARTS; k++) {
        fk_free(f->parts[k].mean);
        fk_free(f->parts[k].moment);
        f->parts[k] = (fk_part){0};
    }
    fk_free(f->of);
    f->of = NULL;
    f->n = f->room = f->loaded = 0;
}

void fk_folds_free(fk_folds *f)
{
    free_parts(f);
    fk_pca_free(&f->before);
    fk_pca_free(&f->all);
}

void fk_folds_loaded(fk_folds *f, int64_t images)
{
    f->loaded = images;
}

/* ---- Learning ---- */

void fk_folds_set(fk_folds *f, int alone, int session)
{
    assert(alone >= 0 && alone < FK_FOLDS && session >= 0 && session < FK_FOLDS);
    f->next[0] = alone;
    f->next[1] = FK_FOLDS + session;
}

/* Make `of` large enough for `more` embeddings, and fill in the loaded ones. */
static fleck_status reserve(fk_folds *f, int64_t more, fleck_error *err)
{
    int64_t need = f->n + f->loaded + more, room;
    fleck_status st = FLECK_OK;

    if (need > f->room) {
        room = need + need / 2;
        FK_DO(fk_grow((void **)&f->of, f->room, room, 2, err));
        f->room = room;
    }
    if (f->loaded > 0)
        memset(f->of + 2 * f->n, NO_PART, (size_t)(2 * f->loaded));
    f->n += f->loaded;
    f->loaded = 0;
done:
    return st;
}

/* Add the moments of n patches to a part: `moment`, or with NULL those that `all` learned since
 * `before`.  mean [D] is that of the n patches, and is overwritten. */
static void join(const fk_folds *f, fk_part *to, int64_t n, double *mean, const float *moment)
{
    const fk_pca *all = &f->all, *before = &f->before;
    int64_t dim = all->dim;
    double sum = (double)(to->n + n), factor = (double)to->n * (double)n / sum;
    double back = (double)all->n * (double)before->n / (double)n;

    for (int64_t j = 0; j < dim; j++)
        mean[j] -= to->mean[j];
    for (int64_t i = 0, k = 0; i < dim; i++)
        for (int64_t j = 0; j <= i; j++, k++) {
            double more = moment != NULL ? (double)moment[k]
                                         : all->moment[i * dim + j] - before->moment[i * dim + j] -
                                               back * (all->mean[i] - before->mean[i]) *
                                                   (all->mean[j] - before->mean[j]);

            to->moment[k] = (float)((double)to->moment[k] + more + factor * mean[i] * mean[j]);
        }
    for (int64_t j = 0; j < dim; j++)
        to->mean[j] += mean[j] * ((double)n / sum);
    to->n += n;
}

/* Add to an open part what `all` has learned since it was opened: n patches with this mean. */
static fleck_status settle_part(fk_folds *f, fk_part *to, int64_t n, const double *mean,
                                double *copy, fleck_error *err)
{
    int64_t dim = f->all.dim;
    fleck_status st = FLECK_OK;

    if (to->mean == NULL)
        FK_DO(FK_CALLOC(&to->mean, dim, err));
    if (to->moment == NULL)
        FK_DO(FK_CALLOC(&to->moment, dim * (dim + 1) / 2, err));
    if (n > 0) {
        memcpy(copy, mean, (size_t)dim * sizeof *copy);
        join(f, to, n, copy, NULL);
    }
done:
    return st;
}

/* Bring the open parts up to date. */
static fleck_status settle(fk_folds *f, fleck_error *err)
{
    int64_t n = f->all.n - f->before.n, dim = f->all.dim;
    double *mean = NULL;
    fleck_status st = FLECK_OK;

    if (f->open[0] < 0)
        return FLECK_OK;
    FK_DO(FK_ALLOC(&mean, 2 * dim, err));
    for (int64_t j = 0; n > 0 && j < dim; j++)
        mean[j] = f->all.mean[j] +
                  (f->all.mean[j] - f->before.mean[j]) * ((double)f->before.n / (double)n);
    for (int k = 0; k < 2; k++)
        if (f->open[k] >= 0) {
            FK_DO(settle_part(f, &f->parts[f->open[k]], n, mean, mean + dim, err));
            f->open[k] = -1;
        }
done:
    fk_free(mean);
    return st;
}

/* Open these parts: copy `all` to `before`, whose memory is allocated once. */
static fleck_status open_parts(fk_folds *f, const int parts[2], fleck_error *err)
{
    int64_t dim = f->all.dim;
    fleck_status st;

    FK_DO(settle(f, err));
    FK_DO(fk_pca_open(&f->all, err));
    if (f->before.mean == NULL)
        FK_DO(FK_ALLOC(&f->before.mean, dim, err));
    if (f->before.moment == NULL)
        FK_DO(FK_ALLOC(&f->before.moment, dim * dim, err));
    memcpy(f->before.mean, f->all.mean, (size_t)dim * sizeof(double));
    for (int64_t i = 0; i < dim; i++) /* below the diagonal */
        memcpy(f->before.moment + i * dim, f->all.moment + i * dim,
               (size_t)(i + 1) * sizeof(double));
    f->before.n = f->all.n;
    f->open[0] = parts[0];
    f->open[1] = parts[1];
done:
    return st;
}

fleck_status fk_folds_add(fk_folds *f, const fk_level *level, fk_pool *pool, fleck_error *err)
{
    int dealt = (int)(f->n % FK_FOLDS), parts[2] = {dealt, FK_FOLDS + dealt};
    fleck_status st;

    FK_DO(reserve(f, 1, err));
    if (f->next[0] >= 0)
        memcpy(parts, f->next, sizeof parts);
    if (f->open[0] != parts[0] || f->open[1] != parts[1])
        FK_DO(open_parts(f, parts, err));
    FK_DO(fk_pca_add(&f->all, level, pool, err));
    for (int k = 0; k < 2; k++) {
        f->of[2 * f->n + k] = (uint8_t)parts[k];
        f->parts[parts[k]].images++;
    }
    f->n++;
done:
    return st;
}

fleck_status fk_folds_close(fk_folds *f, fleck_error *err)
{
    fleck_status st;

    FK_DO(settle(f, err));
    fk_pca_free(&f->before);
done:
    return st;
}

fleck_status fk_folds_merge(fk_folds *f, fk_folds *other, fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_folds_close(f, err));
    FK_DO(fk_folds_close(other, err));
    FK_DO(reserve(other, 0, err));
    FK_DO(reserve(f, other->n, err));
    FK_DO(fk_pca_merge(&f->all, &other->all, err));
    for (int k = 0; k < FK_PARTS; k++) {
        fk_part *to = &f->parts[k], *from = &other->parts[k], empty = *to;
        int64_t images = to->images + from->images;

        if (to->n == 0) {
            *to = *from;
            *from = empty;
        } else if (from->n > 0)
            join(f, to, from->n, from->mean, from->moment);
        to->images = images;
    }
    if (other->n > 0)
        memcpy(f->of + 2 * f->n, other->of, (size_t)(2 * other->n));
    f->n += other->n;
    free_parts(other);
done:
    return st;
}

/* ---- Leaving out ---- */

/* A fit learns all tiles of an image in one fold.  If folds were not set, tiles are in different
 * folds, and that of the span's middle is used. */
int fk_folds_of(const fk_folds *f, fk_span span)
{
    int64_t i = span.rank != NULL ? span.at : span.first + span.count / 2;
    int part = i >= 0 && i < f->n ? f->of[2 * i + span.fold] : NO_PART;

    return part != NO_PART ? part : -1;
}

fleck_status fk_folds_rest(const fk_folds *f, int part, double variance, float **mean,
                           double **vectors, double **values, int64_t *count, fleck_error *err)
{
    const fk_pca *all = &f->all;
    const fk_part *held = &f->parts[part];
    int64_t dim = all->dim, n = all->n - held->n;
    double factor = (double)all->n * (double)held->n / (double)n;
    double *covariance = NULL;
    float *made = NULL;
    fleck_status st;

    assert(f->open[0] < 0 && held->images > 0 && all->moment != NULL);
    *mean = NULL;
    *vectors = *values = NULL;
    if (n < 2)
        FK_FAIL(err, FLECK_E_STATE,
                "leaving out %lld of %lld images leaves %lld patches to learn from, at least 2 are "
                "needed",
                (long long)held->images, (long long)f->n, (long long)n);
    FK_DO(FK_CALLOC(&covariance, dim * dim, err));
    FK_DO(FK_ALLOC(&made, dim, err));
    for (int64_t i = 0, k = 0; i < dim; i++) {
        double d = all->mean[i] - held->mean[i];

        made[i] = (float)(all->mean[i] + d * ((double)held->n / (double)n));
        for (int64_t j = 0; j <= i; j++, k++)
            covariance[i * dim + j] = (all->moment[i * dim + j] - (double)held->moment[k] -
                                       factor * d * (all->mean[j] - held->mean[j])) /
                                      (double)(n - 1);
    }
    FK_DO(fk_pca_decompose(covariance, dim, variance, LEAST, vectors, values, count, err));
    *mean = made;
    made = NULL;
done:
    fk_free(covariance);
    fk_free(made);
    return st;
}

typedef struct folds_job {
    const fk_folds *folds;
    int64_t first;
    fk_pool_fn *fn;
    void *ctx;
} folds_job;

static fleck_status run_one(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const folds_job *job = ctx;
    int64_t part = job->first + item;

    return job->folds->parts[part].images > 0 ? job->fn(job->ctx, part, worker, err) : FLECK_OK;
}

fleck_status fk_folds_run(const fk_folds *f, fk_pool *pool, fk_pool_fn *fn, void *ctx,
                          fleck_error *err)
{
    folds_job job = {f, 0, fn, ctx};
    int64_t at_once = f->lanes < fk_pool_threads(pool) ? f->lanes : FK_PARTS;
    fleck_status st = FLECK_OK;

    fk_watch_stage(fk_pool_watch(pool), "folds", FK_PARTS);
    for (int64_t n; job.first < FK_PARTS; job.first += n) {
        n = FK_PARTS - job.first < at_once ? FK_PARTS - job.first : at_once;
        FK_DO(fk_pool_run(pool, n, run_one, &job, err));
        FK_DO(fk_watch_tell(fk_pool_watch(pool), job.first + n, err));
    }
done:
    return st;
}

/* ---- Memory ---- */

/* Most bytes, beside the parts (4 squares).  While learning: moments, their copy and centred rows.
 * While finishing: moments, the matrix that becomes eigenvectors, LAPACK's workspace of twice its
 * size, and the rounded triangle.  For the rests: moments and triangle, and in each lane matrix and
 * workspace.  96 D: vectors, and LAPACK's smaller workspace. */
static int64_t bytes_of(int64_t dim, int64_t patches, int lanes)
{
    double d = (double)dim, square = 8.0 * d * d;
    double bytes = 4.0 * square +
                   fmax(2.0 * square + 8.0 * d * (double)patches, (1.25 + 3.0 * lanes) * square) +
                   (double)(96 * lanes + 8 * FK_PARTS) * d;

    return bytes < 4e18 ? (int64_t)bytes : INT64_MAX / 2;
}

fleck_status fk_folds_limit(fk_folds *f, const char *name, const fk_memory *m, int64_t patches,
                            int64_t others, int64_t *least, fleck_error *err)
{
    int64_t dim = f->all.dim;

    f->lanes = FK_PARTS;
    while (f->lanes > 1 && (f->lanes > m->threads ||
                            (m->bytes > 0 && bytes_of(dim, patches, f->lanes) + others > m->bytes)))
        f->lanes--;
    return fk_method_needs(name, m, bytes_of(dim, patches, 1) + others, least, err);
}
