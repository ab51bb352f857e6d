/* SPDX-License-Identifier: Apache-2.0 */
/* The Gaussian of one position: moments of images, merging, and the factor of the covariance.
 *
 * Moments.  With a shift c (the first image), y = x - c, and over N images
 *
 *     sum = sum of y          triangle = sum of y y'
 *     m = c + sum / N         C = sum of (x - m)(x - m)' = triangle - sum sum' / N
 *
 * The plain formula C = sum of x x' - N m m' loses digits if |m| is much larger than the
 * deviations.  About a shift that is one of the samples nothing is lost, since y is as large as the
 * deviations.  Unlike Welford's recurrence, this costs one multiply-add for each element of an
 * image, and each element is a sum over images in order, on any thread and in any calls.
 *
 * Covariance and factor.  The paper has S = C / (N - 1) + epsilon I = L L'.  With fewer than 2
 * images there is no covariance: S = ridge I, with the one image as mean, from which
 * fk_moments_back() recovers the moments.
 *
 * Shrinking.  If N is near D, C / n, n = N - 1, has eigenvalues near 0 that the true covariance
 * does not have, and distances of new images become far too large.  So C / n is mixed with a
 * multiple of I:
 *
 *     S = (1 - rho) C / n + (rho mu + epsilon) I
 *
 * The best rho for a position is estimated by the oracle approximating shrinkage (OAS; Chen,
 * Wiesel, Eldar and Hero 2010), with n in place of N since the mean is estimated too.  With
 * t = tr(C / n) and q = tr((C / n)^2),
 *
 *     rho = ((1 - 2 / D) q + t^2) / ((n + 1 - 2 / D) (q - t^2 / D))       mu = t / D
 *
 * at most FK_MOST_SHRUNK.  If q = t^2 / D, C is a multiple of I, and rho is 0.  All positions get
 * the same rho and mu (learn.c).
 *
 * Merging.  With d = mB - mA (Chan, Golub and LeVeque 1979, eq. 2.1):
 *
 *     C = CA + CB + NA NB / N d d'       m = mA + NB / N d
 *
 * and about A's shift c again: t = m - c, sum = N t, triangle = C + N t t'. */
#include "gauss/moments.h"
#include "base/clones.h"
#include "linalg/linalg.h"
#include "gauss/factor.h"

#include <math.h>
#include <string.h>

int64_t fk_moments_size(int64_t dim)
{
    return dim * (dim + 1) / 2;
}

int64_t fk_moments_room(int64_t dim)
{
    return fk_moments_row(dim);
}

int64_t fk_moments_scratch(int64_t dim)
{
    return FK_MOMENTS_GROUP * fk_moments_lines(dim);
}

/* ---- Adding ---- */

/* Doubles of triangles that are prefetched, to hide the latency of memory. */
#define AHEAD 1024

/* Add the outer products of n columns y[0..n-1] [fk_moments_lines(dim)] to a triangle, in order.
 * All callers pass a constant n. */
FK_INLINE void add_outer(double *restrict triangle, const double *restrict y, int64_t dim,
                         const int n)
{
    int64_t width = fk_moments_lines(dim);

    for (int64_t i = 0; i < dim; i++) {
        double *row = triangle + fk_moments_row(i), c[FK_MOMENTS_GROUP];

        for (int k = 0; k < n; k++)
            c[k] = y[k * width + i];
        for (int64_t j = 0; j <= i; j += FK_MOMENTS_WIDE)
            __builtin_prefetch((void *)((uintptr_t)(row + j) + AHEAD * sizeof *row), 1, 2);
        for (int64_t j = 0; j < fk_moments_lines(i + 1); j++) {
            double s = row[j];

            for (int k = 0; k < n; k++)
                s += c[k] * y[k * width + j];
            row[j] = s;
        }
    }
}

FK_CLONES static void add_group(double *triangle, const double *y, int64_t dim)
{
    add_outer(triangle, y, dim, FK_MOMENTS_GROUP);
}

FK_CLONES static void add_one(double *triangle, const double *y, int64_t dim)
{
    add_outer(triangle, y, dim, 1);
}

/* Set y to x - shift, padded with zeros to width, and add it to sum.  The next position's features,
 * which follow x, are prefetched: many images are more streams than the processor prefetches by
 * itself. */
FK_CLONES static void subtract_shift(double *restrict y, double *restrict sum,
                                     const float *restrict x, const float *restrict shift,
                                     int64_t dim, int64_t width)
{
    for (int64_t j = 0; j < dim; j += 16)
        __builtin_prefetch((const void *)((uintptr_t)(x + j) + (size_t)dim * sizeof *x));
    for (int64_t j = 0; j < dim; j++) {
        y[j] = (double)x[j] - (double)shift[j];
        sum[j] += y[j];
    }
    for (int64_t j = dim; j < width; j++)
        y[j] = 0;
}

void fk_moments_add(fk_moments m, const float *const *images, int64_t n, int64_t offset, double *y)
{
    int64_t width = fk_moments_lines(m.dim);

    for (int64_t i = 0, group; i < n; i += group) {
        group = n - i >= FK_MOMENTS_GROUP ? FK_MOMENTS_GROUP : 1;
        for (int64_t k = 0; k < group; k++)
            subtract_shift(y + k * width, m.sum, images[i + k] + offset, m.shift, m.dim, width);
        if (group == FK_MOMENTS_GROUP)
            add_group(m.triangle, y, m.dim);
        else
            add_one(m.triangle, y, m.dim);
    }
}

/* ---- Merging ---- */

/* Set out to the mean of m minus another shift. */
static void mean_about(double *out, fk_moments m, const float *shift)
{
    for (int64_t i = 0; i < m.dim; i++)
        out[i] = m.sum[i] / (double)m.n + ((double)m.shift[i] - (double)shift[i]);
}

void fk_moments_merge(fk_moments a, fk_moments b, double *means)
{
    double na = (double)a.n, nb = (double)b.n, n = na + nb;
    double *u = means, *v = means + a.dim;

    if (b.n == 0)
        return;
    if (a.n == 0) {
        memcpy(a.shift, b.shift, (size_t)a.dim * sizeof *a.shift);
        memcpy(a.sum, b.sum, (size_t)a.dim * sizeof *a.sum);
        memcpy(a.triangle, b.triangle, (size_t)fk_moments_room(a.dim) * sizeof *a.triangle);
        return;
    }
    mean_about(u, a, a.shift);
    mean_about(v, b, a.shift);
    for (int64_t i = 0; i < a.dim; i++) {
        double t_i = u[i] + nb / n * (v[i] - u[i]), *row_a = a.triangle + fk_moments_row(i);
        const double *row_b = b.triangle + fk_moments_row(i);

        for (int64_t j = 0; j <= i; j++) {
            double t_j = u[j] + nb / n * (v[j] - u[j]);
            double ca = row_a[j] - a.sum[i] * a.sum[j] / na;
            double cb = row_b[j] - b.sum[i] * b.sum[j] / nb;

            row_a[j] = ca + cb + na * nb / n * ((v[i] - u[i]) * (v[j] - u[j])) + n * (t_i * t_j);
        }
    }
    for (int64_t i = 0; i < a.dim; i++)
        a.sum[i] = n * (u[i] + nb / n * (v[i] - u[i]));
}

/* ---- Covariances ---- */

/* Set the lower triangle of a [D, D], column by column, to C / (N - 1). */
static void covariance(fk_moments m, double *a)
{
    double n = (double)m.n;

    for (int64_t i = 0; i < m.dim; i++) {
        const double *row = m.triangle + fk_moments_row(i);

        for (int64_t j = 0; j <= i; j++)
            a[j * m.dim + i] = (row[j] - m.sum[i] * m.sum[j] / n) / (n - 1.0);
    }
}

void fk_moments_ask(fk_moments m, double *square, double *share, double *mu)
{
    double d = (double)m.dim, n = (double)m.n - 1.0, t = 0.0, q = 0.0, above, below;

    covariance(m, square);
    for (int64_t j = 0; j < m.dim; j++) {
        const double *column = square + j * m.dim;
        double sum = 0.0;

        for (int64_t i = j + 1; i < m.dim; i++)
            sum += column[i] * column[i];
        t += column[j];
        q += column[j] * column[j] + 2.0 * sum;
    }
    above = (1.0 - 2.0 / d) * q + t * t;
    below = (n + 1.0 - 2.0 / d) * (q - t * t / d);
    *share = below > 0.0 ? fmax(0.0, fmin(above / below, FK_MOST_SHRUNK)) : 0.0;
    *mu = t / d;
}

/* Turn a = C / n [dim, dim] into S. */
static void shrink(double *a, int64_t dim, fk_shrinkage s)
{
    for (int64_t j = 0; s.share > 0.0 && j < dim; j++)
        for (int64_t i = j; i < dim; i++)
            a[j * dim + i] *= 1.0 - s.share;
    for (int64_t i = 0; i < dim; i++)
        a[i * dim + i] += s.ridge;
}

/* Set S to ridge I, and the mean to the image, or 0 if there is none. */
static void factor_of_few(fk_moments m, double ridge, float *mean, fk_dtype type, void *factor)
{
    int64_t t = 0;

    for (int64_t j = 0; j < m.dim; j++)
        for (int64_t i = j; i < m.dim; i++)
            fk_factor_put(factor, type, t++, i == j ? sqrt(ridge) : 0.0);
    for (int64_t i = 0; i < m.dim; i++)
        mean[i] = m.n > 0 ? m.shift[i] : 0.0f;
}

bool fk_moments_factor(fk_moments m, fk_shrinkage s, double *square, float *mean, fk_dtype type,
                       void *factor)
{
    int64_t t = 0;

    if (m.n < 2) {
        factor_of_few(m, s.ridge, mean, type, factor);
        return true;
    }
    covariance(m, square);
    shrink(square, m.dim, s);
    if (!fk_linalg_cholesky(square, m.dim))
        return false;
    for (int64_t j = 0; j < m.dim; j++)
        for (int64_t i = j; i < m.dim; i++)
            fk_factor_put(factor, type, t++, square[j * m.dim + i]);
    for (int64_t i = 0; i < m.dim; i++)
        mean[i] = (float)((double)m.shift[i] + m.sum[i] / (double)m.n);
    return true;
}

/* Add the outer product of L's column k, which begins at its diagonal, with itself to L L'. */
FK_CLONES static void add_column(double *restrict triangle, const float *restrict column, int64_t k,
                                 int64_t dim)
{
    for (int64_t i = k; i < dim; i++) {
        double *row = triangle + fk_moments_row(i);
        double c = (double)column[i - k];

        for (int64_t j = k; j <= i; j++)
            row[j] += c * (double)column[j - k];
    }
}

void fk_moments_back(fk_moments m, fk_dtype type, const void *factor, float *scratch,
                     fk_shrinkage s)
{
    memset(m.triangle, 0, (size_t)fk_moments_room(m.dim) * sizeof *m.triangle);
    if (m.n < 2)
        return;
    for (int64_t k = 0, first = 0; k < m.dim; first += m.dim - k, k++)
        add_column(m.triangle, fk_factor_floats(factor, type, first, m.dim - k, scratch), k, m.dim);
    /* C = (N - 1) / (1 - share) (L L' - ridge I) */
    for (int64_t i = 0; i < m.dim; i++) {
        double *row = m.triangle + fk_moments_row(i);

        row[i] -= s.ridge;
        for (int64_t j = 0; j <= i; j++)
            row[j] *= ((double)m.n - 1.0) / (1.0 - s.share);
    }
}
