/* SPADE, gallery of all positions: kappa nearest among the features of K whole images.
 *
 * With i a position of the query q, j one of a gallery image g, and B_t enlarging level t to the
 * common grid,
 *
 *     D[i, j] = sum over t of |(B_t q_t)[i] - (B_t g_t)[j]|^2
 *             = |query|^2[i] + norms[j] - 2 sum over t of (B_t Q_t G_t' B_t')[i, j]
 *
 * The first term does not matter for which j is nearest.  The products of a level that is on the
 * grid are one matrix product E = -2 Q G'.  Those of a smaller level are taken on the small grid
 * and the table of products is enlarged instead of the features, which is the same number:
 *
 *     wide   gallery features enlarged along rows only        [h_t, W, C_t]
 *     table  -2 Q_t wide'                                     [h_t w_t, h_t W]
 *     line   table rows mixed for the query's output row      [w_t, h_t W]
 *     part   line rows mixed for the query's column           [h_t W]
 *     E[i]  += part's rows mixed for each gallery row         [H, W]
 *
 * All but `table` are mixtures of two vectors.  For ResNet-18 a pair (i, j) costs 64 + 16 + 4
 * multiply-adds in products and some 10 in mixtures, where joined features would cost 448.
 *
 * D by products loses digits where |query| is much larger than the distance, so only the choice of
 * the nearest is left to it.  Their distances are then computed again from the differences. */
#include "method/spade.h"
#include "features/map.h"
#include "linalg/clones.h"
#include "linalg/linalg.h"

#include <math.h>
#include <string.h>

/* Output rows of one piece of work. */
#define BAND 8
#define LANES 16
#define CHUNK (8 * LANES)

typedef struct all_shared {
    float *wide[FK_MAX_TAPS]; /* of levels off the grid */
    float *norms;             /* [P] */
    double *products;
} all_shared;

typedef struct all_worker {
    float *table[FK_MAX_TAPS], *line[FK_MAX_TAPS];
    float *part;
    float *pairs;         /* [W, P] */
    float *ours, *theirs; /* one feature of one level each */
} all_worker;

typedef struct all_job {
    const fk_spade_query *q;
    const fk_spade_room *room;
    const all_shared *shared;
    int64_t place; /* of the image in the gallery */
    float *grid;
} all_job;

static int64_t row_end(const fk_spade_query *q, int64_t band)
{
    return (band + 1) * BAND < q->height ? (band + 1) * BAND : q->height;
}

/* Most rows of level t that one band of output rows draws on; BAND + 1 at most where the level is
 * not larger than the grid. */
static int64_t most_rows(const fk_spade_query *q, int t)
{
    int64_t h = fk_spade_level(q, t)->height;

    return h < BAND + 1 ? h : BAND + 1;
}

static void carve_shared(all_shared *out, const fk_spade_query *q, char *base, size_t *used)
{
    int64_t cells = 1;

    *out = (all_shared){0};
    for (int t = 0; t < q->count; t++) {
        const fk_level *level = fk_spade_level(q, t);

        if (fk_spade_direct(q, t))
            continue;
        cells = level->height * level->width > cells ? level->height * level->width : cells;
        out->wide[t] =
            fk_spade_carve(base, used, level->height * q->width * level->dim, sizeof(float));
    }
    out->norms = fk_spade_carve(base, used, q->height * q->width, sizeof(float));
    out->products = fk_spade_carve(base, used, cells * FK_CELL_PRODUCTS, sizeof(double));
}

static void carve_worker(all_worker *out, const fk_spade_query *q, char *base, size_t *used)
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
        out->table[t] =
            fk_spade_carve(base, used, most_rows(q, t) * level->width * across, sizeof(float));
        out->line[t] = fk_spade_carve(base, used, level->width * across, sizeof(float));
    }
    out->part = fk_spade_carve(base, used, longest, sizeof(float));
    out->pairs = fk_spade_carve(base, used, q->width * q->height * q->width, sizeof(float));
    out->ours = fk_spade_carve(base, used, widest, sizeof(float));
    out->theirs = fk_spade_carve(base, used, widest, sizeof(float));
}

void fk_spade_all_room(const fk_spade_query *q, size_t *shared, size_t *worker)
{
    all_shared s;
    all_worker w;

    *shared = *worker = 0;
    carve_shared(&s, q, NULL, shared);
    carve_worker(&w, q, NULL, worker);
}

FK_CLONES static void mix(float *restrict out, const float *a, const float *b, float weight,
                          int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = (1.0f - weight) * a[i] + weight * b[i];
}

FK_CLONES static void add_mix(float *restrict out, const float *a, const float *b, float weight,
                              int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] += (1.0f - weight) * a[i] + weight * b[i];
}

/* ---- One gallery image ---- */

static void widen(float *wide, const fk_spade_query *q, int t, const float *data)
{
    const fk_level *level = fk_spade_level(q, t);
    int64_t dim = level->dim;

    for (int64_t y = 0; y < level->height; y++) {
        const float *row = data + y * level->width * dim;

        for (int64_t x = 0; x < q->width; x++) {
            const fk_spade_axis *c = &q->columns[t][x];

            mix(wide + (y * q->width + x) * dim, row + c->first * dim, row + c->second * dim,
                (float)c->weight, dim);
        }
    }
}

static void add_norms(const all_shared *s, const fk_spade_query *q, int t, const float *data)
{
    const fk_level *level = fk_spade_level(q, t);

    if (fk_spade_direct(q, t)) {
        for (int64_t p = 0; p < q->height * q->width; p++)
            s->norms[p] += (float)fk_linalg_length2(data + p * level->dim, level->dim);
        return;
    }
    fk_linalg_cell_products(s->products, data, level->height, level->width, level->dim);
    for (int64_t y = 0; y < q->height; y++) {
        const fk_spade_axis *r = &q->rows[t][y];

        for (int64_t x = 0; x < q->width; x++) {
            const fk_spade_axis *c = &q->columns[t][x];

            s->norms[y * q->width + x] +=
                (float)fk_linalg_cell_length2(s->products, level->width, r->first, r->second,
                                              r->weight, c->first, c->second, c->weight);
        }
    }
}

static void prepare(const all_shared *s, const fk_spade_query *q, int64_t image)
{
    memset(s->norms, 0, (size_t)(q->height * q->width) * sizeof(float));
    for (int t = 0; t < q->count; t++) {
        const float *data = fk_spade_image_data(q, t, image);

        add_norms(s, q, t, data);
        if (!fk_spade_direct(q, t))
            widen(s->wide[t], q, t, data);
    }
}

/* ---- One band of the query's rows against it ---- */

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
        fk_linalg_multiply_nt(w->table[t], across,
                              fk_spade_query_data(q, t) + first * level->width * level->dim,
                              level->dim, job->shared->wide[t], level->dim, rows * level->width,
                              across, level->dim, -2.0f, 0.0f);
    }
}

/* pairs [W, P] of output row y, from the levels on the grid; and the others' lines. */
static void make_lines(const all_worker *w, const all_job *job, int64_t y, int64_t begin)
{
    const fk_spade_query *q = job->q;
    int64_t n = q->height * q->width;
    bool any = false;

    for (int t = 0; t < q->count; t++) {
        const fk_level *level = fk_spade_level(q, t);
        const fk_spade_axis *r = &q->rows[t][y];
        int64_t line = level->width * level->height * q->width;
        int64_t first = q->rows[t][begin].first;

        if (!fk_spade_direct(q, t)) {
            mix(w->line[t], w->table[t] + (r->first - first) * line,
                w->table[t] + (r->second - first) * line, (float)r->weight, line);
            continue;
        }
        fk_linalg_multiply_nt(w->pairs, n, fk_spade_query_data(q, t) + y * q->width * level->dim,
                              level->dim, fk_spade_image_data(q, t, q->gallery[job->place]),
                              level->dim, q->width, n, level->dim, -2.0f, any ? 1.0f : 0.0f);
        any = true;
    }
    if (!any)
        memset(w->pairs, 0, (size_t)(q->width * n) * sizeof(float));
}

/* Add what the levels off the grid have to say about the query's column x. */
static void add_parts(float *pairs, const all_worker *w, const fk_spade_query *q, int64_t x)
{
    for (int t = 0; t < q->count; t++) {
        const fk_level *level = fk_spade_level(q, t);
        const fk_spade_axis *c = &q->columns[t][x];
        int64_t across = level->height * q->width;

        if (fk_spade_direct(q, t))
            continue;
        mix(w->part, w->line[t] + c->first * across, w->line[t] + c->second * across,
            (float)c->weight, across);
        for (int64_t y = 0; y < q->height; y++) {
            const fk_spade_axis *r = &q->rows[t][y];

            add_mix(pairs + y * q->width, w->part + r->first * q->width,
                    w->part + r->second * q->width, (float)r->weight, q->width);
        }
    }
}

/* The smallest of a + b over CHUNK places. */
FK_INLINE float chunk_minimum(const float *a, const float *b)
{
    float least[LANES], all;

    for (int l = 0; l < LANES; l++)
        least[l] = a[l] + b[l];
    for (int i = LANES; i < CHUNK; i += LANES) {
        for (int l = 0; l < LANES; l++) {
            float v = a[i + l] + b[i + l];

            least[l] = v < least[l] ? v : least[l];
        }
    }
    all = least[0];
    for (int l = 1; l < LANES; l++)
        all = least[l] < all ? least[l] : all;
    return all;
}

/* Offer all of a + b [n], numbered from base on, to the kappa nearest so far. */
FK_CLONES static void offer(double *nearest, int64_t *indices, int64_t kappa, const float *a,
                            const float *b, int64_t n, int64_t base)
{
    int64_t i = 0;

    for (; i + CHUNK <= n; i += CHUNK) {
        if (!((double)chunk_minimum(a + i, b + i) < nearest[kappa - 1]))
            continue;
        for (int64_t k = i; k < i + CHUNK; k++)
            fk_linalg_smallest(nearest, indices, kappa, (double)(a[k] + b[k]), base + k);
    }
    for (; i < n; i++)
        fk_linalg_smallest(nearest, indices, kappa, (double)(a[i] + b[i]), base + i);
}

static fleck_status search_band(void *ctx, int64_t band, int worker, fleck_error *err)
{
    const all_job *job = ctx;
    const fk_spade_query *q = job->q;
    int64_t begin = band * BAND, end = row_end(q, band), n = q->height * q->width;
    all_worker w;
    size_t used = 0;

    (void)err;
    carve_worker(&w, q, fk_spade_worker(job->room, worker), &used);
    make_tables(&w, job, begin, end);
    for (int64_t y = begin; y < end; y++) {
        make_lines(&w, job, y, begin);
        for (int64_t x = 0; x < q->width; x++) {
            int64_t at = (y * q->width + x) * q->kappa;

            add_parts(w.pairs + x * n, &w, q, x);
            offer(q->nearest + at, q->indices + at, q->kappa, w.pairs + x * n, job->shared->norms,
                  n, job->place * n);
        }
    }
    return FLECK_OK;
}

/* ---- Distances of those found ---- */

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

static double distance2(const all_worker *w, const fk_spade_query *q, int64_t p, int64_t index)
{
    int64_t n = q->height * q->width, image = q->gallery[index / n];
    double sum = 0.0;

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
    size_t used = 0;

    (void)err;
    carve_worker(&w, q, fk_spade_worker(job->room, worker), &used);
    for (int64_t p = band * BAND * q->width; p < row_end(q, band) * q->width; p++) {
        double sum = 0.0;

        for (int64_t i = 0; i < q->kappa; i++)
            sum += distance2(&w, q, p, q->indices[p * q->kappa + i]);
        job->grid[p] = (float)(sum / (double)q->kappa);
    }
    return FLECK_OK;
}

fleck_status fk_spade_all(const fk_spade_query *q, const fk_spade_room *room, fk_pool *pool,
                          float *grid, fleck_error *err)
{
    int64_t bands = (q->height + BAND - 1) / BAND;
    all_shared shared;
    all_job job = {.q = q, .room = room, .shared = &shared, .grid = grid};
    size_t used = 0;
    fleck_status st = FLECK_OK;

    carve_shared(&shared, q, room->shared, &used);
    for (job.place = 0; job.place < q->n_gallery; job.place++) {
        prepare(&shared, q, q->gallery[job.place]);
        FK_DO(fk_pool_run(pool, bands, search_band, &job, err));
    }
    FK_DO(fk_pool_run(pool, bands, measure_band, &job, err));
done:
    return st;
}
