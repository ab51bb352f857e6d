/* SPDX-License-Identifier: Apache-2.0 */
/* PatchCore on bottle: the choice of the bank, how well it covers the patches, and the search.
 * Needs ../shared.
 *
 * A bank's covering radius is the distance of the farthest good patch from its nearest of the bank.
 * Greedy k-center on all patches at once is what the bank of reduced blocks is compared with; no
 * labels are in it.  `bench_patchcore all` also compares blocks that keep more or less. */
#include "bench.h"

#include "base/mem.h"
#include "base/pool.h"
#include "method/patchcore/coreset.h"
#include "method/patchcore/patchcore.h"
#include "fit/fit.h"
#include "run/front.h"

#include <stdio.h>
#include <string.h>

#define WEIGHTS "weights/resnet18_imagenet_bnfolded.safetensors"
#define IMAGES 209 /* good ones to learn */
#define FEW 24
#define FEW_BLOCK 6 /* as 52 images of a block are to 209 */

typedef struct patches {
    fk_model model;
    fk_runner runner;
    fk_embedding images[IMAGES];
} patches;

static fleck_status embed_all(patches *p, fk_source *source, fleck_error *err)
{
    int64_t room = p->runner.threads;
    fk_front front = {.runner = &p->runner, .source = source, .room = room, .block = 1};
    const uint8_t **inputs = NULL;
    fleck_status st;

    FK_DO(fk_front_open(&front, err));
    FK_DO(FK_ALLOC(&inputs, room, err));
    for (int64_t first = 0; first < IMAGES; first += front.n) {
        FK_DO(fk_front_read(&front, first, IMAGES - first < room ? IMAGES - first : room, err));
        for (int64_t i = 0; i < front.n; i++) {
            FK_DO(fk_embedding_init(&p->images[first + i], &p->model.shape, err));
            inputs[i] = front.canvases[i].pixels.data;
        }
        FK_DO(fk_runner_embed(&p->runner, front.n, inputs, p->images + first, err));
    }
done:
    fk_front_close(&front);
    fk_free(inputs);
    return st;
}

static void open_patches(patches *p, const char *data, const char *weights)
{
    fleck_settings s = fk_fit_defaults();
    char paths[IMAGES][4300];
    const char *files[IMAGES];
    fk_source source;
    fleck_error err = {0};

    s.method = "patchcore";
    s.backbone = "resnet18";
    s.weights = weights;
    *p = (patches){0};
    for (int i = 0; i < IMAGES; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/train/good/%03d.png", data, i);
        files[i] = paths[i];
    }
    bench_must(fk_fit_plan(&p->model, &s, &err), &err);
    bench_must(fk_runner_open(&p->runner, &p->model, bench_threads(), &err), &err);
    fk_source_init_files(&source, files, IMAGES);
    bench_must(embed_all(p, &source, &err), &err);
    fk_source_free(&source);
}

static void close_patches(patches *p)
{
    for (int i = 0; i < IMAGES; i++)
        fk_embedding_free(&p->images[i]);
    fk_runner_close(&p->runner);
    fk_model_free(&p->model);
}

typedef struct job {
    patches *patches;
    int64_t images, block;
    double spare; /* 0: the method's own */
    fk_patchcore *state;
} job;

static fleck_status learn(void *ctx, fleck_error *err)
{
    job *j = ctx;
    const fk_model *m = &j->patches->model;
    fk_pool *pool = j->patches->runner.pool;
    void *state = NULL;
    fleck_status st;

    FK_DO(m->method->begin(&state, &m->options, &m->shape, (fk_map_size){224, 224}, err));
    j->state = state;
    j->state->block = j->block > 0 ? j->block : j->state->block;
    j->state->spare = j->spare > 0 ? j->spare : j->state->spare;
    for (int64_t i = 0; i < j->images; i++) {
        const fk_embedding *one = &j->patches->images[i];

        FK_DO(m->method->add(state, &one, 1, pool, err));
    }
    FK_DO(m->method->finish(state, pool, err));
done:
    return st;
}

/* The largest of n distances to the nearest of the bank. */
static double farthest(const fk_bank *b, const float *x, int64_t n, fk_pool *pool)
{
    char *scratch = NULL;
    float *distance = NULL, most = 0.0f;
    fleck_error err = {0};

    bench_must(FK_ALLOC(&scratch, (int64_t)fk_bank_scratch_size(b, n), &err), &err);
    bench_must(FK_ALLOC(&distance, n, &err), &err);
    bench_must(fk_bank_nearest(b, x, n, FK_NONE, scratch, pool, distance, NULL, &err), &err);
    for (int64_t i = 0; i < n; i++)
        most = distance[i] > most ? distance[i] : most;
    fk_free(scratch);
    fk_free(distance);
    return most;
}

/* Covering radii of the state's bank over all images: of features, and of their projections. */
static void radii(const job *j, double *full, double *projected)
{
    const fk_patchcore *s = j->state;
    const fk_level *level = &s->shape.levels[0];
    int64_t places = level->height * level->width;
    fk_pool *pool = j->patches->runner.pool;
    fk_bank narrow = {.n = s->bank.n, .dim = s->projection, .images = s->bank.images};
    float *w = NULL, *rows = NULL, *points = NULL;
    fleck_error err = {0};

    bench_must(fk_patchcore_projection(&w, s, &err), &err);
    bench_must(FK_ALLOC(&rows, s->bank.n * s->projection, &err), &err);
    bench_must(FK_ALLOC(&points, places * s->projection, &err), &err);
    bench_must(fk_patchcore_project(rows, s, w, s->bank.rows, s->bank.n, pool, &err), &err);
    narrow.rows = rows;
    bench_must(fk_bank_measure(&narrow, &err), &err);
    *full = *projected = 0.0;
    for (int64_t i = 0; i < j->images; i++) {
        const float *x = j->patches->images[i].levels[0].data;
        double a = farthest(&s->bank, x, places, pool), b;

        bench_must(fk_patchcore_project(points, s, w, x, places, pool, &err), &err);
        b = farthest(&narrow, points, places, pool);
        *full = a > *full ? a : *full;
        *projected = b > *projected ? b : *projected;
    }
    fk_bank_free(&narrow);
    fk_free(w);
    fk_free(rows);
    fk_free(points);
}

/* Build a bank, time it, and say its radii; the state stays open. */
static void bank_of(job *j, const char *what)
{
    const fk_level *level = &j->patches->model.shape.levels[0];
    double n = (double)(j->images * level->height * level->width), full, projected;
    int threads = bench_threads();
    char name[96];
    bench_run run;
    bench_row row = {.name = name,
                     .threads = threads,
                     .bound = 2.0 * n * n * 0.1 * 128 / bench_sgemm_peak(threads) * 1e3,
                     .bound_of = "all products at once / sgemm peak"};

    run = bench_once(learn, j, 1);
    snprintf(name, sizeof name, "bank of %lld images, %s", (long long)j->images, what);
    bench_times(&row, &run, 1);
    radii(j, &full, &projected);
    snprintf(name, sizeof name, "the same: covering radius, 1024 dimensions");
    bench_figure(name, threads, "", full);
    snprintf(name, sizeof name, "the same: covering radius, 128 dimensions");
    bench_figure(name, threads, "", projected);
}

static void drop(job *j)
{
    j->patches->model.method->free(j->state);
    j->state = NULL;
}

/* All at once, and blocks that keep `first` to `last` times the bank's share. */
static void compare(patches *p, int64_t images, int64_t block, int first, int last)
{
    job j = {.patches = p, .images = images, .block = images};
    char what[64];

    bank_of(&j, "all patches at once");
    drop(&j);
    for (int spare = first; spare <= last; spare++) {
        j.block = block;
        j.spare = spare;
        if (block > 0)
            snprintf(what, sizeof what, "blocks of %d, %d shares", (int)block, spare);
        else
            snprintf(what, sizeof what, "usual blocks, %d shares", spare);
        bank_of(&j, what);
        drop(&j);
    }
}

typedef struct search {
    const job *job;
    char *scratch;
    float *map;
    fk_pool *pool;
} search;

/* A good image among its own bank, left out. */
static fleck_status score(void *ctx, fleck_error *err)
{
    search *s = ctx;
    const patches *p = s->job->patches;
    double ignored;

    return p->model.method->score(s->job->state, &p->images[20], (fk_span){.first = 20, .count = 1},
                                  s->scratch, s->pool, s->map, &ignored, err);
}

static void time_score(job *j, int threads)
{
    const fk_patchcore *s = j->state;
    char name[96];
    double places = (double)(s->shape.levels[0].height * s->shape.levels[0].width);
    search one = {.job = j};
    bench_row row = {.name = name,
                     .threads = threads,
                     .bound = 2.0 * places * (double)s->bank.n * (double)s->bank.dim /
                              bench_sgemm_peak(threads) * 1e3,
                     .bound_of = "all products / sgemm peak"};
    fleck_error err = {0};

    snprintf(name, sizeof name, "map and score of one image, bank of %lld", (long long)s->bank.n);
    bench_must(fk_pool_open(&one.pool, threads, &err), &err);
    bench_must(FK_ALLOC(&one.scratch, (int64_t)fk_patchcore_scratch_size(s), &err), &err);
    bench_must(FK_ALLOC(&one.map, s->map.height * s->map.width, &err), &err);
    bench_time(&row, score, &one);
    fk_free(one.scratch);
    fk_free(one.map);
    fk_pool_close(&one.pool);
}

int main(int argc, char **argv)
{
    bool all = argc > 1 && strcmp(argv[1], "all") == 0;
    const char *data, *weights;
    static patches p;
    job j = {.patches = &p, .images = IMAGES};

    bench_begin("patchcore");
    data = bench_shared("all of this", "data/bottle");
    weights = data != NULL ? bench_shared("all of this", WEIGHTS) : NULL;
    if (data == NULL || weights == NULL)
        return 77; /* Meson: skipped */
    open_patches(&p, data, weights);
    compare(&p, FEW, FEW_BLOCK, 1, 4);
    if (all)
        compare(&p, IMAGES, 0, 1, 4);
    bank_of(&j, "as it is");
    time_score(&j, 1);
    if (bench_threads() > 1)
        time_score(&j, bench_threads());
    drop(&j);
    close_patches(&p);
    return bench_end();
}
