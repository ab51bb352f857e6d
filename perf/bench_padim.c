/* SPDX-License-Identifier: Apache-2.0 */
/* PaDiM: learning, finishing and scoring against the memory that must be moved. */
#include "bench.h"
#include "samples.h"

#include "base/mem.h"
#include "base/pool.h"
#include "gauss/learn.h"

#include <stdio.h>

#define BLOCK 16 /* images that are learned in one call */
#define EIGHT 8  /* that are scored at once */

typedef struct job {
    fk_learner learner;
    fk_gauss gauss;
    int64_t n_pos, dim;
    float *images[BLOCK];
    double *tmp[64];
    float *out; /* [BLOCK, n_pos] */
    fk_pool *pool;
    int64_t bands;
} job;

/* One that has learned nothing. */
static void begin(job *j)
{
    fleck_error err = {0};

    fk_learner_free(&j->learner);
    bench_must(fk_learner_init(&j->learner, j->n_pos, j->dim, 0.01, &err), &err);
}

static void free_rooms(job *j)
{
    for (int i = 0; i < fk_pool_threads(j->pool); i++) {
        fk_free(j->tmp[i]);
        j->tmp[i] = NULL;
    }
}

/* For the Gaussian as it is: more than fk_gauss_room(). */
static void make_rooms(job *j)
{
    fleck_error err = {0};

    free_rooms(j);
    for (int i = 0; i < fk_pool_threads(j->pool); i++)
        bench_must(FK_ALLOC(&j->tmp[i], fk_gauss_many_room(&j->gauss), &err), &err);
}

static void open_job(job *j, int64_t n_pos, int64_t dim, int threads)
{
    fleck_error err = {0};
    fk_embed_shape shape = {.n_levels = 1, .levels = {{1, n_pos, dim, NULL}}};

    *j = (job){.n_pos = n_pos, .dim = dim, .bands = (n_pos + FK_GAUSS_BAND - 1) / FK_GAUSS_BAND};
    bench_must(fk_pool_open(&j->pool, threads, &err), &err);
    begin(j);
    bench_must(FK_ALLOC(&j->out, BLOCK * n_pos, &err), &err);
    for (int i = 0; i < BLOCK; i++) {
        fk_embedding e;

        bench_embedding(&e, &shape, (uint64_t)i + 1, 0.5);
        bench_must(FK_ALLOC(&j->images[i], n_pos * dim, &err), &err);
        for (int64_t k = 0; k < n_pos * dim; k++)
            j->images[i][k] = e.levels[0].data[k];
        fk_embedding_free(&e);
    }
}

static void close_job(job *j)
{
    free_rooms(j);
    for (int i = 0; i < BLOCK; i++)
        fk_free(j->images[i]);
    fk_free(j->out);
    fk_learner_free(&j->learner);
    fk_gauss_free(&j->gauss);
    fk_pool_close(&j->pool);
}

static fleck_status learn(void *ctx, fleck_error *err)
{
    job *j = ctx;

    return fk_learner_add(&j->learner, (const float *const *)j->images, NULL, BLOCK, j->pool, err);
}

static fleck_status finish(void *ctx, fleck_error *err)
{
    job *j = ctx;

    fk_gauss_free(&j->gauss);
    return fk_learner_finish(&j->learner, &j->gauss, j->pool, err);
}

/* A fresh Gaussian is needed for each run; only the finishing is timed. */
static void time_finish(job *j, const bench_row *row, int n)
{
    fleck_error err = {0};
    bench_run runs[BENCH_MAX_RUNS];

    for (int i = -1; i < n; i++) {
        bench_run run;

        begin(j);
        bench_must(learn(j, &err), &err);
        run = bench_once(finish, j, 1);
        if (i >= 0)
            runs[i] = run;
    }
    bench_times(row, runs, n);
}

static fleck_status score_band(void *ctx, int64_t item, int worker, fleck_error *err)
{
    job *j = ctx;
    int64_t first = item * FK_GAUSS_BAND, last = first + FK_GAUSS_BAND;

    (void)err;
    fk_gauss_distance(&j->gauss, j->images[0], first, last < j->n_pos ? last : j->n_pos, 0, NULL,
                      j->tmp[worker], j->out);
    return FLECK_OK;
}

static fleck_status score(void *ctx, fleck_error *err)
{
    job *j = ctx;

    return fk_pool_run(j->pool, j->bands, score_band, j, err);
}

static fleck_status score_many_band(void *ctx, int64_t item, int worker, fleck_error *err)
{
    static const int64_t left_out[EIGHT];
    static const uint8_t *const flags[EIGHT];
    job *j = ctx;
    int64_t first = item * FK_GAUSS_BAND, last = first + FK_GAUSS_BAND;
    float *out[EIGHT];

    (void)err;
    for (int i = 0; i < EIGHT; i++)
        out[i] = j->out + i * j->n_pos;
    fk_gauss_distance_many(&j->gauss, EIGHT, (const float *const *)j->images, first,
                           last < j->n_pos ? last : j->n_pos, left_out, flags, j->tmp[worker], out);
    return FLECK_OK;
}

/* EIGHT images with one reading of the factors. */
static fleck_status score_many(void *ctx, fleck_error *err)
{
    job *j = ctx;

    return fk_pool_run(j->pool, j->bands, score_many_band, j, err);
}

/* Factors of another type, of the same images. */
static void time_type(job *j, bench_row *row, fk_dtype type, double bandwidth, double peak)
{
    double triangle = (double)j->n_pos * (double)j->dim * (double)(j->dim + 1) / 2;
    fleck_error err = {0};
    char name[96];

    begin(j);
    j->learner.type = type;
    bench_must(learn(j, &err), &err);
    bench_must(finish(j, &err), &err);
    make_rooms(j);
    snprintf(name, sizeof name, "score one image, %s factors, P=%lld D=%lld", fk_dtype_name(type),
             (long long)j->n_pos, (long long)j->dim);
    row->name = name;
    row->bound = (double)fk_dtype_size(type) * triangle / bandwidth * 1e3;
    row->bound_of = "bytes of factors / copy bandwidth";
    bench_time(row, score, j);
    snprintf(name, sizeof name, "score %d images at once, each, %s factors, P=%lld D=%lld", EIGHT,
             fk_dtype_name(type), (long long)j->n_pos, (long long)j->dim);
    row->items = EIGHT;
    row->bound = 2.0 * triangle / peak * 1e3;
    row->bound_of = "operations / half the sgemm peak";
    bench_time(row, score_many, j);
    row->items = 1;
}

/* All three steps at n_pos of the 56 x 56 positions. */
static void time_size(int64_t n_pos, int64_t dim, int threads)
{
    double triangle = (double)n_pos * (double)dim * (double)(dim + 1) / 2;
    double bandwidth = bench_copy_bandwidth(threads);
    double peak = bench_sgemm_peak(threads) / 2; /* in double: half the width */
    char name[96];
    bench_row row = {.name = name, .threads = threads};
    job j;

    open_job(&j, n_pos, dim, threads);
    snprintf(name, sizeof name, "learn one image, P=%lld D=%lld", (long long)n_pos, (long long)dim);
    row.items = BLOCK;
    row.bound = 2.0 * triangle / peak * 1e3;
    row.bound_of = "operations / half the sgemm peak";
    bench_time(&row, learn, &j);

    snprintf(name, sizeof name, "finish, P=%lld D=%lld", (long long)n_pos, (long long)dim);
    row.items = 1;
    row.bound = (double)n_pos * (double)dim * (double)dim * (double)dim / 3.0 / peak * 1e3;
    time_finish(&j, &row, dim > 200 ? 3 : 10);

    time_type(&j, &row, FK_F32, bandwidth, peak);
    time_type(&j, &row, FK_BF16, bandwidth, peak);
    close_job(&j);
}

int main(void)
{
    int threads = bench_threads() < 64 ? bench_threads() : 64;

    bench_begin("padim");
    time_size(3136, 100, 1);
    if (threads > 1)
        time_size(3136, 100, threads);
    /* An eighth of Wide-ResNet50-2's positions: the factors, 238 MB, are still far larger than any
     * cache. */
    time_size(392, 550, threads);
    return bench_end();
}
