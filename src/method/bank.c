/* A bank of features of good images, and the nearest of them.
 *
 *     |x - b|^2 = |x|^2 + |b|^2 - 2 x.b
 *
 * with all x.b of a piece of features and a tile of the bank as one matrix product.  Float products
 * lose the digits that a small distance needs, so the expansion only sorts out: with u = 2^-24,
 * a product of `dim` terms in any order is off by at most dim u |x| |b| (1 + small), so
 *
 *     (1 - 2 dim u) (|x|^2 + |b|^2) - 2 x.b
 *
 * is below the true squared distance, since 2 |x| |b| <= |x|^2 + |b|^2 leaves twice that error.  Where it is below the smallest found so far too, the distance
 * is taken from the differences; that happens about as often as a running minimum falls, log(n)
 * times, and for what lies within the slack.  The result is the exact search's. */
#include "method/bank.h"
#include "base/mem.h"
#include "linalg/linalg.h"

#include <math.h>

#define PIECE 112 /* features of x of one piece of work: 7 pieces of a 28 x 28 grid */
#define TILE 256  /* features of the bank in one product */
#define UNIT 0x1p-24

void fk_bank_free(fk_bank *b)
{
    fk_free(b->own_rows);
    fk_free(b->own_images);
    fk_free(b->length2);
    *b = (fk_bank){0};
}

fleck_status fk_bank_measure(fk_bank *b, fleck_error *err)
{
    fleck_status st;

    fk_free(b->length2);
    b->length2 = NULL;
    FK_DO(FK_ALLOC(&b->length2, b->n, err));
    for (int64_t i = 0; i < b->n; i++)
        b->length2[i] = fk_linalg_length2(b->rows + i * b->dim, b->dim);
done:
    return st;
}

typedef struct nearest_job {
    const fk_bank *bank;
    const float *x;
    int64_t n;
    fk_span exclude;
    float *products; /* [pieces, PIECE * TILE] */
    float *distance;
    int64_t *index;
} nearest_job;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

size_t fk_bank_scratch_size(const fk_bank *b, int64_t n)
{
    int64_t pieces = (n + PIECE - 1) / PIECE;

    (void)b;
    return (size_t)(pieces * PIECE * TILE) * sizeof(float);
}

/* Nearest so far of one feature. */
typedef struct best {
    double value; /* squared distance */
    double length2;
    int64_t index;
} best;

/* Look through a tile of the bank that begins at row `first`. */
static void search_tile(best *b, const nearest_job *job, const float *x, const float *products,
                        int64_t first, int64_t m)
{
    const fk_bank *bank = job->bank;
    double share = 1.0 - 2.0 * (double)bank->dim * UNIT;

    for (int64_t j = 0; j < m; j++) {
        double low = share * (b->length2 + bank->length2[first + j]) - 2.0 * (double)products[j];
        double exact;

        if (!(low < b->value) || fk_span_has(job->exclude, bank->images[first + j]))
            continue;
        exact = fk_linalg_distance2(x, bank->rows + (first + j) * bank->dim, bank->dim);
        if (exact < b->value) {
            b->value = exact;
            b->index = first + j;
        }
    }
}

static fleck_status search_piece(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    const nearest_job *job = ctx;
    const fk_bank *bank = job->bank;
    int64_t first = piece * PIECE, n = least(PIECE, job->n - first), d = bank->dim;
    float *products = job->products + piece * PIECE * TILE;
    best found[PIECE];

    (void)worker;
    (void)err;
    for (int64_t i = 0; i < n; i++)
        found[i] = (best){INFINITY, fk_linalg_length2(job->x + (first + i) * d, d), -1};
    for (int64_t at = 0; at < bank->n; at += TILE) {
        int64_t m = least(TILE, bank->n - at);

        fk_linalg_multiply_nt(products, TILE, job->x + first * d, d, bank->rows + at * d, d, n, m,
                              d, 1.0f, 0.0f);
        for (int64_t i = 0; i < n; i++)
            search_tile(&found[i], job, job->x + (first + i) * d, products + i * TILE, at, m);
    }
    for (int64_t i = 0; i < n; i++) {
        job->distance[first + i] = (float)sqrt(found[i].value);
        if (job->index != NULL)
            job->index[first + i] = found[i].index;
    }
    return FLECK_OK;
}

fleck_status fk_bank_nearest(const fk_bank *b, const float *x, int64_t n, fk_span exclude,
                             void *scratch, fk_pool *pool, float *distance, int64_t *index,
                             fleck_error *err)
{
    nearest_job job = {.bank = b,
                       .x = x,
                       .n = n,
                       .exclude = exclude,
                       .products = scratch,
                       .distance = distance,
                       .index = index};

    return fk_pool_run(pool, (n + PIECE - 1) / PIECE, search_piece, &job, err);
}
