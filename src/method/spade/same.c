/* SPDX-License-Identifier: Apache-2.0 */
/* SPADE, search at the same position: kappa nearest among K features, position by position.
 *
 * Levels t of the group have grids of their own, and B_t enlarges one to the common grid.  For
 * query q and image g, because B_t is linear, the joined features' squared distance at position p
 * is
 *
 *     sum over t of |(B_t q_t - B_t g_t)[p]|^2 = sum over t of |(B_t (q_t - g_t))[p]|^2
 *
 * and (B_t d)[p] is a linear combination of four neighbours of the small grid.  Its squared length
 * is a quadratic form in the weights whose coefficients are the neighbours' inner products.  These
 * are computed once on the small grid, so no feature is enlarged: a grid of half the resolution
 * costs 5/4 products for each position of the common grid, not 5. */
#include "method/spade/spade.h"
#include "base/clones.h"
#include "linalg/linalg.h"

#include <math.h>

/* Images whose distances are computed before they are inserted into the nearest. */
#define BLOCK 16

typedef struct same_worker {
    float *difference; /* of one level that is not on the common grid */
    double *products;
    double *sum; /* [P] */
} same_worker;

typedef struct same_job {
    const fk_spade_query *q;
    const fk_spade_room *room;
    int64_t begin;    /* of the gallery's block */
    float *distances; /* [BLOCK, P] */
} same_job;

static void carve_worker(same_worker *out, const fk_spade_query *q, fk_carver *c)
{
    int64_t cells = 1, values = 1;

    for (int t = 0; t < q->count; t++) {
        const fk_level *level = fk_spade_level(q, t);
        int64_t n = level->height * level->width;

        if (fk_spade_direct(q, t))
            continue;
        cells = n > cells ? n : cells;
        values = n * level->dim > values ? n * level->dim : values;
    }
    FK_CARVE(c, out->difference, values);
    FK_CARVE(c, out->products, cells * FK_CELL_PRODUCTS);
    FK_CARVE(c, out->sum, q->height * q->width);
}

void fk_spade_same_room(const fk_spade_query *q, size_t *shared, size_t *worker)
{
    same_worker w;
    fk_carver c = {0};

    carve_worker(&w, q, &c);
    *shared = (size_t)(BLOCK * q->height * q->width) * sizeof(float);
    *worker = c.used;
}

FK_CLONES static void subtract(float *restrict out, const float *a, const float *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = a[i] - b[i];
}

static void add_direct(double *sum, const fk_spade_query *q, int t, int64_t image)
{
    const float *a = fk_spade_query_data(q, t), *b = fk_spade_image_data(q, t, image);
    int64_t dim = fk_spade_level(q, t)->dim;

    for (int64_t p = 0; p < q->height * q->width; p++)
        sum[p] += fk_linalg_distance2(a + p * dim, b + p * dim, dim);
}

static void add_enlarged(const same_worker *w, const fk_spade_query *q, int t, int64_t image)
{
    const fk_level *level = fk_spade_level(q, t);
    const fk_spade_axis *rows = q->rows[t], *columns = q->columns[t];

    subtract(w->difference, fk_spade_query_data(q, t), fk_spade_image_data(q, t, image),
             level->height * level->width * level->dim);
    fk_linalg_cell_products(w->products, w->difference, level->height, level->width, level->dim);
    for (int64_t y = 0; y < q->height; y++)
        for (int64_t x = 0; x < q->width; x++)
            w->sum[y * q->width + x] += fk_linalg_cell_length2(
                w->products, level->width, rows[y].first, rows[y].second, rows[y].weight,
                columns[x].first, columns[x].second, columns[x].weight);
}

static fleck_status one_image(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const same_job *job = ctx;
    const fk_spade_query *q = job->q;
    int64_t image = q->gallery[job->begin + item], n = q->height * q->width;
    same_worker w;
    fk_carver c = {.base = fk_spade_worker(job->room, worker)};

    (void)err;
    carve_worker(&w, q, &c);
    for (int64_t p = 0; p < n; p++)
        w.sum[p] = 0.0;
    for (int t = 0; t < q->count; t++) {
        if (fk_spade_direct(q, t))
            add_direct(w.sum, q, t, image);
        else
            add_enlarged(&w, q, t, image);
    }
    for (int64_t p = 0; p < n; p++)
        job->distances[item * n + p] = (float)w.sum[p];
    return FLECK_OK;
}

fleck_status fk_spade_same_nearest(const fk_spade_query *q, const fk_spade_room *room,
                                   fk_pool *pool, fleck_error *err)
{
    same_job job = {.q = q, .room = room, .distances = (float *)(void *)room->shared};
    int64_t n = q->height * q->width;
    fleck_status st = FLECK_OK;

    for (job.begin = 0; job.begin < q->n_gallery; job.begin += BLOCK) {
        int64_t left = q->n_gallery - job.begin, count = left < BLOCK ? left : BLOCK;

        FK_DO(fk_pool_run(pool, count, one_image, &job, err));
        for (int64_t i = 0; i < count; i++)
            for (int64_t p = 0; p < n; p++)
                if (fk_spade_usable(q, job.begin + i, p))
                    fk_linalg_smallest(q->nearest + p * q->kappa, q->indices + p * q->kappa,
                                       q->kappa, (double)job.distances[i * n + p],
                                       (job.begin + i) * n + p);
    }
done:
    return st;
}

fleck_status fk_spade_same(const fk_spade_query *q, const fk_spade_room *room, fk_pool *pool,
                           float *grid, fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_spade_same_nearest(q, room, pool, err));
    fk_spade_average(q, grid, 0, q->height * q->width);
done:
    return st;
}
