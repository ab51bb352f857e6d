/* Inner loops of the native engine in plain C, and the mathematics of Winograd's tiles.
 *
 * Winograd's minimal filtering F(4, 3) computes four outputs y[x] = sum over k of g[k] d[x + k] of a
 * filter of three from six inputs with 6 multiplications instead of 12 (Winograd 1980; Lavin and
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
 * F(3, 4), three outputs of a filter of four, is the product of degrees 2 and 3: the same points and B',
 * G_i = (1, x_i, x_i^2, x_i^3) / N_i, and infinity adds to the last output again.
 *
 * In two dimensions each is applied to the columns and to the rows: 36 multiplications for 16
 * outputs, which take 144 directly.  Rows of +a and -a share their even and their odd half, so a
 * transform of six inputs is 12 operations and one to four outputs 13.
 *
 * The error grows with the spread of the powers of the points.  a = 1 / sqrt 2 and b = sqrt 2 make
 * a b = 1, keep a2 and b2 exact, and lose about half a digit less than the usual 1 and 2; the
 * roundings of a and b themselves are no larger than those of any product. */
#include "net/native_kernels.h"
#include "base/clones.h"
#include "net/native_tiles.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

/* ---- Weights, in double ---- */

/* G of `taps` filter taps, 3 or 4, `from` apart into six values `to` apart. */
FK_INLINE void weight_column(double *restrict out, int64_t to, const double *restrict g,
                             int64_t from, int taps)
{
    /* 1 / N of 0, +-a and +-b: a2 b2, 2 a2 (a2 - b2) and 2 b2 (b2 - a2) are 1, -1.5 and 6. */
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

/* ---- What follows a product ---- */

static void finish(float *const *out, const float *sum, int64_t n_rows, const float *bias,
                   const float *const *other, bool relu)
{
    for (int64_t r = 0; r < n_rows; r++)
        for (int o = 0; o < FK_LANES; o++) {
            float v = sum[r * FK_LANES + o] + bias[o];

            if (other != NULL)
                v += other[r][o];
            out[r][o] = relu && !(v > 0) ? 0 : v;
        }
}

/* ---- Tiles ---- */

/* B' of six inputs `from` apart into six `to` apart. */
static void in_column(float *out, int64_t to, const float *in, int64_t from)
{
    for (int o = 0; o < FK_LANES; o++) {
        const float *d = in + o;
        float d1 = d[from], d2 = d[2 * from], d3 = d[3 * from], d4 = d[4 * from];
        float even_a = d4 - B2 * d2, odd_a = A * (d3 - B2 * d1);
        float even_b = d4 - A2 * d2, odd_b = B * (d3 - A2 * d1);

        out[o] = d[0] - (A2 + B2) * d2 + d4;
        out[to + o] = even_a + odd_a;
        out[2 * to + o] = even_a - odd_a;
        out[3 * to + o] = even_b + odd_b;
        out[4 * to + o] = even_b - odd_b;
        out[5 * to + o] = d1 - (A2 + B2) * d3 + d[5 * from];
    }
}

static void tile_in(float *out, int64_t point, const float *in, int64_t line)
{
    float t[FK_TILE_POINTS * FK_LANES];

    for (int x = 0; x < FK_TILE_IN; x++)
        in_column(t + x * FK_LANES, FK_TILE_IN * FK_LANES, in + x * FK_LANES, line);
    for (int y = 0; y < FK_TILE_IN; y++)
        in_column(out + y * FK_TILE_IN * point, point, t + y * FK_TILE_IN * FK_LANES, FK_LANES);
}

/* A' of six products `from` apart into `size` outputs `to` apart. */
static void out_column(float *out, int64_t to, const float *in, int64_t from, int size)
{
    for (int o = 0; o < FK_LANES; o++) {
        const float *m = in + o;
        float sum_a = m[from] + m[2 * from], difference_a = m[from] - m[2 * from];
        float sum_b = m[3 * from] + m[4 * from], difference_b = m[3 * from] - m[4 * from];

        out[o] = m[0] + (sum_a + sum_b);
        out[to + o] = A * difference_a + B * difference_b;
        if (size == 3) {
            out[2 * to + o] = A2 * sum_a + (B2 * sum_b + m[5 * from]);
            continue;
        }
        out[2 * to + o] = A2 * sum_a + B2 * sum_b;
        out[3 * to + o] = A3 * difference_a + (B3 * difference_b + m[5 * from]);
    }
}

static void tile_out(const fk_tile *tile)
{
    float t[FK_TILE_OUT * FK_TILE_IN * FK_LANES], row[FK_TILE_OUT * FK_LANES];

    for (int x = 0; x < FK_TILE_IN; x++)
        out_column(t + x * FK_LANES, FK_TILE_IN * FK_LANES, tile->in + x * tile->point,
                   FK_TILE_IN * tile->point, tile->size);
    for (int y = 0; y < tile->size; y++) {
        float *out[FK_TILE_OUT];
        const float *other[FK_TILE_OUT];

        out_column(row, FK_LANES, t + y * FK_TILE_IN * FK_LANES, FK_LANES, tile->size);
        for (int x = 0; x < tile->size; x++) {
            out[x] = tile->out + y * tile->line + x * FK_LANES;
            if (tile->other != NULL)
                other[x] = tile->other + y * tile->other_line + x * FK_LANES;
        }
        if (tile->bias != NULL)
            finish(out, row, tile->size, tile->bias, tile->other != NULL ? other : NULL,
                   tile->relu);
        else
            memcpy(out[0], row, (size_t)tile->size * FK_LANES * sizeof *row);
    }
}

static void window_max(float *out, const float *in, int64_t line, int64_t height, int64_t width)
{
    for (int o = 0; o < FK_LANES; o++) {
        float most = -INFINITY;

        for (int64_t y = 0; y < height; y++)
            for (int64_t x = 0; x < width; x++) {
                float v = in[y * line + x * FK_LANES + o];

                most = v > most ? v : most;
            }
        out[o] = most;
    }
}

const fk_kernels fk_kernels_plain = {"plain C", &fk_product_plain, finish,
                                     tile_in,   tile_out,          window_max};

const fk_kernels *fk_kernels_pick(void)
{
    const fk_kernels *k = fk_kernels_avx512();

    if (k == NULL)
        k = fk_kernels_avx2();
    return k != NULL ? k : &fk_kernels_plain;
}
