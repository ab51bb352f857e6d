/* SPDX-License-Identifier: Apache-2.0 */
/* SPADE, search of all positions: kappa nearest among all features of K images.
 *
 * With i a position of the query q, j one of a gallery image g, and B_t enlarging level t to the
 * common grid,
 *
 *     D[i, j] = sum over t of |(B_t q_t)[i] - (B_t g_t)[j]|^2
 *             = ours[i] + norms[j] - 2 sum over t of (B_t Q_t G_t' B_t')[i, j]
 *
 * Three things make this fast.
 *
 * 1. Small grids.  The products of a level that is smaller than the common grid are computed on its
 * own grid.  The table of products is enlarged instead of the features, with the same result:
 *
 *      wide   gallery features enlarged along rows only        [h_t, W, C_t]
 *      table  -2 Q_t wide'                                     [h_t w_t, h_t W]
 *      line   table rows mixed for the query's output row      [w_t, h_t W]
 *      part   line rows mixed for the query's column           [h_t W]
 *      pairs  += part's rows mixed for each gallery row        [H, W]
 *
 *    All but `table` are linear combinations of two vectors.  For ResNet-18 all of this is some 35
 *    multiply-adds for each pair, where the features of layers 2 and 3 have 384 numbers.
 *
 * 2. A bound.  No term of the sum over t is negative, so D over the levels with small grids is a
 *    lower bound of D.  Pairs whose bound exceeds the kappa nearest found so far are dropped before
 *    the levels on the common grid are read.
 *
 * 3. A start.  The features at the same position of all K images come first, which is cheap
 *    (same.c), so that the limit is low from the beginning.
 *
 * If few pairs pass the bound, each is completed from its differences.  If many do, as on textures,
 * one matrix product completes consecutive positions together.
 *
 * Operands of the products are packed once for each gallery image, by all threads, before its
 * bands: the levels off the common grid, and those on it if many pairs of the image before passed.
 *
 * D from products loses digits if features are much longer than their distance, so it only selects
 * the nearest.  Their distances are then computed from the differences.  So the reported distance
 * exceeds the smallest by no more than the products' rounding.
 *
 * Features in ignored regions get an infinite squared length, so that their pairs never pass. */
#include "method/spade/spade.h"
#include "map/map.h"
#include "base/clones.h"
#include "linalg/linalg.h"

#include <math.h>
#include <string.h>

#define LANES 16
#define CHUNK (4 * LANES)

/* Rows of a level that a thread packs at a time, a multiple of FK_LANES. */
#define STRIP 64

/* A position is completed by a matrix product if more than one in FEW of its pairs pass. */
#define FEW 6

/* Squared lengths of the features at each position, of the levels off and on the common grid. */
typedef struct lengths {
    float *off, *on; /* [P] each */
} lengths;

typedef struct all_shared {
    /* The packed levels of the gallery image; those off the common grid are widened. */
    float *packed[FK_MAX_TAPS];
    bool *crowded;       /* [bands] whether many pairs of a position in it passed */
    lengths ours, norms; /* of the query, of the gallery image */
    double *products;
} all_shared;

typedef struct all_worker {
    float *table[FK_MAX_TAPS], *line[FK_MAX_TAPS];
    float *part;
    float *pairs;         /* [W, P] of one output row */
    bool *crowded;        /* [W] whether many pairs of a position pass */
    float *ours, *theirs; /* one feature of one level each */
    float *strip;         /* [STRIP, C] of a level widened */
} all_worker;

typedef struct all_job {
    const fk_spade_query *q;
    const fk_spade_room *room;
    const all_shared *shared;
    int64_t place; /* index of the image in the gallery */
    bool packs;    /* whether its levels on the grid are packed */
    float *grid;
} all_job;

/* Most rows of level t that are sources of one band of output rows; at most FK_SPADE_BAND + 1 if
 * the level is not larger than the common grid. */
static int64_t most_rows(const fk_spade_query *q, int t)
{
    int64_t h = fk_spade_level(q, t)->height;

    return h < FK_SPADE_BAND + 1 ? h : FK_SPADE_BAND + 1;
}

/* Rows of a gallery image's level t after widening: its own height times the grid's width. */
static int64_t packed_rows(const fk_spade_query *q, int t)
{
    return fk_spade_level(q, t)->height * q->width;
}

static void carve_lengths(lengths *out, const fk_spade_query *q, fk_carver *c)
{
    FK_CARVE(c, out->off, q->height * q->width);
    FK_CARVE(c, out->on, q->height * q->width);
}

static void carve_shared(all_shared *out, const fk_spade_query *q, fk_carver *c)
{
    int64_t cells = 1;

    *out = (all_shared){0};
    for (int t = 0; t < q->count; t++) {
        const fk_level *level = fk_spade_level(q, t);

        if (fk_spade_direct(q, t))
            continue;
        cells = level->height * level->width > cells ? level->height * level->width : cells;
    }
    for (int t = 0; t < q->count; t++)
        FK_CARVE(c, out->packed[t],
                 fk_linalg_packed_size(packed_rows(q, t), fk_spade_level(q, t)->dim));
    FK_CARVE(c, out->crowded, fk_spade_bands(q));
    carve_lengths(&out->ours, q, c);
    carve_lengths(&out->norms, q, c);
    FK_CARVE(c, out->products, cells * FK_CELL_PRODUCTS);
}

static void carve_worker(all_worker *out, const fk_spade_query *q, fk_carver *c)
{
    int64_t widest = 1, longest = 1;

    *out = (all_worker){0};
    for (int t = 0; t < q->count; t++) {
        const fk_level *level = fk_spade_level(q, t);
        int64_t across = level->height * q->width;

        widest = level->dim > widest ? level->dim : widest;
        if (fk_spade_direct(q, t))
            continue;
        longest = across > longest ? across : longest;
        FK_CARVE(c, out->table[t], most_rows(q, t) * level->width * across);
        FK_CARVE(c, out->line[t], level->width * across);
    }
    FK_CARVE(c, out->part, longest);
    FK_CARVE(c, out->pairs, q->width * q->height * q->width);
    FK_CARVE(c, out->crowded, q->width);
    FK_CARVE(c, out->ours, widest);
    FK_CARVE(c, out->theirs, widest);
    FK_CARVE(c, out->strip, STRIP * widest);
}

void fk_spade_all_room(const fk_spade_query *q, size_t *shared, size_t *worker)
{
    all_shared s;
    all_worker w;
    fk_carver together = {0}, each = {0};

    /* The search at the same position is done before the rest, so both use the same memory. */
    fk_spade_same_room(q, shared, worker);
    carve_shared(&s, q, &together);
    carve_worker(&w, q, &each);
    *shared = together.used > *shared ? together.used : *shared;
    *worker = each.used > *worker ? each.used : *worker;
}

FK_CLONES static void mix(float *restrict out, const float *a, const float *b, float weight,
                          int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = (1.0f - weight) * a[i] + weight * b[i];
}

/* ---- One gallery image ---- */

/* Widen rows first .. last - 1 of level t: row y W + x is the feature at row y and the grid's
 * column x. */
static void widen(float *out, const fk_spade_query *q, int t, const float *data, int64_t first,
                  int64_t last)
{
    const fk_level *level = fk_spade_level(q, t);
    int64_t dim = level->dim;

    for (int64_t r = first; r < last; r++, out += dim) {
        const float *row = data + r / q->width * level->width * dim;
        const fk_spade_axis *c = &q->columns[t][r % q->width];

        mix(out, row + c->first * dim, row + c->second * dim, (float)c->weight, dim);
    }
}

static void add_lengths(const lengths *out, const all_shared *s, const fk_spade_query *q, int t,
                        const float *data)
{
    const fk_level *level = fk_spade_level(q, t);

    if (fk_spade_direct(q, t)) {
        for (int64_t p = 0; p < q->height * q->width; p++)
            out->on[p] += (float)fk_linalg_length2(data + p * level->dim, level->dim);
        return;
    }
    fk_linalg_cell_products(s->products, data, level->height, level->width, level->dim);
    for (int64_t y = 0; y < q->height; y++) {
        const fk_spade_axis *r = &q->rows[t][y];

        for (int64_t x = 0; x < q->width; x++) {
            const fk_spade_axis *c = &q->columns[t][x];

            out->off[y * q->width + x] +=
                (float)fk_linalg_cell_length2(s->products, level->width, r->first, r->second,
                                              r->weight, c->first, c->second, c->weight);
        }
    }
}

static void measure_lengths(const lengths *out, const all_shared *s, const fk_spade_query *q,
                            const float *const *data)
{
    size_t size = (size_t)(q->height * q->width) * sizeof(float);

    memset(out->off, 0, size);
    memset(out->on, 0, size);
    for (int t = 0; t < q->count; t++)
        add_lengths(out, s, q, t, data[t]);
}

/* Number of strips of level t that are packed. */
static int64_t strips(const all_job *job, int t)
{
    if (fk_spade_direct(job->q, t) && !job->packs)
        return 0;
    return (packed_rows(job->q, t) + STRIP - 1) / STRIP;
}

static void pack_strip(const all_worker *w, const all_job *job, int t, int64_t first)
{
    const fk_spade_query *q = job->q;
    const float *data = fk_spade_image_data(q, t, q->gallery[job->place]);
    int64_t dim = fk_spade_level(q, t)->dim;
    int64_t last = fk_spade_least(first + STRIP, packed_rows(q, t));

    if (fk_spade_direct(q, t)) {
        data += first * dim;
    } else {
        widen(w->strip, q, t, data, first, last);
        data = w->strip;
    }
    fk_linalg_pack(job->shared->packed[t], data, dim, first, last, dim);
}

static void measure_image(const all_job *job)
{
    const fk_spade_query *q = job->q;
    const float *data[FK_MAX_TAPS];

    for (int t = 0; t < q->count; t++)
        data[t] = fk_spade_image_data(q, t, q->gallery[job->place]);
    measure_lengths(&job->shared->norms, job->shared, q, data);
    for (int64_t p = 0; q->usable != NULL && p < q->height * q->width; p++)
        if (!fk_spade_usable(q, job->place, p))
            job->shared->norms.off[p] = INFINITY;
}

/* Prepare a part of a gallery image: piece 0 is its lengths, each other piece a strip of a packed
 * level. */
static fleck_status prepare_piece(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    const all_job *job = ctx;
    const fk_spade_query *q = job->q;
    all_worker w;
    fk_carver c = {.base = fk_spade_worker(job->room, worker)};
    int t = 0;

    (void)err;
    if (piece-- == 0) {
        measure_image(job);
        return FLECK_OK;
    }
    while (piece >= strips(job, t))
        piece -= strips(job, t++);
    carve_worker(&w, q, &c);
    pack_strip(&w, job, t, piece * STRIP);
    return FLECK_OK;
}

static fleck_status prepare_image(const all_job *job, fk_pool *pool, fleck_error *err)
{
    int64_t pieces = 1;

    for (int t = 0; t < job->q->count; t++)
        pieces += strips(job, t);
    return fk_pool_run(pool, pieces, prepare_piece, (void *)job, err);
}

static void prepare_query(const all_shared *s, const fk_spade_query *q)
{
    const float *data[FK_MAX_TAPS];

    for (int t = 0; t < q->count; t++)
        data[t] = fk_spade_query_data(q, t);
    measure_lengths(&s->ours, s, q, data);
}

/* ---- One band of the query's rows ---- */

static void make_tables(const all_worker *w, const all_job *job, int64_t begin, int64_t end)
{
    const fk_spade_query *q = job->q;

    for (int t = 0; t < q->count; t++) {
        const fk_level *level = fk_spade_level(q, t);
        int64_t across = level->height * q->width, first, rows;

        if (fk_spade_direct(q, t))
            continue;
        first = q->rows[t][begin].first;
        rows = q->rows[t][end - 1].second - first + 1;
        fk_linalg_multiply_packed(w->table[t], across,
                                  fk_spade_query_data(q, t) + first * level->width * level->dim,
                                  level->dim, job->shared->packed[t], rows * level->width, across,
                                  level->dim, -2.0f, 0.0f);
    }
}

/* Enlarge the tables along rows, for output row y of the band that begins at `begin`. */
static void make_lines(const all_worker *w, const fk_spade_query *q, int64_t y, int64_t begin)
{
    for (int t = 0; t < q->count; t++) {
        const fk_level *level = fk_spade_level(q, t);
        const fk_spade_axis *r = &q->rows[t][y];
        int64_t line = level->width * level->height * q->width;
        int64_t first = q->rows[t][begin].first;

        if (!fk_spade_direct(q, t))
            mix(w->line[t], w->table[t] + (r->first - first) * line,
                w->table[t] + (r->second - first) * line, (float)r->weight, line);
    }
}

/* out [h, w] += part [.., w], enlarged along rows. */
FK_CLONES static void add_rows(float *restrict out, const float *part, const fk_spade_axis *rows,
                               int64_t h, int64_t w)
{
    for (int64_t y = 0; y < h; y++, out += w) {
        const float *a = part + rows[y].first * w, *b = part + rows[y].second * w;
        float weight = (float)rows[y].weight;

        for (int64_t x = 0; x < w; x++)
            out[x] += (1.0f - weight) * a[x] + weight * b[x];
    }
}

/* Number of x [n] that are below the limit. */
FK_CLONES static int64_t count_below(const float *x, int64_t n, float limit)
{
    int32_t count = 0; /* n positions of one image: far below 2^31 */

    for (int64_t i = 0; i < n; i++)
        count += x[i] < limit;
    return count;
}

/* Set pairs [P] of the query's column x to D over the levels off the grid, without the query's
 * squared length. */
static void bound_pairs(float *pairs, const all_worker *w, const all_job *job, int64_t x)
{
    const fk_spade_query *q = job->q;

    memcpy(pairs, job->shared->norms.off, (size_t)(q->height * q->width) * sizeof(float));
    for (int t = 0; t < q->count; t++) {
        const fk_level *level = fk_spade_level(q, t);
        const fk_spade_axis *c = &q->columns[t][x];
        int64_t across = level->height * q->width;

        if (fk_spade_direct(q, t))
            continue;
        mix(w->part, w->line[t] + c->first * across, w->line[t] + c->second * across,
            (float)c->weight, across);
        add_rows(pairs, w->part, q->rows[t], q->height, q->width);
    }
}

FK_INLINE bool any_below(const float *x, float limit)
{
    int32_t below[LANES] = {0}, any = 0;

    for (int i = 0; i < CHUNK; i += LANES)
        for (int l = 0; l < LANES; l++)
            below[l] |= x[i + l] < limit;
    for (int l = 0; l < LANES; l++)
        any |= below[l];
    return any != 0;
}

/* Distance of position p and the gallery image's position j over the levels on the grid. */
static double rest_of_distance(const all_job *job, int64_t p, int64_t j)
{
    const fk_spade_query *q = job->q;
    double sum = 0.0;

    for (int t = 0; t < q->count; t++) {
        int64_t dim = fk_spade_level(q, t)->dim;

        if (fk_spade_direct(q, t))
            sum += fk_linalg_distance2(fk_spade_query_data(q, t) + p * dim,
                                       fk_spade_image_data(q, t, q->gallery[job->place]) + j * dim,
                                       dim);
    }
    return sum;
}

/* The limit of a pair's number, which has no squared length of the query. */
static float limit_of(const fk_spade_query *q, int64_t p, double length)
{
    return (float)(q->nearest[p * q->kappa + q->kappa - 1] - length);
}

/* Complete the pairs of position p that pass the bound, one by one. */
FK_CLONES static void complete_few(const all_job *job, const float *pairs, int64_t p)
{
    const fk_spade_query *q = job->q;
    int64_t n = q->height * q->width;
    double length = (double)job->shared->ours.off[p];
    float limit = limit_of(q, p, length);

    for (int64_t i = 0; i < n; i += CHUNK) {
        int64_t end = i + CHUNK < n ? i + CHUNK : n;

        if (end - i == CHUNK && !any_below(pairs + i, limit))
            continue;
        for (int64_t j = i; j < end; j++) {
            if (!(pairs[j] < limit) || j == p)
                continue;
            fk_linalg_smallest(q->nearest + p * q->kappa, q->indices + p * q->kappa, q->kappa,
                               (double)pairs[j] + length + rest_of_distance(job, p, j),
                               job->place * n + j);
            limit = limit_of(q, p, length);
        }
    }
}

/* Insert all pairs of position p into its nearest; pairs + rest is D without the query's squared
 * length. */
FK_CLONES static void offer_all(const all_job *job, float *restrict pairs, const float *rest,
                                int64_t p)
{
    const fk_spade_query *q = job->q;
    int64_t n = q->height * q->width;
    double length = (double)job->shared->ours.off[p] + (double)job->shared->ours.on[p];
    float limit = limit_of(q, p, length);

    for (int64_t j = 0; j < n; j++)
        pairs[j] += rest[j];
    for (int64_t i = 0; i < n; i += CHUNK) {
        int64_t end = i + CHUNK < n ? i + CHUNK : n;

        if (end - i == CHUNK && !any_below(pairs + i, limit))
            continue;
        for (int64_t j = i; j < end; j++)
            if (j != p)
                fk_linalg_smallest(q->nearest + p * q->kappa, q->indices + p * q->kappa, q->kappa,
                                   (double)pairs[j] + length, job->place * n + j);
        limit = limit_of(q, p, length);
    }
}

/* Complete all pairs of `count` positions from p on, pairs [count, P], by matrix products. */
static void complete_many(const all_job *job, float *pairs, int64_t p, int64_t count)
{
    const fk_spade_query *q = job->q;
    int64_t n = q->height * q->width;

    for (int t = 0; t < q->count; t++) {
        int64_t dim = fk_spade_level(q, t)->dim;
        const float *ours = fk_spade_query_data(q, t) + p * dim;

        if (fk_spade_direct(q, t) && job->packs)
            fk_linalg_multiply_packed(pairs, n, ours, dim, job->shared->packed[t], count, n, dim,
                                      -2.0f, 1.0f);
        else if (fk_spade_direct(q, t))
            fk_linalg_multiply_nt(pairs, n, ours, dim,
                                  fk_spade_image_data(q, t, q->gallery[job->place]), dim, count, n,
                                  dim, -2.0f, 1.0f);
    }
    for (int64_t k = 0; k < count; k++)
        offer_all(job, pairs + k * n, job->shared->norms.on, p + k);
}

/* Search output row y; returns whether many pairs of one of its positions passed. */
static bool search_row(const all_worker *w, const all_job *job, int64_t y)
{
    const fk_spade_query *q = job->q;
    int64_t n = q->height * q->width;
    bool crowded = false;

    for (int64_t x = 0; x < q->width; x++) {
        float *pairs = w->pairs + x * n;
        int64_t p = y * q->width + x;
        float limit = limit_of(q, p, (double)job->shared->ours.off[p]);

        bound_pairs(pairs, w, job, x);
        w->crowded[x] = count_below(pairs, n, limit) > n / FEW;
        if (!w->crowded[x])
            complete_few(job, pairs, p);
    }
    for (int64_t x = 0; x < q->width;) {
        int64_t end = x;

        while (end < q->width && w->crowded[end])
            end++;
        if (end > x)
            complete_many(job, w->pairs + x * n, y * q->width + x, end - x);
        crowded |= end > x;
        x = end + 1;
    }
    return crowded;
}

static fleck_status search_band(void *ctx, int64_t band, int worker, fleck_error *err)
{
    const all_job *job = ctx;
    const fk_spade_query *q = job->q;
    int64_t begin = fk_spade_band_begin(q, band), end = fk_spade_band_begin(q, band + 1);
    all_worker w;
    fk_carver c = {.base = fk_spade_worker(job->room, worker)};

    (void)err;
    carve_worker(&w, q, &c);
    make_tables(&w, job, begin, end);
    job->shared->crowded[band] = false;
    for (int64_t y = begin; y < end; y++) {
        make_lines(&w, q, y, begin);
        job->shared->crowded[band] |= search_row(&w, job, y);
    }
    return FLECK_OK;
}

/* ---- Distances of the nearest ---- */

static const float *sample(float *out, const fk_spade_query *q, int t, const float *data, int64_t p)
{
    const fk_level *level = fk_spade_level(q, t);
    const fk_spade_axis *r, *c;

    if (fk_spade_direct(q, t))
        return data + p * level->dim;
    r = &q->rows[t][p / q->width];
    c = &q->columns[t][p % q->width];
    fk_grid_sample(out, data, level->width, level->dim, r->first, r->second, r->weight, c->first,
                   c->second, c->weight);
    return out;
}

/* Squared distance of position p from the feature `index`; INFINITY: none was found, since the
 * model's features are not finite. */
static double distance2(const all_worker *w, const fk_spade_query *q, int64_t p, int64_t index)
{
    int64_t n = q->height * q->width, image;
    double sum = 0.0;

    if (index < 0)
        return INFINITY;
    image = q->gallery[index / n];
    for (int t = 0; t < q->count; t++) {
        const float *a = sample(w->ours, q, t, fk_spade_query_data(q, t), p);
        const float *b = sample(w->theirs, q, t, fk_spade_image_data(q, t, image), index % n);

        sum += fk_linalg_distance2(a, b, fk_spade_level(q, t)->dim);
    }
    return sum;
}

static fleck_status measure_band(void *ctx, int64_t band, int worker, fleck_error *err)
{
    const all_job *job = ctx;
    const fk_spade_query *q = job->q;
    all_worker w;
    fk_carver c = {.base = fk_spade_worker(job->room, worker)};

    (void)err;
    carve_worker(&w, q, &c);
    for (int64_t p = fk_spade_band_begin(q, band) * q->width;
         p < fk_spade_band_begin(q, band + 1) * q->width; p++) {
        int64_t n = fk_spade_available(q, p);
        double sum = 0.0;

        for (int64_t i = 0; i < n; i++)
            sum += distance2(&w, q, p, q->indices[p * q->kappa + i]);
        job->grid[p] = fk_spade_mean(sum, n);
    }
    return FLECK_OK;
}

/* Whether many pairs of the image before passed, so that packing is worth its cost. */
static bool any_crowded(const all_job *job, int64_t bands)
{
    bool any = false;

    for (int64_t band = 0; band < bands; band++)
        any |= job->shared->crowded[band];
    return any;
}

fleck_status fk_spade_all(const fk_spade_query *q, const fk_spade_room *room, fk_pool *pool,
                          float *grid, fleck_error *err)
{
    int64_t bands = fk_spade_bands(q);
    all_shared shared;
    all_job job = {.q = q, .room = room, .shared = &shared, .grid = grid};
    fk_carver c = {.base = room->shared};
    fleck_status st;

    FK_DO(fk_spade_same_nearest(q, room, pool, err));
    carve_shared(&shared, q, &c);
    prepare_query(&shared, q);
    job.packs = true;
    for (job.place = 0; job.place < q->n_gallery; job.place++) {
        FK_DO(prepare_image(&job, pool, err));
        FK_DO(fk_pool_run(pool, bands, search_band, &job, err));
        job.packs = any_crowded(&job, bands);
    }
    FK_DO(fk_pool_run(pool, bands, measure_band, &job, err));
done:
    return st;
}
