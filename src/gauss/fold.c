/* SPDX-License-Identifier: Apache-2.0 */
/* A Gaussian per position: distances of a whole fold of images as if none of them had been learned.
 *
 * This leaves out many images as score.c leaves out one.  S = (1 - rho) C / (N - 1) + r I.  The
 * rows of V are the deviations x - m of the fold's images; l is 1 for the g of them that the
 * position has learned, 0 for the others.  With c = 1 / (N - g), s = (1 - rho) / (N - 1) and
 * A = diag(l) + c l l',
 *
 *     m' = m - c V' l        C' = C - V' A V        x_i - m' = V' b_i    with    b_i = e_i + c l
 *     S' = (N - 1) / (N - g - 1) (S - s V' A V)
 *
 * where rho and the ridge in units of the scatter stay the same, as there.  All follows from the
 * Gram matrix K = V S^-1 V' = W W' of the whitened deviations, W = V L'^-1.  With the square root
 * of A, H = diag(l) + h l l', h = (sqrt(1 + c g) - 1) / g, Woodbury gives
 *
 *     d2' = (N - g - 1) / (N - 1) (b' K b + s q' (I - s H K H)^-1 q)    with    q = H K b
 *
 * One Cholesky factor R of I - s H K H serves all images of the fold: q' (...)^-1 q = |R^-1 q|^2.
 * The matrix is positive definite since C' >= 0.  If rounding makes it indefinite, as with factors
 * in bf16 and few images, a small multiple of I is added. */
#include "gauss/gauss.h"
#include "base/carve.h"
#include "base/clones.h"
#include "linalg/linalg.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Scratch of one position. */
typedef struct desk {
    int64_t n;
    double *w;      /* [n, D] whitened deviations */
    double *k;      /* [n, n] Gram matrix */
    double *r;      /* [n, n] lower triangle of R, column by column */
    double *q;      /* [n, n] q of each image as a column, then R^-1 q */
    double *row;    /* [n] K l */
    double *learns; /* [n] l */
    double *whiten; /* scratch of fk_gauss_whiten() */
} desk;

/* Lay d out in tmp, or with NULL only count; returns the bytes. */
static size_t lay_out(desk *d, const fk_gauss *g, int64_t n, double *tmp)
{
    fk_carver c = {.base = (char *)tmp};

    d->n = n;
    FK_CARVE(&c, d->w, n * g->dim);
    FK_CARVE(&c, d->k, n * n);
    FK_CARVE(&c, d->r, n * n);
    FK_CARVE(&c, d->q, n * n);
    FK_CARVE(&c, d->row, n);
    FK_CARVE(&c, d->learns, n);
    FK_CARVE(&c, d->whiten, fk_gauss_many_room(g));
    return c.used;
}

int64_t fk_gauss_fold_room(const fk_gauss *g, int64_t n)
{
    desk d;

    return (int64_t)(lay_out(&d, g, n, NULL) / sizeof(double));
}

FK_INLINE double dot(const double *x, const double *y, int64_t n)
{
    double sum[8] = {0.0};
    int64_t i = 0;

    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++)
            sum[k] += x[i + k] * y[i + k];
    for (; i < n; i++)
        sum[0] += x[i] * y[i];
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

/* Compute K and K l. */
FK_CLONES static void gram(const desk *d, int64_t dim)
{
    for (int64_t i = 0; i < d->n; i++)
        for (int64_t j = 0; j <= i; j++)
            d->k[i * d->n + j] = d->k[j * d->n + i] = dot(d->w + i * dim, d->w + j * dim, dim);
    for (int64_t i = 0; i < d->n; i++)
        d->row[i] = dot(d->k + i * d->n, d->learns, d->n);
}

/* Compute R from I - s H K H; total is l' K l. */
static void factor(const desk *d, double s, double h, double total)
{
    double more = 0.0;

    do {
        for (int64_t j = 0; j < d->n; j++)
            for (int64_t i = j; i < d->n; i++) {
                double t = d->k[i * d->n + j] + h * (d->row[i] + d->row[j]) + h * h * total;

                d->r[j * d->n + i] =
                    (i == j ? 1.0 + more : 0.0) - s * d->learns[i] * d->learns[j] * t;
            }
        more = more > 0.0 ? 8.0 * more : 1e-12;
    } while (!fk_linalg_cholesky(d->r, d->n) && more < 1e3);
}

/* Solve R x = q for all columns of q at once; x replaces q. */
FK_CLONES static void solve(const desk *d)
{
    for (int64_t j = 0; j < d->n; j++) {
        double *restrict row = d->q + j * d->n, diagonal = d->r[j * d->n + j];

        for (int64_t k = 0; k < j; k++) {
            const double *before = d->q + k * d->n;
            double f = d->r[k * d->n + j];

            for (int64_t i = 0; i < d->n; i++)
                row[i] -= f * before[i];
        }
        for (int64_t i = 0; i < d->n; i++)
            row[i] /= diagonal;
    }
}

/* Distances at position p, of whose N images g are in the fold; d holds the whitened deviations. */
static void distances(const fk_gauss *gauss, const desk *d, double g, int64_t p, float *const *out)
{
    double n = (double)fk_counts_at(gauss->images, p), c = 1.0 / (n - g);
    double s = (1.0 - gauss->shrinkage.share) / (n - 1.0);
    double h = g > 0.0 ? (sqrt(1.0 + c * g) - 1.0) / g : 0.0, total;

    gram(d, gauss->dim);
    total = dot(d->row, d->learns, d->n);
    factor(d, s, h, total);
    for (int64_t j = 0; j < d->n; j++)
        for (int64_t i = 0; i < d->n; i++)
            d->q[j * d->n + i] =
                d->learns[j] * (d->k[j * d->n + i] + c * d->row[j] + h * (d->row[i] + c * total));
    solve(d);
    for (int64_t i = 0; i < d->n; i++) {
        double length = d->k[i * d->n + i] + 2.0 * c * d->row[i] + c * c * total, sum = 0.0, d2;

        for (int64_t j = 0; j < d->n; j++)
            sum += d->q[j * d->n + i] * d->q[j * d->n + i];
        d2 = (n - g - 1.0) / (n - 1.0) * (length + s * sum);
        out[i][p] = (float)sqrt(d2 < 0.0 ? 0.0 : d2); /* may be negative if the image is the mean */
    }
}

void fk_gauss_distance_fold(const fk_gauss *g, int64_t n, const float *const *emb,
                            const uint8_t *const *flags, int64_t first, int64_t last, double *tmp,
                            float *const *out)
{
    desk d;

    assert(n >= 1);
    lay_out(&d, g, n, tmp);
    for (int64_t p = first; p < last; p++) {
        int64_t learned = 0;

        for (int64_t i = 0; i < n; i++) {
            d.learns[i] = fk_gauss_learns(flags[i], p) ? 1.0 : 0.0;
            learned += fk_gauss_learns(flags[i], p);
            out[i][p] = 0.0f;
        }
        if (!fk_counts_judge(g->images, p) || fk_counts_at(g->images, p) - learned < 2)
            continue;
        fk_gauss_whiten(g, n, emb, p, d.whiten, d.w);
        distances(g, &d, (double)learned, p, out);
    }
}
