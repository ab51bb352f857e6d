/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: one category at original size, 67 million pixels, and the sorting under it. */
#include "bench.h"

#include "base/mem.h"
#include "base/pool.h"
#include "base/prng.h"
#include "map/map.h"
#include "metric/keys.h"
#include "metric/metric.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMAGES 83
#define DEFECTIVE 63
#define COARSE 28

/* As many maps and masks as bottle's test set has: maps smooth like PaDiM's, a round defect in 63
 * of them whose scores are higher on the whole. */
typedef struct category {
    int64_t side;
    float *maps[IMAGES];
    uint8_t *masks[IMAGES]; /* NULL for good images */
    fk_pool *pool;
    fk_pixel_result result;
} category;

static void draw_map(float *map, uint8_t *mask, int64_t side, uint64_t seed)
{
    float coarse[COARSE * COARSE];
    fk_prng g;
    double cy, cx, r;

    fk_prng_seed(&g, seed);
    cy = 0.3 + 0.4 * fk_prng_uniform(&g);
    cx = 0.3 + 0.4 * fk_prng_uniform(&g);
    r = 0.06 + 0.1 * fk_prng_uniform(&g);
    for (int i = 0; i < COARSE * COARSE; i++) {
        int row = i / COARSE, column = i % COARSE;
        double dy = ((double)row + 0.5) / COARSE - cy, dx = ((double)column + 0.5) / COARSE - cx;

        coarse[i] = (float)(5.0 + 3.0 * fk_prng_uniform(&g) +
                            (mask != NULL && dy * dy + dx * dx < 1.2 * r * r ? 6.0 : 0.0));
    }
    fk_map_resize_bilinear(map, side, side, coarse, COARSE, COARSE);
    for (int64_t p = 0; mask != NULL && p < side * side; p++) {
        int64_t row = p / side, column = p % side;
        double dy = (double)row / (double)side - cy, dx = (double)column / (double)side - cx;

        mask[p] = dy * dy + dx * dx < r * r ? 255 : 0;
    }
}

static void open_category(category *c, int64_t side, int threads)
{
    fleck_error err = {0};

    *c = (category){.side = side};
    bench_must(fk_pool_open(&c->pool, threads, &err), &err);
    for (int i = 0; i < IMAGES; i++) {
        bench_must(FK_ALLOC(&c->maps[i], side * side, &err), &err);
        if (i < DEFECTIVE)
            bench_must(FK_ALLOC(&c->masks[i], side * side, &err), &err);
        draw_map(c->maps[i], c->masks[i], side, (uint64_t)i + 1);
    }
}

static void close_category(category *c)
{
    for (int i = 0; i < IMAGES; i++) {
        fk_free(c->maps[i]);
        fk_free(c->masks[i]);
    }
    fk_pool_close(&c->pool);
}

/* What the pieces of one measurement share. */
typedef struct adding {
    const category *category;
    fk_pixel_metric *metric;
} adding;

static fleck_status add_image(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const adding *a = ctx;
    const category *c = a->category;

    (void)worker;
    return fk_pixel_metric_add(a->metric, c->maps[item], c->masks[item], NULL, c->side, c->side,
                               err);
}

static fleck_status measure(void *ctx, fleck_error *err)
{
    category *c = ctx;
    adding a = {.category = c};
    fleck_status st;

    FK_DO(fk_pixel_metric_open(&a.metric, err));
    FK_DO(fk_pool_run(c->pool, IMAGES, add_image, &a, err));
    FK_DO(fk_pixel_metric_finish(a.metric, 0.3, c->pool, &c->result, err));
done:
    fk_pixel_metric_close(&a.metric);
    return st;
}

static void time_category(int64_t side, int threads)
{
    char name[96];
    bench_row row = {.name = name, .threads = threads};
    double resident, pixels = (double)(IMAGES * side * side);
    category c;

    open_category(&c, side, threads);
    resident = bench_resident_mib();
    snprintf(name, sizeof name, "AUROC, AP, F1-max, PRO of %.1f M pixels", pixels * 1e-6);
    row.bound = 4.0 * pixels / bench_copy_bandwidth(threads) * 1e3;
    row.bound_of = "one pass over the maps / copy bandwidth";
    bench_time(&row, measure, &c);
    if (side > 500)
        bench_figure("the same: peak memory beyond maps and masks", threads, "MiB",
                     bench_peak_mib() - resident);
    close_category(&c);
}

/* ---- Sorting ---- */

typedef struct keys {
    int64_t n;
    uint32_t *from, *work, *spare;
} keys;

static fleck_status sort_radix(void *ctx, fleck_error *err)
{
    keys *k = ctx;

    (void)err;
    memcpy(k->work, k->from, (size_t)k->n * sizeof *k->work);
    (void)fk_keys_sort32(k->work, k->spare, k->n);
    return FLECK_OK;
}

static int compare_keys(const void *a, const void *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static fleck_status sort_plain(void *ctx, fleck_error *err)
{
    keys *k = ctx;

    (void)err;
    memcpy(k->work, k->from, (size_t)k->n * sizeof *k->work);
    qsort(k->work, (size_t)k->n, sizeof *k->work, compare_keys);
    return FLECK_OK;
}

static void time_sorting(void)
{
    keys k = {.n = (int64_t)900 * 900};
    float *map = NULL;
    fleck_error err = {0};
    bench_row row = {.name = "sort the 810,000 scores of a map, radix",
                     .threads = 1,
                     .bound_of = "in and out once / copy bandwidth"};

    bench_must(FK_ALLOC(&map, k.n, &err), &err);
    bench_must(FK_ALLOC(&k.from, k.n, &err), &err);
    bench_must(FK_ALLOC(&k.work, k.n, &err), &err);
    bench_must(FK_ALLOC(&k.spare, k.n, &err), &err);
    draw_map(map, NULL, 900, 1);
    for (int64_t i = 0; i < k.n; i++)
        k.from[i] = fk_key_from_f32(map[i]);
    row.bound = 8.0 * (double)k.n / bench_copy_bandwidth(1) * 1e3;
    bench_time(&row, sort_radix, &k);
    row.name = "sort the 810,000 scores of a map, qsort";
    bench_time(&row, sort_plain, &k);
    fk_free(map);
    fk_free(k.from);
    fk_free(k.work);
    fk_free(k.spare);
}

int main(void)
{
    int threads = bench_threads();

    bench_begin("metric");
    time_category(900, threads); /* first: its peak of memory is the program's */
    if (threads > 1)
        time_category(900, 1);
    time_category(224, threads);
    time_sorting();
    return bench_end();
}
