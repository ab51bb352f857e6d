/* SPDX-License-Identifier: Apache-2.0 */
/* The mathematics of Winograd's tiles, and the inner loops of the native engine in plain C.
 *
 * Winograd's minimal filtering F(4, 3) computes four outputs y[x] = sum over k of g[k] d[x + k] of
 * a filter of three from six inputs with 6 multiplications instead of 12 (Winograd 1980; Lavin and
 * Gray 2016, arXiv:1509.09308).  By transposition it is Toom-Cook's product of a polynomial of
 * degree 3 with one of degree 2: both are evaluated at the points x_i = 0, a, -a, b, -b and
 * infinity, the values multiplied, and the product's six coefficients found by interpolation.
 * With N_i = product over j != i of (x_i - x_j), the finite points, and
 *
 *   y = A' ((G g) * (B' d))        * element by element
 *
 *   G_i  = (1, x_i, x_i^2) / N_i,  and (0, 0, 1) for infinity
 *   A'_r = (x_i^r), 0 at infinity but for r = 3, where it is 1
 *   B'_i = the coefficients of product over j != i of (x - x_j); for infinity of all j:
 *
 *          | a2 b2     0   -(a2+b2)     0      1   0 |        a2 = a a, b2 = b b
 *          |   0   -+a b2    -b2       +-a     1   0 |        two rows, +a and -a
 *          |   0   -+b a2    -a2       +-b     1   0 |        two rows, +b and -b
 *          |   0    a2 b2     0     -(a2+b2)   0   1 |
 *
 * F(3, 4), three outputs of a filter of four, is the product of degrees 2 and 3: the same points
 * and B', G_i = (1, x_i, x_i^2, x_i^3) / N_i, and infinity adds to the last output again.
 *
 * In two dimensions each is applied to the columns and to the rows: 36 multiplications for 16
 * outputs, which take 144 directly.  Rows of +a and -a share their even and their odd half, so a
 * transform of six inputs is 12 operations and one to four outputs 13.
 *
 * The error grows with the spread of the powers of the points.  a = 1 / sqrt 2 and b = sqrt 2 make
 * a b = 1, keep a2 and b2 exact, and lose about half a digit less than the usual 1 and 2; the
 * roundings of a and b themselves are no larger than those of any product. */
#include "net/native/kernels.h"
#include "base/clones.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

/* ---- Weights, in double ---- */

/* G of `taps` filter taps, 3 or 4, `from` apart into six values `to` apart. */
FK_INLINE void weight_column(double *restrict out, int64_t to, const double *restrict g,
                             int64_t from, int taps)
{
    /* 1 / N of 0, +-a and +-b, as a2 b2, 2 a2 (a2 - b2) and 2 b2 (b2 - a2) are 1, -1.5 and 6. */
    const double of_a = 1 / -1.5, of_b = 1 / 6.0;

    for (int o = 0; o < FK_LANES; o++) {
        double g0 = g[o], g1 = g[from + o], g2 = g[2 * from + o];
        double g3 = taps > 3 ? g[3 * from + o] : 0;
        double even_a = (g0 + 0.5 * g2) * of_a, odd_a = FK_POINT_A * of_a * (g1 + 0.5 * g3);
        double even_b = (g0 + 2.0 * g2) * of_b, odd_b = FK_POINT_B * of_b * (g1 + 2.0 * g3);

        out[o] = g0;
        out[to + o] = even_a + odd_a;
        out[2 * to + o] = even_a - odd_a;
        out[3 * to + o] = even_b + odd_b;
        out[4 * to + o] = even_b - odd_b;
        out[5 * to + o] = taps > 3 ? g3 : g2;
    }
}

FK_CLONES void fk_tile_weight(float *out, int64_t point, const float *g, int kernel)
{
    double f[FK_TILE_KERNEL * FK_TILE_KERNEL * FK_LANES];
    double t[FK_TILE_IN * FK_TILE_KERNEL * FK_LANES], u[FK_TILE_IN * FK_LANES];

    assert(kernel == 3 || kernel == 4);
    for (int i = 0; i < kernel * kernel * FK_LANES; i++)
        f[i] = (double)g[i];
    for (int x = 0; x < kernel; x++)
        weight_column(t + x * FK_LANES, kernel * FK_LANES, f + x * FK_LANES, kernel * FK_LANES,
                      kernel);
    for (int y = 0; y < FK_TILE_IN; y++) {
        weight_column(u, FK_LANES, t + y * kernel * FK_LANES, FK_LANES, kernel);
        for (int x = 0; x < FK_TILE_IN; x++)
            for (int o = 0; o < FK_LANES; o++)
                out[(y * FK_TILE_IN + x) * point + o] = (float)u[x * FK_LANES + o];
    }
}

/* ---- The rest, in vectors that every processor has ---- */

#define TARGET
#define INLINE FK_INLINE
#define FK_VECTOR four
#define FK_VECTOR_WIDTH 4
#define FK_VECTOR_OP(f) four_##f

typedef float four __attribute__((vector_size(16)));

FK_INLINE four four_loadu(const float *p)
{
    four v;

    memcpy(&v, p, sizeof v);
    return v;
}

FK_INLINE void four_storeu(float *p, four v)
{
    memcpy(p, &v, sizeof v);
}

FK_INLINE four four_max(four a, four b)
{
    for (int i = 0; i < 4; i++)
        a[i] = a[i] > b[i] ? a[i] : b[i];
    return a;
}

#define four_store four_storeu
#define four_set1(x) ((four){x, x, x, x})
#define four_setzero() four_set1(0)
#define four_add(a, b) ((a) + (b))
#define four_sub(a, b) ((a) - (b))
#define four_mul(a, b) ((a) * (b))
#define four_fmadd(a, b, c) ((a) * (b) + (c)) /* rounds twice */
#define four_fnmadd(a, b, c) ((c) - (a) * (b))
#include "net/native/tiles.h"

const fk_kernels fk_kernels_plain = {"plain C", &fk_product_plain, finish,
                                     tile_in,   tile_out,          window_max};

const fk_kernels *fk_kernels_pick(void)
{
    const fk_kernels *k = fk_kernels_avx512();

    if (k == NULL)
        k = fk_kernels_avx2();
    return k != NULL ? k : &fk_kernels_plain;
}
