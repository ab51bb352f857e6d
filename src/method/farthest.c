/* Farthest-first traversal. */
#include "method/farthest.h"
#include "base/mem.h"
#include "linalg/linalg.h"

#include <assert.h>
#include <math.h>

/* Rows of one piece of work. */
#define PIECE 1024

typedef struct job {
    const float *x, *centre;
    int64_t n, d;
    double *nearest; /* [n] squared distance to the nearest that is chosen */
} job;

static fleck_status update_piece(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    job *j = ctx;
    int64_t last = (piece + 1) * PIECE < j->n ? (piece + 1) * PIECE : j->n;

    (void)worker;
    (void)err;
    for (int64_t i = piece * PIECE; i < last; i++) {
        double distance = fk_linalg_distance2(j->x + i * j->d, j->centre, j->d);

        if (distance < j->nearest[i])
            j->nearest[i] = distance;
    }
    return FLECK_OK;
}

static int64_t farthest(const double *nearest, int64_t n)
{
    int64_t best = 0;

    for (int64_t i = 1; i < n; i++)
        if (nearest[i] > nearest[best])
            best = i;
    return best;
}

static void mean_of_rows(float *mean, double *sum, const float *x, int64_t n, int64_t d)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < d; j++)
            sum[j] += (double)x[i * d + j];
    for (int64_t j = 0; j < d; j++)
        mean[j] = (float)(sum[j] / (double)n);
}

fleck_status fk_farthest_first(int64_t *chosen, int64_t k, const float *x, int64_t n, int64_t d,
                               fk_pool *pool, fleck_error *err)
{
    job j = {.x = x, .n = n, .d = d};
    float *mean = NULL;
    double *sum = NULL;
    int64_t pieces = (n + PIECE - 1) / PIECE;
    fleck_status st;

    assert(k >= 1 && k <= n);
    FK_DO(FK_ALLOC(&mean, d, err));
    FK_DO(FK_CALLOC(&sum, d, err));
    FK_DO(FK_ALLOC(&j.nearest, n, err));
    mean_of_rows(mean, sum, x, n, d);
    j.centre = mean;
    for (int64_t c = 0; c < k; c++) {
        /* The mean only finds the first; it is not among the chosen. */
        for (int64_t i = 0; c < 2 && i < n; i++)
            j.nearest[i] = INFINITY;
        if (c == 1)
            j.centre = x + chosen[0] * d;
        FK_DO(fk_pool_run(pool, pieces, update_piece, &j, err));
        chosen[c] = farthest(j.nearest, n);
        j.centre = x + chosen[c] * d;
    }
done:
    fk_free(mean);
    fk_free(sum);
    fk_free(j.nearest);
    return st;
}
