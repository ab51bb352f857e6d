/* One position's Gaussian: moments from images, their merging, and the factor of the covariance.
 *
 * Moments.  With a shift c (the first image), y = x - c, and over N images
 *
 *     sum = sum of y          triangle = sum of y y'
 *     m = c + sum / N         C = sum of (x - m)(x - m)' = triangle - sum sum' / N
 *
 * The plain formula C = sum of x x' - N m m' loses the digits by which |m| exceeds the deviations;
 * about a shift that is itself one of the samples the loss is nil: y is as large as the deviations
 * are.  Unlike Welford's recurrence, every image costs one multiply-add an element, and an element
 * is a sum over images in order, whatever the calls it came in and whoever computed it.
 *
 * Covariance and factor.  S = C / (N - 1) + epsilon I = L L'.  Fewer than 2 images say nothing of it:
 * S = epsilon I, about the one there is, gives back the moments of it, or of none.
 *
 * Merging.  With d = mB - mA (Chan, Golub and LeVeque 1979, eq. 2.1):
 *
 *     C = CA + CB + NA NB / N d d'       m = mA + NB / N d
 *
 * and about A's shift c again: t = m - c, sum = N t, triangle = C + N t t'. */
#include "method/gauss_moments.h"
#include "base/clones.h"
#include "linalg/linalg.h"
#include "method/gauss_factor.h"

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

/* Columns [n, dim] of a group lie line by line: number j of column k at (j / WIDE * n + k) * WIDE + j % WIDE, zeros
 * behind dim.  So what a tile of the triangle needs, WIDE rows of one or two lines, is contiguous. */
#define WIDE FK_MOMENTS_WIDE

/* One line of a row, or of a column. */
typedef double wide __attribute__((vector_size(WIDE * sizeof(double)), may_alias));

/* Add the outer products of lines left [n, WIDE] and right [n_lines][n, WIDE] to the first of `rows` rows of a
 * triangle from row, row_line lines apart, in the order of the n.  rows, n_lines are constants wherever it is called: as many sums
 * as the registers hold.  What lies `ahead` lines behind, the next position's, is asked for. */
FK_INLINE void add_tile(wide *row, int64_t row_line, const double *left, const wide *right,
                        int64_t n, const int rows, const int n_lines, int64_t ahead)
{
    wide s[WIDE][2];

#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 2
        for (int l = 0; l < n_lines; l++) {
            s[r][l] = row[r * row_line + l];
            __builtin_prefetch(row + r * row_line + l + ahead, 1, 2);
        }
    }
    for (int64_t k = 0; k < n; k++) {
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
#pragma GCC unroll 2
            for (int l = 0; l < n_lines; l++)
                s[r][l] += left[k * WIDE + r] * right[l * n + k];
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 2
        for (int l = 0; l < n_lines; l++)
            row[r * row_line + l] = s[r][l];
    }
}

/* Rows i to i + rows - 1, which are equally long. */
FK_INLINE void add_rows(double *triangle, const double *y, int64_t i, int64_t n, const int rows,
                        const int n_lines, int64_t ahead)
{
    wide *row = (wide *)(triangle + fk_moments_row(i));
    const double *left = y + i / WIDE * n * WIDE + i % WIDE;
    const wide *right = (const wide *)y;
    int64_t lines = i / WIDE + 1, l = 0;

    for (; l + n_lines <= lines; l += n_lines)
        add_tile(row + l, lines, left, right + l * n, n, rows, n_lines, ahead);
    if (l < lines)
        add_tile(row + l, lines, left, right + l * n, n, rows, 1, ahead);
}

/* Add the outer products of n columns y to a triangle, in order, in tiles of rows x n_lines lines, which are
 * constants; rows divides WIDE. */
FK_INLINE void add_outer(double *triangle, const double *y, int64_t dim, int64_t n, const int rows,
                         const int n_lines)
{
    int64_t ahead = fk_moments_room(dim) / WIDE, i = 0;

    for (; i + rows <= dim; i += rows)
        add_rows(triangle, y, i, n, rows, n_lines, ahead);
    for (; i < dim; i++)
        add_rows(triangle, y, i, n, 1, n_lines, ahead);
}

/* Sixteen sums of AVX-512's 32 registers. */
FK_CLONES static void add_broad(double *triangle, const double *y, int64_t dim, int64_t n)
{
    add_outer(triangle, y, dim, n, 8, 2);
}

/* Eight of half the width, of 16 registers. */
FK_CLONES static void add_narrow(double *triangle, const double *y, int64_t dim, int64_t n)
{
    add_outer(triangle, y, dim, n, 4, 1);
}

static bool has_broad(void)
{
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    return __builtin_cpu_supports("avx512f");
#else
    return false;
#endif
}

/* Numbers of a line as they lie in embeddings and sums. */
typedef float narrow __attribute__((vector_size(WIDE * sizeof(float)), may_alias, aligned(4)));
typedef double loose __attribute__((vector_size(WIDE * sizeof(double)), may_alias, aligned(8)));

/* y, n * WIDE apart a line, = x - shift, which goes into the sum.  The next position's numbers, which lie behind
 * these, are asked for. */
FK_CLONES static void subtract_shift(double *restrict y, int64_t n, double *restrict sum,
                                     const float *restrict x, const float *restrict shift,
                                     int64_t dim)
{
    int64_t whole = dim / WIDE * WIDE;

    for (int64_t j = 0; j < whole; j += WIDE, y += n * WIDE) {
        wide difference = __builtin_convertvector(*(const narrow *)(x + j), wide) -
                          __builtin_convertvector(*(const narrow *)(shift + j), wide);

        __builtin_prefetch(x + dim + j);
        *(wide *)y = difference;
        *(loose *)(sum + j) += difference;
    }
    for (int64_t l = 0; whole < dim && l < WIDE; l++) {
        int64_t j = whole + l;

        y[l] = j < dim ? (double)x[j] - (double)shift[j] : 0;
        if (j < dim)
            sum[j] += y[l];
    }
}

void fk_moments_add(fk_moments m, const float *const *images, int64_t n, int64_t offset, double *y)
{
    bool broad = has_broad();

    for (int64_t i = 0, group; i < n; i += group) {
        group = n - i < FK_MOMENTS_GROUP ? n - i : FK_MOMENTS_GROUP;
        for (int64_t k = 0; k < group; k++)
            subtract_shift(y + k * WIDE, group, m.sum, images[i + k] + offset, m.shift, m.dim);
        if (broad)
            add_broad(m.triangle, y, m.dim, group);
        else
            add_narrow(m.triangle, y, m.dim, group);
    }
}

/* ---- The rest ---- */

/* The mean of m about another shift. */
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

/* a [D, D], its lower triangle column by column, becomes the covariance. */
static void covariance(fk_moments m, double epsilon, double *a)
{
    double n = (double)m.n;

    for (int64_t i = 0; i < m.dim; i++) {
        const double *row = m.triangle + fk_moments_row(i);

        for (int64_t j = 0; j <= i; j++)
            a[j * m.dim + i] = (row[j] - m.sum[i] * m.sum[j] / n) / (n - 1.0);
        a[i * m.dim + i] += epsilon;
    }
}

/* epsilon I about the image, or 0 where there is none. */
static void factor_of_few(fk_moments m, double epsilon, float *mean, fk_dtype type, void *factor)
{
    int64_t t = 0;

    for (int64_t j = 0; j < m.dim; j++)
        for (int64_t i = j; i < m.dim; i++)
            fk_factor_put(factor, type, t++, i == j ? sqrt(epsilon) : 0.0);
    for (int64_t i = 0; i < m.dim; i++)
        mean[i] = m.n > 0 ? m.shift[i] : 0.0f;
}

bool fk_moments_factor(fk_moments m, double epsilon, double *square, float *mean, fk_dtype type,
                       void *factor)
{
    int64_t t = 0;

    if (m.n < 2) {
        factor_of_few(m, epsilon, mean, type, factor);
        return true;
    }
    covariance(m, epsilon, square);
    if (!fk_linalg_cholesky(square, m.dim))
        return false;
    for (int64_t j = 0; j < m.dim; j++)
        for (int64_t i = j; i < m.dim; i++)
            fk_factor_put(factor, type, t++, square[j * m.dim + i]);
    for (int64_t i = 0; i < m.dim; i++)
        mean[i] = (float)((double)m.shift[i] + m.sum[i] / (double)m.n);
    return true;
}

/* Add L's column k, which begins at its diagonal, times itself to the lower right of L L'. */
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

void fk_moments_back(fk_moments m, fk_dtype type, const void *factor, float *room, double epsilon)
{
    memset(m.triangle, 0, (size_t)fk_moments_room(m.dim) * sizeof *m.triangle);
    if (m.n < 2)
        return;
    for (int64_t k = 0, first = 0; k < m.dim; first += m.dim - k, k++)
        add_column(m.triangle, fk_factor_floats(factor, type, first, m.dim - k, room), k, m.dim);
    /* (N - 1) (L L' - epsilon I), the co-moments about the mean. */
    for (int64_t i = 0; i < m.dim; i++) {
        double *row = m.triangle + fk_moments_row(i);

        row[i] -= epsilon;
        for (int64_t j = 0; j <= i; j++)
            row[j] *= (double)m.n - 1.0;
    }
}
