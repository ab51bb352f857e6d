/* SPDX-License-Identifier: Apache-2.0 */
/* SPADE: one map from embeddings, both galleries, against products at full speed. */
#include "bench.h"
#include "samples.h"

#include "base/mem.h"
#include "base/pool.h"
#include "method/method.h"

#include <stdio.h>

typedef struct job {
    const fk_method *method;
    void *state;
    fk_embedding query;
    char *scratch;
    float *map;
    fk_pool *pool;
} job;

static const fk_embed_shape RESNET18 = {
    .n_levels = 3,
    .levels = {{56, 56, 64, NULL}, {28, 28, 128, NULL}, {14, 14, 256, NULL}},
    .global_dim = 256};
static const fk_embed_shape WIDE = {
    .n_levels = 3,
    .levels = {{56, 56, 256, NULL}, {28, 28, 512, NULL}, {14, 14, 1024, NULL}},
    .global_dim = 1024};
static const fk_map_size MAP = {224, 224};

static fleck_status score(void *ctx, fleck_error *err)
{
    job *j = ctx;
    double ignored;

    return j->method->score(j->state, &j->query, FK_NONE, j->scratch, j->pool, j->map, &ignored,
                            err);
}

static void open_job(job *j, const fk_embed_shape *shape, int radius, int k, double likeness,
                     int threads)
{
    fk_options o;
    fleck_error err = {0};
    char pair[32];

    *j = (job){.method = fk_method_find("spade")};
    bench_must(fk_options_init(&o, j->method->options, &err), &err);
    snprintf(pair, sizeof pair, "k-pixel=%d", k);
    bench_must(fk_options_set_pair(&o, pair, false, &err), &err);
    snprintf(pair, sizeof pair, "radius=%d", radius);
    bench_must(fk_options_set_pair(&o, pair, false, &err), &err);
    bench_must(j->method->begin(&j->state, &o, shape, MAP, &err), &err);
    for (int i = 0; i < k + 3; i++) {
        fk_embedding e;
        const fk_embedding *one = &e;

        bench_embedding(&e, shape, (uint64_t)i + 2, likeness);
        bench_must(j->method->add(j->state, &one, 1, NULL, &err), &err);
        fk_embedding_free(&e);
    }
    bench_must(j->method->finish(j->state, NULL, &err), &err);
    bench_embedding(&j->query, shape, 1, likeness);
    bench_must(FK_ALLOC(&j->scratch, (int64_t)j->method->scratch_size(j->state), &err), &err);
    bench_must(FK_ALLOC(&j->map, MAP.height * MAP.width, &err), &err);
    bench_must(fk_pool_open(&j->pool, threads, &err), &err);
    fk_options_free(&o);
}

static void close_job(job *j)
{
    j->method->free(j->state);
    fk_embedding_free(&j->query);
    fk_free(j->scratch);
    fk_free(j->map);
    fk_pool_close(&j->pool);
}

/* Milliseconds: for all positions the products of each level on its own grid at the sgemm peak,
 * else the gallery's bytes at the copy bandwidth. */
static double bound_of(const fk_embed_shape *shape, int radius, int k, int threads)
{
    double operations = 0, bytes = 0;

    for (int t = 0; t < shape->n_levels; t++) {
        double cells = (double)(shape->levels[t].height * shape->levels[t].width);

        operations += 2.0 * k * cells * cells * (double)shape->levels[t].dim;
        bytes += 4.0 * k * cells * (double)shape->levels[t].dim;
    }
    return radius < 0 ? operations / bench_sgemm_peak(threads) * 1e3
                      : bytes / bench_copy_bandwidth(threads) * 1e3;
}

static void time_map(const char *what, const fk_embed_shape *shape, int radius, int k,
                     double likeness, int threads)
{
    char name[96];
    bench_row row = {.name = name,
                     .threads = threads,
                     .bound = bound_of(shape, radius, k, threads),
                     .bound_of = radius < 0 ? "products by level / sgemm peak"
                                            : "bytes of gallery / copy bandwidth"};
    job j;

    open_job(&j, shape, radius, k, likeness, threads);
    snprintf(name, sizeof name, "%s radius %d K=%d, %s", what, radius, k,
             likeness > 0 ? "alike" : "noise");
    bench_time(&row, score, &j);
    close_job(&j);
}

int main(void)
{
    int threads = bench_threads();

    bench_begin("spade");
    time_map("ResNet-18", &RESNET18, 0, 5, 0.7, threads);
    time_map("ResNet-18", &RESNET18, 0, 50, 0.7, 1);
    time_map("ResNet-18", &RESNET18, 0, 50, 0.7, threads);
    time_map("ResNet-18", &RESNET18, 1, 5, 0.7, threads);
    time_map("ResNet-18", &RESNET18, 3, 5, 0.7, threads);
    time_map("ResNet-18", &RESNET18, -1, 5, 0.7, 1);
    time_map("ResNet-18", &RESNET18, -1, 5, 0.7, threads);
    /* Noise is the worst case: no pair can be dropped early. */
    time_map("ResNet-18", &RESNET18, -1, 5, 0.0, threads);
    time_map("WRN50-2", &WIDE, -1, 5, 0.7, threads);
    time_map("WRN50-2", &WIDE, -1, 5, 0.0, threads);
    return bench_end();
}
