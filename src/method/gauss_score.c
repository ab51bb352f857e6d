/* A Gaussian per position: Mahalanobis distances from its Cholesky factor.
 *
 * Distance.  d2 = (x - m)' S^-1 (x - m) = |z|^2 with L z = x - m, by forward substitution column by
 * column: once z[j] is known, column j of L times z[j] leaves the rest.  L is stored that way, so
 * each factor is read once, in order, and nothing is added up across a vector.
 *
 * Leaving one out.  Let v = x - m for an image that m, S and N include.  Without it,
 *
 *     m' = m - v / (N - 1)              C' = C - N / (N - 1) v v'
 *     x - m' = N / (N - 1) v
 *     C' / (N - 2) + e I = (N - 1) / (N - 2) (S - N / (N - 1)^2 v v')    with
 *     e = epsilon (N - 1) / (N - 2)
 *
 * so with a = N / (N - 1)^2, by Sherman and Morrison,
 *
 *     v' (S - a v v')^-1 v = d2 + a d2^2 / (1 - a d2) = d2 / (1 - a d2)
 *     d2' = (N / (N - 1))^2 (N - 2) / (N - 1) d2 / (1 - a d2)
 *
 * It is exact but for epsilon, which counts as e.  a d2 < 1 because S - a v v' >= e' I > 0 for some
 * e'; rounding may take that away where D exceeds N and epsilon is tiny, hence the floor. */
#include "method/gauss.h"
#include "linalg/clones.h"
#include "method/gauss_moments.h"

#include <assert.h>
#include <math.h>

/* |z|^2 with L z = v; v [dim] is used up. */
FK_CLONES static double solve(const float *restrict factor, double *restrict v, int64_t dim)
{
    double d2 = 0.0;

    for (int64_t j = 0; j < dim; j++) {
        double z = v[j] / (double)factor[0];
        double *rest = v + j;

        d2 += z * z;
        for (int64_t i = 1; i < dim - j; i++)
            rest[i] -= z * (double)factor[i];
        factor += dim - j;
    }
    return d2;
}

static double without_it(double d2, double n)
{
    double a = n / ((n - 1.0) * (n - 1.0)), rest = fmax(1.0 - a * d2, 1e-12);

    return n / (n - 1.0) * (n / (n - 1.0)) * ((n - 2.0) / (n - 1.0)) * d2 / rest;
}

void fk_gauss_distance(const fk_gauss *g, const float *emb, int64_t first, int64_t last,
                       bool left_out, double *tmp, float *out)
{
    assert(g->factor != NULL && (!left_out || g->n >= 3));
    for (int64_t p = first; p < last; p++) {
        const float *x = emb + p * g->dim, *m = g->mean + p * g->dim;
        double d2;

        for (int64_t i = 0; i < g->dim; i++)
            tmp[i] = (double)x[i] - (double)m[i];
        d2 = solve(g->factor + p * fk_moments_size(g->dim), tmp, g->dim);
        out[p] = (float)sqrt(left_out ? without_it(d2, (double)g->n) : d2);
    }
}
