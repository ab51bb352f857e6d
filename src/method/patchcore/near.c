/* SPDX-License-Identifier: Apache-2.0 */
/* What is near features of learned images, beside their own part.
 *
 * A row c of the bank near x is known.  For any other row m
 *
 *     |x - m| >= |c - m| - |x - c|
 *
 * so where distances below s are asked for, only rows with |c - m| < |x - c| + s count.  All x of
 * one c are searched together: its row of products with the bank gives lower bounds of |c - m|, by
 * which the bank is sorted into rings around c.  Tile by tile, from the inside, x meet the rows
 * as in bank.c, until a ring's inner edge is out of reach of all.  Of a bank that was chosen by
 * greedy k-center that is soon: its rows lie at least the radius apart, and x is within the radius
 * of one. */
#include "method/patchcore/near.h"
#include "base/mem.h"
#include "linalg/linalg.h"
#include "method/patchcore/bounds.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define CENTRES 16 /* rows whose products with the bank are made together */
#define PIECE 112  /* features of x that are searched together */
#define TILE 64    /* rows of the bank that they meet at a time */
#define RINGS 64
#define RINGS_OF_RADIUS 4

/* The nearest of one feature so far, by squared distance, and the nearest of another part than that
 * one's. */
typedef struct pair {
    double first, second;
    int32_t part; /* -1: none */
} pair;

typedef struct met {
    pair pair[FK_PARTITIONS];
    double length2; /* what is surely there of its squared length */
    double guessed; /* distance to the row that was guessed */
    int64_t index;  /* of x */
} met;

typedef struct near_job {
    const fk_bank *bank;
    const float *x;
    const fk_parts *parts;
    const int64_t *images;
    double radius;
    const fk_near *near;
    int64_t *begin, *order; /* order[begin[c]] and so on are the features whose guess is row c */
    /* For each worker: */
    float *products; /* [CENTRES, bank.n] */
    float *rows;     /* [TILE, dim] packed, [TILE, dim], [PIECE, dim] */
    int64_t *sorted; /* [bank.n] */
} near_job;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Row `row` of the bank, at squared distance d2. */
static void meet(met *found, const near_job *job, int64_t row, double d2)
{
    for (int k = 0; k < FK_PARTITIONS; k++) {
        pair *p = &found->pair[k];
        int32_t part;

        if (job->parts->count[k] == 0)
            continue;
        part = job->parts->part[k][job->bank->images[row]];
        if (part == p->part)
            p->first = fmin(p->first, d2);
        else if (d2 < p->first)
            *p = (pair){.first = d2, .second = p->first, .part = part};
        else
            p->second = fmin(p->second, d2);
    }
}

/* The squared distance below which rows count. */
static double limit_of(const met *found)
{
    double limit = 0.0;

    for (int k = 0; k < FK_PARTITIONS; k++)
        limit = fmax(limit, found->pair[k].second);
    return limit;
}

static met start(const near_job *job, int64_t index, int64_t guess)
{
    int64_t dim = job->bank->dim;
    const float *x = job->x + index * dim;
    double d2 = fk_linalg_distance2(x, job->bank->rows + guess * dim, dim);
    met found = {.length2 = fk_sure_share(dim) * fk_linalg_length2(x, dim),
                 .guessed = sqrt(d2),
                 .index = index};

    for (int k = 0; k < FK_PARTITIONS; k++)
        if (job->parts->count[k] > 0)
            found.pair[k] = (pair){INFINITY, INFINITY, -1};
    meet(&found, job, guess, d2);
    return found;
}

/* x and its products with m rows of the bank. */
static void meet_tile(met *found, const near_job *job, const float *x, const int64_t *rows,
                      const float *length2, const float *products, int64_t m)
{
    const fk_bank *b = job->bank;
    float limit = (float)(limit_of(found) * FK_MARGIN - found->length2);
    int32_t near[TILE];
    int64_t n = fk_linalg_nearer(near, length2, products, m, limit);

    for (int64_t j = 0; j < n; j++) {
        int64_t row = rows[near[j]];

        if (!(length2[near[j]] - 2.0f * products[near[j]] < limit))
            continue;
        meet(found, job, row, fk_linalg_distance2(x, b->rows + row * b->dim, b->dim));
        limit = (float)(limit_of(found) * FK_MARGIN - found->length2);
    }
}

/* Of n features, which lie in x [n, dim] too, leave those that a row `far` from the guess may
 * concern; returns how many.  Of the others tell what was found. */
static int64_t leave(const near_job *job, met *found, float *x, int64_t n, double far)
{
    int64_t left = 0, dim = job->bank->dim;

    for (int64_t i = 0; i < n; i++) {
        const met *one = &found[i];

        if (far < (one->guessed + sqrt(limit_of(one))) * FK_MARGIN) {
            if (left < i)
                memcpy(x + left * dim, x + i * dim, (size_t)dim * sizeof *x);
            found[left++] = *one;
            continue;
        }
        for (int k = 0; k < FK_PARTITIONS; k++) {
            const fk_near *out = &job->near[k];
            pair p = one->pair[k];

            if (job->parts->count[k] == 0)
                continue;
            out->lone[one->index] =
                sqrt(p.first) <= job->radius && sqrt(p.second) > job->radius ? p.part : -1;
            out->own[one->index] = (float)sqrt(
                job->parts->part[k][job->images[one->index]] == p.part ? p.second : p.first);
            out->other[one->index] = (float)sqrt(p.second);
        }
    }
    return left;
}

/* Distance from the centre at which a ring begins, and the ring of a squared distance. */
static double edge_of(const near_job *job, int ring)
{
    return ring * job->radius / RINGS_OF_RADIUS;
}

static int ring_of(const near_job *job, float far2)
{
    float ring = far2 > 0.0f ? sqrtf(far2) * RINGS_OF_RADIUS / (float)job->radius : 0.0f;

    return ring < (float)(RINGS - 1) ? (int)ring : RINGS - 1;
}

/* Sort the bank into rings around row c, by c's products with it, which are lost; ring r ends at
 * end[r]. */
static void sort_bank(int64_t *sorted, int64_t *end, const near_job *job, int64_t c,
                      float *products)
{
    const fk_bank *b = job->bank;
    int64_t begin[RINGS + 1] = {0};

    for (int64_t m = 0; m < b->n; m++) {
        int ring = ring_of(job, b->length2[c] + b->length2[m] - 2.0f * products[m]);

        products[m] = (float)ring;
        begin[ring + 1]++;
    }
    for (int r = 0; r < RINGS; r++)
        begin[r + 1] += begin[r];
    memcpy(end, begin + 1, RINGS * sizeof *end);
    for (int64_t m = 0; m < b->n; m++)
        sorted[begin[(int)products[m]]++] = m;
}

/* n features whose guess is row c; rows is the worker's. */
static void search_around(const near_job *job, int64_t c, const int64_t *index, int64_t n,
                          const int64_t *sorted, const int64_t *end, float *rows)
{
    const fk_bank *b = job->bank;
    int64_t dim = b->dim;
    float *packed = rows, *tile = rows + TILE * dim, *x = tile + TILE * dim, length2[TILE];
    _Alignas(64) float products[PIECE * TILE];
    met found[PIECE];
    int ring = 0;

    for (int64_t i = 0; i < n; i++) {
        memcpy(x + i * dim, job->x + index[i] * dim, (size_t)dim * sizeof *x);
        found[i] = start(job, index[i], c);
    }
    for (int64_t at = 0; at < b->n; at += TILE) {
        int64_t m = least(TILE, b->n - at);

        while (end[ring] <= at)
            ring++;
        if ((n = leave(job, found, x, n, edge_of(job, ring))) == 0)
            break;
        for (int64_t j = 0; j < m; j++) {
            memcpy(tile + j * dim, b->rows + sorted[at + j] * dim, (size_t)dim * sizeof *tile);
            length2[j] = b->length2[sorted[at + j]];
        }
        fk_linalg_pack(packed, tile, dim, 0, m, dim);
        fk_linalg_multiply_packed(products, TILE, x, dim, packed, n, m, dim, 1.0f, 0.0f);
        for (int64_t i = 0; i < n; i++)
            meet_tile(&found[i], job, x + i * dim, sorted + at, length2, products + i * TILE, m);
    }
    leave(job, found, x, n, INFINITY);
}

static fleck_status search_piece(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    const near_job *job = ctx;
    const fk_bank *b = job->bank;
    int64_t first = piece * CENTRES, n = least(CENTRES, b->n - first), end[RINGS];
    float *products = job->products + worker * CENTRES * b->n;
    float *rows = job->rows + worker * (2 * TILE + PIECE) * b->dim;
    int64_t *sorted = job->sorted + worker * b->n;

    (void)err;
    fk_linalg_multiply_packed(products, b->n, b->rows + first * b->dim, b->dim, b->packed, n, b->n,
                              b->dim, 1.0f, 0.0f);
    for (int64_t c = first; c < first + n; c++) {
        if (job->begin[c] == job->begin[c + 1])
            continue;
        sort_bank(sorted, end, job, c, products + (c - first) * b->n);
        for (int64_t at = job->begin[c]; at < job->begin[c + 1]; at += PIECE)
            search_around(job, c, job->order + at, least(PIECE, job->begin[c + 1] - at), sorted,
                          end, rows);
    }
    return FLECK_OK;
}

/* The features in order of their guesses. */
static fleck_status sort_guesses(near_job *job, const int64_t *guess, int64_t n, fleck_error *err)
{
    int64_t rows = job->bank->n;
    fleck_status st;

    FK_DO(FK_CALLOC(&job->begin, rows + 2, err));
    FK_DO(FK_ALLOC(&job->order, n, err));
    for (int64_t i = 0; i < n; i++)
        job->begin[guess[i] + 2]++;
    for (int64_t c = 0; c < rows; c++)
        job->begin[c + 2] += job->begin[c + 1];
    for (int64_t i = 0; i < n; i++) /* what is counted at c + 1 becomes where c ends */
        job->order[job->begin[guess[i] + 1]++] = i;
done:
    return st;
}

fleck_status fk_near_find(const fk_bank *b, const float *x, int64_t n, const fk_parts *parts,
                          const int64_t *images, const int64_t *guess, double radius,
                          const fk_near *near, fk_pool *pool, fleck_error *err)
{
    near_job job = {
        .bank = b, .x = x, .parts = parts, .images = images, .radius = radius, .near = near};
    int64_t workers = fk_pool_threads(pool);
    fleck_status st;

    assert(b->width == 0);
    FK_DO(sort_guesses(&job, guess, n, err));
    FK_DO(FK_ALLOC(&job.products, workers * CENTRES * b->n, err));
    FK_DO(FK_ALLOC(&job.rows, workers * (2 * TILE + PIECE) * b->dim, err));
    FK_DO(FK_ALLOC(&job.sorted, workers * b->n, err));
    FK_DO(fk_pool_run(pool, (b->n + CENTRES - 1) / CENTRES, search_piece, &job, err));
done:
    fk_free(job.begin);
    fk_free(job.order);
    fk_free(job.products);
    fk_free(job.rows);
    fk_free(job.sorted);
    return st;
}
