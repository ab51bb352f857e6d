/* SPDX-License-Identifier: Apache-2.0 */
/* A Gaussian per position: Mahalanobis distances from its Cholesky factor.
 *
 * Distance.  d2 = (x - m)' S^-1 (x - m) = |z|^2 with L z = x - m, by forward substitution column by
 * column: once z[j] is known, column j of L times z[j] is subtracted from the right-hand side.  L
 * is stored column by column, so each factor is read once, in order, and no sum runs across a
 * vector.
 *
 * Factors in bf16 are expanded to floats, exactly, four columns at a time.  They need half the
 * memory and half its bandwidth.
 *
 * Many images.  Their right-hand sides are interleaved, and a group of columns is expanded to
 * doubles once for all of them.  The operations on each number, and their order, are those for one
 * image, so the bytes are the same.
 *
 * Neighbours.  The features of all positions q in a window about p are compared with the Gaussian
 * of p.  Its factor is read from memory once for all of them.
 *
 * Leaving one out.  S = (1 - rho) C / (N - 1) + r I; in the paper rho is 0 and r is epsilon.  Let
 * v = x - m for an image that is in m, C and N of the position k times: it has k - 1 duplicates.
 * Without them,
 *
 *     m' = m - k v / (N - k)            C' = C - k N / (N - k) v v'
 *     x - m' = N / (N - k) v
 *     S' = (1 - rho) C' / (N - k - 1) + e I = (N - 1) / (N - k - 1) (S - a v v')    with
 *     a = (1 - rho) k N / ((N - 1) (N - k))
 *     e = r (N - 1) / (N - k - 1)
 *
 * so, by Sherman and Morrison,
 *
 *     v' (S - a v v')^-1 v = d2 + a d2^2 / (1 - a d2) = d2 / (1 - a d2)
 *     d2' = (N / (N - k))^2 (N - k - 1) / (N - 1) d2 / (1 - a d2)
 *
 * and for another feature of the image, with u = x[q] - m[p] and w = u + k v / (N - k):
 *
 *     d2' = (N - k - 1) / (N - 1) (w' S^-1 w + a (w' S^-1 v)^2 / (1 - a d2))
 *
 * This is exact if two things stay the same: rho, and the ridge in units of the scatter, lambda =
 * r (N - 1) / (1 - rho), since S' is (1 - rho) / (N - k - 1) (C' + lambda I).  A fit without the
 * image would find another rho and mu.  C' >= 0 gives S - a v v' >= r I, hence
 *
 *     1 - a d2 = 1 / (1 + a v' (S - a v v')^-1 v) >= 1 / (1 + a |v|^2 / r)
 *
 * If D exceeds N, rounding may make 1 - a d2 less than this bound.  With bf16 it often does, so the
 * bound is enforced; with floats only if r is tiny, so a small constant is enough.  Duplicates that
 * are not equal to the last bit may violate the bound too, so it is enforced for them. */
#include "gauss/gauss.h"
#include "base/clones.h"
#include "base/mem.h"
#include "gauss/factor.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void fk_gauss_free(fk_gauss *g)
{
    fk_free(g->images.at);
    fk_free(g->own_mean);
    fk_free(g->own_factor);
    *g = (fk_gauss){0};
}

/* Columns that are eliminated together. */
#define GROUP 4

/* Floats that are prefetched, a few microseconds of memory bandwidth.  Each column depends on the
 * one before it, so without prefetching the memory would be idle. */
#define AHEAD 512
#define LINE 16 /* floats of a cache line */

/* Neighbours that window_of() lists at a time. */
#define SIDES 9

int64_t fk_gauss_room(const fk_gauss *g, int64_t radius)
{
    /* Right-hand sides, and for bf16 GROUP columns of floats. */
    int64_t sides = radius > 0 ? SIDES + 1 : 1;

    return fk_moments_lines((sides + (g->type != FK_F32 ? GROUP / 2 : 0)) * g->dim);
}

/* Eliminate one column: z = v[0] / L[0], and v without the column times z; returns z^2. */
FK_INLINE double eliminate(const float *column, double *restrict v, int64_t n)
{
    double z = v[0] / (double)column[0];

    for (int64_t i = 1; i < n; i++)
        v[i] -= z * (double)column[i];
    v[0] = z;
    return z * z;
}

/* Prefetch n floats at p + ahead.  Beyond the last factor this does no harm. */
FK_INLINE void prefetch(const float *p, int64_t ahead, int64_t n)
{
    for (int64_t i = ahead; i < ahead + n; i += LINE)
        __builtin_prefetch((const void *)((uintptr_t)p + (size_t)i * sizeof *p));
}

/* |z|^2 with L z = v; v [dim] becomes z.  Floats are read column by column, as one stream.  bf16 is
 * expanded into scratch [GROUP, dim], a group of columns at a time.  The columns of a group are
 * first eliminated within the group, then together from the rest of v.  That needs a quarter of the
 * loads and stores of v; the operations on each number keep their order, so the bytes are the
 * same. */
FK_CLONES static double solve(const void *restrict factor, fk_dtype type, double *restrict v,
                              int64_t dim, float *scratch)
{
    double d2 = 0.0;
    int64_t j = 0, first = 0;

    for (; type != FK_F32 && j + GROUP <= dim; j += GROUP) {
        int64_t size = GROUP * (dim - j) - GROUP * (GROUP - 1) / 2;
        const float *c0 = fk_factor_floats(factor, type, first, size, scratch);
        const float *c1 = c0 + (dim - j), *c2 = c1 + (dim - j - 1), *c3 = c2 + (dim - j - 2);
        double *rest = v + j + GROUP, z0, z1, z2, z3;
        int64_t n = dim - j - GROUP;

        d2 += eliminate(c0, v + j, GROUP);
        d2 += eliminate(c1, v + j + 1, GROUP - 1);
        d2 += eliminate(c2, v + j + 2, GROUP - 2);
        d2 += eliminate(c3, v + j + 3, 1);
        z0 = v[j];
        z1 = v[j + 1];
        z2 = v[j + 2];
        z3 = v[j + 3];
        c0 += GROUP;
        c1 += GROUP - 1;
        c2 += GROUP - 2;
        c3 += GROUP - 3;
        for (int64_t i = 0; i < n; i++)
            rest[i] = rest[i] - z0 * (double)c0[i] - z1 * (double)c1[i] - z2 * (double)c2[i] -
                      z3 * (double)c3[i];
        first += size;
    }
    for (; j < dim; first += dim - j, j++) {
        const float *column = fk_factor_floats(factor, type, first, dim - j, scratch);

        if (type == FK_F32)
            prefetch(column, AHEAD, dim - j);
        d2 += eliminate(column, v + j, dim - j);
    }
    return d2;
}

static const void *factor_at(const fk_gauss *g, int64_t p)
{
    return (const char *)g->factor + fk_factor_offset(g->type, fk_moments_size(g->dim), p);
}

/* solve() with the factor of position p; scratch is what fk_gauss_room() has for it. */
static double solve_at(const fk_gauss *g, int64_t p, double *v, double *scratch)
{
    return solve(factor_at(g, p), g->type, v, g->dim, (float *)scratch);
}

/* Images that are solved together; the next ones find the factor in the cache. */
#define ABREAST 8
/* One number of each of their right-hand sides. */
typedef double sides __attribute__((vector_size(8 * ABREAST), may_alias));

int64_t fk_gauss_many_room(const fk_gauss *g)
{
    /* Right-hand sides, and GROUP columns of doubles and of floats. */
    return (ABREAST + GROUP + GROUP / 2) * fk_moments_lines(g->dim);
}

/* As solve() for all sides at once: v [dim] becomes z, d2 their |z|^2; columns [GROUP, dim] and
 * scratch [GROUP, dim]. */
FK_CLONES static void solve_many(const void *restrict factor, fk_dtype type, sides *restrict v,
                                 double *restrict d2, int64_t dim, double *restrict columns,
                                 float *scratch)
{
    sides sum = {0};
    int64_t j = 0, first = 0;

    for (; j + GROUP <= dim; j += GROUP) {
        int64_t size = GROUP * (dim - j) - GROUP * (GROUP - 1) / 2, n = dim - j - GROUP, i = 0;
        const float *f = fk_factor_floats(factor, type, first, size, scratch);
        const double *c0 = columns, *c1 = c0 + (dim - j), *c2 = c1 + (dim - j - 1),
                     *c3 = c2 + (dim - j - 2);
        sides *rest = v + j + GROUP, z0, z1, z2, z3;

        for (int64_t k = 0; k < size; k++)
            columns[k] = (double)f[k];
        z0 = v[j] / c0[0];
        z1 = (v[j + 1] - z0 * c0[1]) / c1[0];
        z2 = (v[j + 2] - z0 * c0[2] - z1 * c1[1]) / c2[0];
        z3 = (v[j + 3] - z0 * c0[3] - z1 * c1[2] - z2 * c2[1]) / c3[0];
        sum += z0 * z0;
        sum += z1 * z1;
        sum += z2 * z2;
        sum += z3 * z3;
        v[j] = z0;
        v[j + 1] = z1;
        v[j + 2] = z2;
        v[j + 3] = z3;
        c0 += GROUP;
        c1 += GROUP - 1;
        c2 += GROUP - 2;
        c3 += GROUP - 3;
        first += size;
        for (; i + GROUP <= n; i += GROUP) { /* the next columns are prefetched meanwhile */
            if (type == FK_F32)
                prefetch((const float *)factor + first, GROUP * i, 1);
            for (int64_t k = i; k < i + GROUP; k++)
                rest[k] = rest[k] - z0 * c0[k] - z1 * c1[k] - z2 * c2[k] - z3 * c3[k];
        }
        for (; i < n; i++)
            rest[i] = rest[i] - z0 * c0[i] - z1 * c1[i] - z2 * c2[i] - z3 * c3[i];
    }
    for (; j < dim; first += dim - j, j++) {
        const float *f = fk_factor_floats(factor, type, first, dim - j, scratch);
        sides z = v[j] / (double)f[0];

        sum += z * z;
        v[j] = z;
        for (int64_t i = 1; i < dim - j; i++)
            v[j + i] -= z * (double)f[i];
    }
    memcpy(d2, &sum, sizeof sum);
}

/* How an image is left out at a position. */
typedef struct removal {
    double n, k, a; /* N, k and a as above; k is 0 if nothing is left out */
    double least;   /* lower bound of 1 - a d2 */
} removal;

/* The removal of `copies` of an image with the feature x [dim] at position p; flags say whether it
 * was learned there. */
static removal removal_at(const fk_gauss *g, const float *x, int64_t p, int64_t copies,
                          const uint8_t *flags)
{
    const fk_shrinkage s = g->shrinkage;
    int64_t most = fk_counts_at(g->images, p) - 2;
    removal r = {.n = (double)fk_counts_at(g->images, p), .least = 1e-12};
    double length = 0.0;

    if (copies == 0 || !fk_gauss_learns(flags, p))
        return r;
    r.k = (double)(copies < most ? copies : most);
    r.a = (1.0 - s.share) * r.k * r.n / ((r.n - 1.0) * (r.n - r.k));
    if (g->type == FK_F32 && copies == 1)
        return r;
    for (int64_t i = 0; i < g->dim; i++) {
        double v = (double)x[i] - (double)g->mean[p * g->dim + i];

        length += v * v;
    }
    r.least = 1.0 / (1.0 + r.a * length / s.ridge);
    return r;
}

static double without_it(double d2, removal r)
{
    double rest = fmax(1.0 - r.a * d2, r.least), f = r.n / (r.n - r.k);

    return f * f * ((r.n - r.k - 1.0) / (r.n - 1.0)) * d2 / rest;
}

/* The distance of feature x from the Gaussian of position p; d2 is its |z|^2. */
static float finish_distance(const fk_gauss *g, const float *x, int64_t p, double d2,
                             int64_t left_out, const uint8_t *flags)
{
    removal r = removal_at(g, x, p, left_out, flags);

    return (float)sqrt(r.k > 0.0 ? without_it(d2, r) : d2);
}

/* u = x - m at position p. */
static void deviation(double *u, const fk_gauss *g, const float *x, int64_t p)
{
    for (int64_t i = 0; i < g->dim; i++)
        u[i] = (double)x[i] - (double)g->mean[p * g->dim + i];
}

void fk_gauss_distance(const fk_gauss *g, const float *emb, int64_t first, int64_t last,
                       int64_t left_out, const uint8_t *flags, double *tmp, float *out)
{
    assert(left_out == 0 || g->images.n >= 3);
    for (int64_t p = first; p < last; p++) {
        const float *x = emb + p * g->dim;

        if (fk_counts_judge(g->images, p)) {
            deviation(tmp, g, x, p);
            out[p] = finish_distance(g, x, p, solve_at(g, p, tmp, tmp + g->dim), left_out, flags);
        } else {
            out[p] = 0.0f;
        }
    }
}

/* Set tmp [dim, ABREAST] to L^-1 (x - m) of n images at position p, padded with zeros to ABREAST,
 * and d2 [ABREAST] to their squared lengths. */
static void solve_abreast(const fk_gauss *g, int64_t n, const float *const *emb, int64_t p,
                          double *tmp, double *d2)
{
    int64_t dim = g->dim, room = fk_moments_lines(dim);
    const float *m = g->mean + p * dim;
    double *columns = tmp + ABREAST * room;

    if (n < ABREAST)
        memset(tmp, 0, (size_t)(ABREAST * dim) * sizeof *tmp);
    for (int64_t k = 0; k < n; k++)
        for (int64_t i = 0; i < dim; i++)
            tmp[i * ABREAST + k] = (double)emb[k][p * dim + i] - (double)m[i];
    solve_many(factor_at(g, p), g->type, (sides *)(void *)tmp, d2, dim, columns,
               (float *)(void *)(columns + GROUP * room));
}

void fk_gauss_whiten(const fk_gauss *g, int64_t n, const float *const *emb, int64_t p, double *tmp,
                     double *w)
{
    int64_t dim = g->dim;
    double d2[ABREAST];

    for (int64_t first = 0; first < n; first += ABREAST) {
        int64_t count = n - first < ABREAST ? n - first : ABREAST;

        solve_abreast(g, count, emb + first, p, tmp, d2);
        for (int64_t k = 0; k < count; k++)
            for (int64_t i = 0; i < dim; i++)
                w[(first + k) * dim + i] = tmp[i * ABREAST + k];
    }
}

/* Distances of n images at position p, n <= ABREAST. */
static void distance_abreast(const fk_gauss *g, int n, const float *const *emb, int64_t p,
                             const int64_t *left_out, const uint8_t *const *flags, double *tmp,
                             float *const *out)
{
    double d2[ABREAST] = {0.0};
    bool judged = fk_counts_judge(g->images, p);

    if (judged)
        solve_abreast(g, n, emb, p, tmp, d2);
    for (int k = 0; k < n; k++)
        out[k][p] =
            judged ? finish_distance(g, emb[k] + p * g->dim, p, d2[k], left_out[k], flags[k]) : 0;
}

void fk_gauss_distance_many(const fk_gauss *g, int n, const float *const *emb, int64_t first,
                            int64_t last, const int64_t *left_out, const uint8_t *const *flags,
                            double *tmp, float *const *out)
{
    assert(n >= 1 && n <= FK_GAUSS_IMAGES);
    for (int64_t p = first; p < last; p++)
        for (int k = 0; k < n; k += ABREAST)
            distance_abreast(g, n - k < ABREAST ? n - k : ABREAST, emb + k, p, left_out + k,
                             flags + k, tmp, out + k);
}

/* Squared distance of a neighbour with the given z when the image is left out; `own` is the z of
 * the image's feature at the position itself, d2_own its squared length. */
static double neighbour_without_it(const double *z, const double *own, double d2_own, int64_t size,
                                   removal r)
{
    double rest = fmax(1.0 - r.a * d2_own, r.least), length = 0.0, product = 0.0;

    for (int64_t i = 0; i < size; i++) {
        double w = z[i] + own[i] / ((r.n - r.k) / r.k);

        length += w * w;
        product += w * own[i];
    }
    return (r.n - r.k - 1.0) / (r.n - 1.0) * (length + r.a * product * product / rest);
}

/* List up to SIDES positions q of p's window from offset `from` on that lie on the grid, and their
 * offsets k; returns their number. */
static int window_of(fk_gauss_window w, int64_t p, int64_t from, int64_t *k, int64_t *q)
{
    int64_t side = 2 * w.radius + 1;
    int n = 0;

    for (; from < side * side && n < SIDES; from++) {
        int64_t y = p / w.width + from / side - w.radius, x = p % w.width + from % side - w.radius;

        if (y < 0 || y >= w.height || x < 0 || x >= w.width)
            continue;
        k[n] = from;
        q[n++] = y * w.width + x;
    }
    return n;
}

void fk_gauss_distance_near(const fk_gauss *g, const float *emb, fk_gauss_window w, int64_t first,
                            int64_t last, int64_t left_out, const uint8_t *flags, double *tmp,
                            float *out)
{
    int64_t size = g->dim, places = (2 * w.radius + 1) * (2 * w.radius + 1);
    double *own = tmp + SIDES * size;

    assert((left_out == 0 || g->images.n >= 3) && w.height * w.width == g->n_pos);
    for (int64_t p = first; p < last; p++) {
        int64_t k[SIDES], q[SIDES], from = 0;
        double d2_own = 0.0;
        removal r;
        int n;

        for (int64_t i = 0; i < places; i++)
            out[p * places + i] = INFINITY;
        if (!fk_counts_judge(g->images, p))
            continue;
        r = removal_at(g, emb + p * g->dim, p, left_out, flags);
        if (r.k > 0.0) {
            deviation(own, g, emb + p * g->dim, p);
            d2_own = solve_at(g, p, own, own + size);
        }
        while ((n = window_of(w, p, from, k, q)) > 0) {
            for (int i = 0; i < n; i++) {
                double *z = tmp + i * size, d2;

                deviation(z, g, emb + q[i] * g->dim, p);
                d2 = solve_at(g, p, z, own + size);
                if (r.k > 0.0 && q[i] == p)
                    d2 = without_it(d2, r);
                else if (r.k > 0.0)
                    d2 = neighbour_without_it(z, own, d2_own, size, r);
                out[p * places + k[i]] = (float)sqrt(d2);
            }
            from = k[n - 1] + 1;
        }
    }
}
