/* SPDX-License-Identifier: Apache-2.0 */
/* SPADE, search within a radius: kappa nearest among the features of K images at positions within
 * `radius`, so that a part may be shifted a little.
 *
 *     N(p)    = { j : |row(j) - row(p)| <= r and |column(j) - column(p)| <= r }, cut at the borders
 *     D[p, j] = |F_q[p] - F_g[j]|^2,  j in N(p)
 *
 * A shift by whole positions of the common grid is not whole on smaller grids, so neither the
 * quadratic form of same.c nor a table of products helps here.  Features are joined on the common
 * grid: the query's once, the gallery's row by row for each band of query rows.  Distances are
 * computed from differences.
 *
 * Cost: K P D (2 r + 1)^2 multiply-adds for distances, and 4 K P D (1 + 2 r/FK_SPADE_BAND) for
 * joining: a gallery row is joined once for all query rows of a band. */
#include "method/spade/spade.h"
#include "map/map.h"
#include "linalg/linalg.h"

#include <string.h>

typedef struct near_job {
    const fk_spade_query *q;
    const fk_spade_room *room;
    int64_t dim;  /* of the joined feature */
    float *query; /* [P, dim] */
    float *grid;
} near_job;

static int64_t joined_dim(const fk_spade_query *q)
{
    int64_t dim = 0;

    for (int t = 0; t < q->count; t++)
        dim += fk_spade_level(q, t)->dim;
    return dim;
}

void fk_spade_near_room(const fk_spade_query *q, size_t *shared, size_t *worker)
{
    size_t row = (size_t)(q->width * joined_dim(q)) * sizeof(float);

    *shared = (size_t)q->height * row;
    *worker = row;
}

/* Join the levels' data to row y of the common grid, out [W, dim]. */
static void join_row(float *out, const fk_spade_query *q, int64_t y, const float *const *data)
{
    for (int64_t x = 0; x < q->width; x++) {
        for (int t = 0; t < q->count; t++) {
            const fk_level *level = fk_spade_level(q, t);
            const fk_spade_axis *r = &q->rows[t][y], *c = &q->columns[t][x];

            if (fk_spade_direct(q, t))
                memcpy(out, data[t] + (y * level->width + x) * level->dim,
                       (size_t)level->dim * sizeof(float));
            else
                fk_grid_sample(out, data[t], level->width, level->dim, r->first, r->second,
                               r->weight, c->first, c->second, c->weight);
            out += level->dim;
        }
    }
}

/* Compare the joined gallery row j with query row y. */
static void match_rows(const near_job *job, const float *row, int64_t image, int64_t y, int64_t j)
{
    const fk_spade_query *q = job->q;
    int64_t radius = q->spade->radius, n = q->height * q->width;

    for (int64_t x = 0; x < q->width; x++) {
        int64_t p = y * q->width + x, end = fk_spade_least(q->width, x + radius + 1);
        const float *ours = job->query + p * job->dim;

        for (int64_t i = fk_spade_most(0, x - radius); i < end; i++)
            if (fk_spade_usable(q, image, j * q->width + i))
                fk_linalg_smallest(q->nearest + p * q->kappa, q->indices + p * q->kappa, q->kappa,
                                   fk_linalg_distance2(ours, row + i * job->dim, job->dim),
                                   image * n + j * q->width + i);
    }
}

static fleck_status one_band(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const near_job *job = ctx;
    const fk_spade_query *q = job->q;
    int64_t radius = q->spade->radius, begin = fk_spade_band_begin(q, item),
            end = fk_spade_band_begin(q, item + 1);
    float *row = (float *)(void *)fk_spade_worker(job->room, worker);

    (void)err;
    for (int64_t k = 0; k < q->n_gallery; k++) {
        const float *data[FK_MAX_TAPS];

        for (int t = 0; t < q->count; t++)
            data[t] = fk_spade_image_data(q, t, q->gallery[k]);
        for (int64_t j = fk_spade_most(0, begin - radius);
             j < fk_spade_least(q->height, end + radius); j++) {
            join_row(row, q, j, data);
            for (int64_t y = fk_spade_most(begin, j - radius);
                 y < fk_spade_least(end, j + radius + 1); y++)
                match_rows(job, row, k, y, j);
        }
    }
    fk_spade_average(q, job->grid, begin * q->width, end * q->width);
    return FLECK_OK;
}

fleck_status fk_spade_near(const fk_spade_query *q, const fk_spade_room *room, fk_pool *pool,
                           float *grid, fleck_error *err)
{
    near_job job = {.q = q,
                    .room = room,
                    .dim = joined_dim(q),
                    .query = (float *)(void *)room->shared,
                    .grid = grid};
    const float *data[FK_MAX_TAPS];

    for (int t = 0; t < q->count; t++)
        data[t] = fk_spade_query_data(q, t);
    for (int64_t y = 0; y < q->height; y++)
        join_row(job.query + y * q->width * job.dim, q, y, data);
    return fk_pool_run(pool, fk_spade_bands(q), one_band, &job, err);
}
