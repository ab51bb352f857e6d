/* SPDX-License-Identifier: Apache-2.0 */
/* A bank of features of good images, and the nearest of them.
 *
 *     |x - b|^2 = |x|^2 + |b|^2 - 2 x.b
 *
 * with all x.b of a piece of features and a tile of the bank as one matrix product.  Float products
 * lose the digits that a small distance needs, so the expansion only sorts out: with u = 2^-24,
 * a product of m terms in any order is off by at most m u |x| |b| (1 + small), so
 *
 *     (1 - 2 m u) (|x|^2 + |b|^2) - 2 x.b
 *
 * is below the true squared distance, since 2 |x| |b| <= |x|^2 + |b|^2 leaves twice that error; 16
 * u more covers that the comparison itself is in float.  Where it is below the smallest found so
 * far too, the distance is taken from the differences; that happens about as often as a running
 * minimum falls, log(n) times, and for what lies within the slack.  The result is the exact
 * search's.
 *
 * Most of D coordinates are spared where the bank is large.  With the rows of W [m, D] nearly
 * orthonormal, the first principal components of the bank, and c its mean, let q(x) = W (x - c),
 * computed in float.  For |W W' - 1| = e (Frobenius) and every row no longer than r,
 *
 *     |q(x) - q(b)| <= sqrt(1 + e) |x - b| + g (|x - c| + |b - c|),   g = sqrt(m) r (D + 2) u
 *
 * the second term being what rounding does.  So where |q(x) - q(b)|, bounded as above from products
 * of m terms, is not below sqrt(1 + e) s + g (|x - c| + max |b - c|), b is no nearer than s.  The
 * search goes through the bank in these coordinates twice: first for the smallest bound, whose
 * exact distance is s to begin with, then for all that may lie nearer.  W may be any matrix: a bad
 * one costs time only. */
#include "method/patchcore/bank.h"
#include "base/mem.h"
#include "linalg/linalg.h"
#include "method/patchcore/bounds.h"
#include "method/pca/pca.h"

#include <math.h>
#include <string.h>

#define PIECE 112 /* features of x of one piece of work: 7 pieces of a 28 x 28 grid */
#define TILE 256  /* features of the bank in one product */
#define PANEL 16  /* rows that a packed matrix is filled up to */

#define WIDTH 32        /* m */
#define LEAST_ROWS 1024 /* banks that it pays for */
#define LEAST_DIM 256
#define MOST_DIM 2048 /* components of more cost too much */
#define SAMPLE 4096   /* of the bank's features for the components */

void fk_bank_free(fk_bank *b)
{
    fk_free(b->own_rows);
    fk_free(b->own_images);
    fk_free(b->own_turn);
    fk_free(b->own_centre);
    fk_free(b->length2);
    fk_free(b->packed);
    *b = (fk_bank){0};
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- Coarse coordinates ---- */

/* The components of every few features of the bank, to vectors [WIDTH, D], and those features'
 * mean. */
static fleck_status find_components(fk_bank *b, fk_pool *pool, fleck_error *err)
{
    int64_t step = (b->n + SAMPLE - 1) / SAMPLE, n = (b->n + step - 1) / step, count = 0;
    fk_level sample = {.height = n, .width = 1, .dim = b->dim};
    double *vectors = NULL, *values = NULL;
    fk_pca pca = {0};
    fleck_status st;

    FK_DO(FK_ALLOC(&sample.data, n * b->dim, err));
    for (int64_t i = 0; i < n; i++)
        memcpy(sample.data + i * b->dim, b->rows + i * step * b->dim,
               (size_t)b->dim * sizeof(float));
    FK_DO(fk_pca_init(&pca, b->dim, err));
    FK_DO(fk_pca_add(&pca, &sample, pool, err));
    FK_DO(fk_pca_components(&pca, 1.0, &vectors, &values, &count, err));
    if (count < WIDTH) /* so few dimensions that nothing is spared */
        goto done;
    FK_DO(FK_ALLOC(&b->own_turn, WIDTH * b->dim, err));
    FK_DO(FK_ALLOC(&b->own_centre, b->dim, err));
    for (int64_t i = 0; i < WIDTH * b->dim; i++)
        b->own_turn[i] = (float)vectors[i];
    for (int64_t i = 0; i < b->dim; i++)
        b->own_centre[i] = (float)pca.mean[i];
    b->turn = b->own_turn;
    b->centre = b->own_centre;
    b->width = WIDTH;
done:
    fk_free(sample.data);
    fk_free(vectors);
    fk_free(values);
    fk_pca_free(&pca);
    return st;
}

fleck_status fk_bank_turn(fk_bank *b, fk_pool *pool, fleck_error *err)
{
    double spread = 0.0;

    if (b->n < LEAST_ROWS || b->dim < LEAST_DIM || b->dim > MOST_DIM)
        return FLECK_OK;
    for (int64_t i = 1; i < b->n && !(spread > 0.0); i++)
        spread = fk_linalg_distance2(b->rows, b->rows + i * b->dim, b->dim);
    if (!(spread > 0.0)) /* all equal: there are no components */
        return FLECK_OK;
    return find_components(b, pool, err);
}

size_t fk_bank_turn_bytes(int64_t n, int64_t dim)
{
    int64_t sample = least(n, SAMPLE);

    if (n < LEAST_ROWS || dim < LEAST_DIM || dim > MOST_DIM)
        return (size_t)((n + PANEL) * dim * 4);
    return (size_t)(sample * dim * 12 + 5 * dim * dim * 8 + n * WIDTH * 4 + WIDTH * dim * 4);
}

/* sqrt(1 + e) and the g of the top. */
static void measure_turn(fk_bank *b)
{
    double e = 0.0, longest = 0.0;

    for (int64_t i = 0; i < b->width; i++) {
        for (int64_t j = 0; j < b->width; j++) {
            double product = i == j ? -1.0 : 0.0;

            for (int64_t k = 0; k < b->dim; k++)
                product += (double)b->turn[i * b->dim + k] * (double)b->turn[j * b->dim + k];
            e += product * product;
            longest = i == j ? fmax(longest, product + 1.0) : longest;
        }
    }
    b->stretch = sqrt(1.0 + sqrt(e));
    b->rounding = sqrt((double)b->width * longest) * (double)(b->dim + 2) * FK_UNIT;
}

/* q of x [n, D] to out [n, width]; |x - c| is in reach [n].  room [n, D] is scratch. */
static void turn_rows(const fk_bank *b, float *out, double *reach, const float *x, int64_t n,
                      float *room)
{
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < b->dim; k++)
            room[i * b->dim + k] = x[i * b->dim + k] - b->centre[k];
        reach[i] = sqrt(fk_linalg_length2(room + i * b->dim, b->dim));
    }
    fk_linalg_multiply_nt(out, b->width, room, b->dim, b->turn, b->dim, n, b->width, b->dim, 1.0f,
                          0.0f);
}

/* Pack rows [n, width] of the search, which are number `first` and so on, and measure them. */
static void take_rows(fk_bank *b, const float *rows, int64_t first, int64_t n, int64_t width)
{
    fk_linalg_pack(b->packed, rows, width, first, first + n, width);
    for (int64_t i = 0; i < n; i++)
        b->length2[first + i] =
            (float)(fk_sure_share(width) * fk_linalg_length2(rows + i * width, width));
}

static fleck_status turn_bank(fk_bank *b, fleck_error *err)
{
    float *room = NULL, *coarse = NULL;
    double reach[PIECE];
    fleck_status st;

    FK_DO(FK_ALLOC(&room, PIECE * b->dim, err));
    FK_DO(FK_ALLOC(&coarse, PIECE * b->width, err));
    b->reach = 0.0;
    for (int64_t at = 0; at < b->n; at += PIECE) {
        int64_t n = least(PIECE, b->n - at);

        turn_rows(b, coarse, reach, b->rows + at * b->dim, n, room);
        take_rows(b, coarse, at, n, b->width);
        for (int64_t i = 0; i < n; i++)
            b->reach = fmax(b->reach, reach[i]);
    }
    measure_turn(b);
done:
    fk_free(room);
    fk_free(coarse);
    return st;
}

/* What the search goes through first: the coarse coordinates, or the features themselves. */
static int64_t search_width(const fk_bank *b)
{
    return b->width > 0 ? b->width : b->dim;
}

fleck_status fk_bank_measure(fk_bank *b, fleck_error *err)
{
    int64_t width = search_width(b), size;
    fleck_status st;

    fk_free(b->length2);
    fk_free(b->packed);
    b->length2 = b->packed = NULL;
    if (!fk_mul_fits(b->n + PANEL, width, &size))
        FK_FAIL(err, FLECK_E_NOMEM, "%lld features of %lld values do not fit", (long long)b->n,
                (long long)width);
    FK_DO(FK_ALLOC(&b->packed, fk_linalg_packed_size(b->n, width), err));
    FK_DO(FK_ALLOC(&b->length2, b->n, err));
    if (b->width > 0)
        FK_DO(turn_bank(b, err));
    else
        take_rows(b, b->rows, 0, b->n, width);
done:
    return st;
}

/* ---- The search ---- */

typedef struct nearest_job {
    const fk_bank *bank;
    const float *x;
    int64_t n;
    fk_span exclude;
    bool goes_on;  /* from the distances that are there */
    int64_t shift; /* of the bank's numbers in index */
    float *room;   /* [pieces, piece_room()] */
    float *distance;
    int64_t *index;
} nearest_job;

static int64_t piece_room(const fk_bank *b)
{
    return PIECE * (TILE + (b->width > 0 ? b->width + b->dim : 0));
}

size_t fk_bank_scratch_size(const fk_bank *b, int64_t n)
{
    return (size_t)((n + PIECE - 1) / PIECE * piece_room(b)) * sizeof(float);
}

/* Nearest so far of one feature. */
typedef struct best {
    double value;   /* squared distance */
    double length2; /* what is surely there of the squared length of what is multiplied */
    double slack;   /* g (|x - c| + max |b - c|); 0 without coarse coordinates */
    float bound;    /* the smallest bound of the first pass, without length2 */
    int64_t index;
} best;

/* What a bound has to stay below, without length2. */
static float limit_of(const best *b, const fk_bank *bank)
{
    double s = bank->width > 0 ? bank->stretch * sqrt(b->value) + b->slack : sqrt(b->value);

    return (float)(s * s * FK_MARGIN - b->length2);
}

static void take(best *b, const nearest_job *job, const float *x, int64_t row)
{
    const fk_bank *bank = job->bank;
    double exact = fk_linalg_distance2(x, bank->rows + row * bank->dim, bank->dim);

    if (exact < b->value || (exact == b->value && row < b->index)) {
        b->value = exact;
        b->index = row;
    }
}

/* First pass: the smallest bound in a tile of the bank that begins at row `first`. */
static void find_bound(best *b, const nearest_job *job, const float *products, int64_t first,
                       int64_t m)
{
    const float *length2 = job->bank->length2 + first;
    int32_t near[TILE];
    int64_t n = fk_linalg_nearer(near, length2, products, m, b->bound);

    for (int64_t k = 0; k < n; k++) {
        float bound = length2[near[k]] - 2.0f * products[near[k]];

        if (bound < b->bound && !fk_span_has(job->exclude, job->bank->images[first + near[k]])) {
            b->bound = bound;
            b->index = first + near[k];
        }
    }
}

/* Second pass: all in the tile that may lie nearer. */
static void search_tile(best *b, const nearest_job *job, const float *x, const float *products,
                        int64_t first, int64_t m)
{
    const float *length2 = job->bank->length2 + first;
    float limit = limit_of(b, job->bank);
    int32_t near[TILE];
    int64_t n = fk_linalg_nearer(near, length2, products, m, limit);

    for (int64_t k = 0; k < n; k++) {
        if (!(length2[near[k]] - 2.0f * products[near[k]] < limit) ||
            fk_span_has(job->exclude, job->bank->images[first + near[k]]))
            continue;
        take(b, job, x, first + near[k]);
        limit = limit_of(b, job->bank);
    }
}

/* One pass of n features x, in search coordinates q, through the bank. */
static void pass(best *found, const nearest_job *job, const float *x, const float *q, int64_t n,
                 float *products, bool first_pass)
{
    const fk_bank *bank = job->bank;
    int64_t width = search_width(bank);

    for (int64_t at = 0; at < bank->n; at += TILE) {
        int64_t m = least(TILE, bank->n - at);

        fk_linalg_multiply_packed(products, TILE, q, width, bank->packed + at * width, n, m, width,
                                  1.0f, 0.0f);
        for (int64_t i = 0; i < n; i++) {
            if (first_pass)
                find_bound(&found[i], job, products + i * TILE, at, m);
            else
                search_tile(&found[i], job, x + i * bank->dim, products + i * TILE, at, m);
        }
    }
}

/* The first pass, and its best as a start for the second. */
static void start_search(best *found, const nearest_job *job, const float *x, const float *q,
                         int64_t n, float *products)
{
    pass(found, job, x, q, n, products, true);
    for (int64_t i = 0; i < n; i++)
        if (found[i].index >= 0)
            take(&found[i], job, x + i * job->bank->dim, found[i].index);
}

static fleck_status search_piece(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    const nearest_job *job = ctx;
    const fk_bank *bank = job->bank;
    int64_t first = piece * PIECE, n = least(PIECE, job->n - first), width = search_width(bank);
    const float *x = job->x + first * bank->dim, *q = x;
    float *products = job->room + piece * piece_room(bank), *turned = products + PIECE * TILE;
    double reach[PIECE] = {0.0};
    best found[PIECE];

    (void)worker;
    (void)err;
    if (bank->width > 0) {
        turn_rows(bank, turned, reach, x, n, turned + PIECE * width);
        q = turned;
    }
    for (int64_t i = 0; i < n; i++)
        found[i] = (best){.value = job->goes_on ? (double)job->distance[first + i] *
                                                      (double)job->distance[first + i]
                                                : INFINITY,
                          .length2 = fk_sure_share(width) * fk_linalg_length2(q + i * width, width),
                          .slack = bank->rounding * (reach[i] + bank->reach),
                          .bound = INFINITY,
                          .index = -1};
    if (bank->width > 0)
        start_search(found, job, x, q, n, products);
    pass(found, job, x, q, n, products, false);
    for (int64_t i = 0; i < n; i++) {
        if (job->goes_on && found[i].index < 0)
            continue;
        job->distance[first + i] = (float)sqrt(found[i].value);
        if (job->index != NULL)
            job->index[first + i] = isinf(found[i].value) ? -1 : found[i].index + job->shift;
    }
    return FLECK_OK;
}

fleck_status fk_bank_nearest(const fk_bank *b, const float *x, int64_t n, fk_span exclude,
                             void *scratch, fk_pool *pool, float *distance, int64_t *index,
                             fleck_error *err)
{
    nearest_job job = {b, x, n, exclude, false, 0, scratch, distance, index};

    return fk_pool_run(pool, (n + PIECE - 1) / PIECE, search_piece, &job, err);
}

fleck_status fk_bank_nearer(const fk_bank *b, const float *x, int64_t n, int64_t shift,
                            void *scratch, fk_pool *pool, float *distance, int64_t *index,
                            fleck_error *err)
{
    nearest_job job = {b, x, n, FK_NONE, true, shift, scratch, distance, index};

    return fk_pool_run(pool, (n + PIECE - 1) / PIECE, search_piece, &job, err);
}
