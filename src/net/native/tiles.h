/* SPDX-License-Identifier: Apache-2.0 */
/* What the native engine computes beside products, with vectors of any width.  The file of each
 * kind of processor includes this once and defines
 *
 *   FK_VECTOR        the type of a vector of FK_VECTOR_WIDTH floats
 *   FK_VECTOR_OP(f)  the compiler's function f for it: add, fmadd, loadu, ...
 *   TARGET, INLINE   for functions, and for such that are compiled along with their callers
 *
 * FK_LANES channels are FK_LANES / FK_VECTOR_WIDTH vectors, which are computed one after the other.
 * kernels.c says what is computed.  Each element has the same operations, whatever the width. */
#ifdef FK_VECTOR

#include "net/native/kernels.h"

#include <math.h>
#include <stddef.h>

/* Coefficients of the transforms. */
#define A ((float)FK_POINT_A)
#define B ((float)FK_POINT_B)
#define A2 0.5f
#define B2 2.0f
#define A3 ((float)(FK_POINT_A * 0.5))
#define B3 ((float)(FK_POINT_B * 2.0))

#define V FK_VECTOR_OP
#define WIDTH FK_VECTOR_WIDTH

TARGET static void finish(float *const *out, const float *sum, int64_t n_rows, const float *bias,
                          const float *const *other, bool relu)
{
    const FK_VECTOR zero = V(setzero)();

    for (int64_t r = 0; r < n_rows; r++)
        for (int part = 0; part < FK_LANES; part += WIDTH) {
            FK_VECTOR v = V(add)(V(loadu)(sum + r * FK_LANES + part), V(loadu)(bias + part));

            if (other != NULL)
                v = V(add)(v, V(loadu)(other[r] + part));
            V(storeu)(out[r] + part, relu ? V(max)(v, zero) : v);
        }
}

INLINE void in_column(float *out, int64_t to, const float *d, int64_t from)
{
    const FK_VECTOR a = V(set1)(A), b = V(set1)(B), a2 = V(set1)(A2), b2 = V(set1)(B2),
                    ab = V(set1)(A2 + B2);
    FK_VECTOR d0 = V(loadu)(d), d1 = V(loadu)(d + from), d2 = V(loadu)(d + 2 * from),
              d3 = V(loadu)(d + 3 * from), d4 = V(loadu)(d + 4 * from), d5 = V(loadu)(d + 5 * from);
    FK_VECTOR even_a = V(fnmadd)(b2, d2, d4), odd_a = V(fnmadd)(b2, d1, d3);
    FK_VECTOR even_b = V(fnmadd)(a2, d2, d4), odd_b = V(fnmadd)(a2, d1, d3);

    V(storeu)(out, V(add)(V(fnmadd)(ab, d2, d0), d4));
    V(storeu)(out + to, V(fmadd)(a, odd_a, even_a));
    V(storeu)(out + 2 * to, V(fnmadd)(a, odd_a, even_a));
    V(storeu)(out + 3 * to, V(fmadd)(b, odd_b, even_b));
    V(storeu)(out + 4 * to, V(fnmadd)(b, odd_b, even_b));
    V(storeu)(out + 5 * to, V(add)(V(fnmadd)(ab, d3, d1), d5));
}

TARGET static void tile_in(float *out, int64_t point, const float *in, int64_t line)
{
    _Alignas(64) float t[FK_TILE_POINTS * WIDTH];

    for (int part = 0; part < FK_LANES; part += WIDTH) {
        for (int x = 0; x < FK_TILE_IN; x++)
            in_column(t + x * WIDTH, FK_TILE_IN * WIDTH, in + x * FK_LANES + part, line);
        for (int y = 0; y < FK_TILE_IN; y++)
            in_column(out + y * FK_TILE_IN * point + part, point, t + y * FK_TILE_IN * WIDTH,
                      WIDTH);
    }
}

/* size is a constant in each call. */
INLINE void out_column(FK_VECTOR y[FK_TILE_OUT], const float *m, int64_t from, const int size)
{
    const FK_VECTOR a = V(set1)(A), b = V(set1)(B), a2 = V(set1)(A2), b2 = V(set1)(B2),
                    a3 = V(set1)(A3), b3 = V(set1)(B3);
    FK_VECTOR m0 = V(loadu)(m), m1 = V(loadu)(m + from), m2 = V(loadu)(m + 2 * from),
              m3 = V(loadu)(m + 3 * from), m4 = V(loadu)(m + 4 * from), m5 = V(loadu)(m + 5 * from);
    FK_VECTOR sum_a = V(add)(m1, m2), difference_a = V(sub)(m1, m2);
    FK_VECTOR sum_b = V(add)(m3, m4), difference_b = V(sub)(m3, m4);

    y[0] = V(add)(m0, V(add)(sum_a, sum_b));
    y[1] = V(fmadd)(a, difference_a, V(mul)(b, difference_b));
    if (size == 3) {
        y[2] = V(fmadd)(a2, sum_a, V(fmadd)(b2, sum_b, m5));
        return;
    }
    y[2] = V(fmadd)(a2, sum_a, V(mul)(b2, sum_b));
    y[3] = V(fmadd)(a3, difference_a, V(fmadd)(b3, difference_b, m5));
}

/* One part of a tile; size is a constant in each call. */
INLINE void part_out(const fk_tile *tile, const int size, const int part)
{
    const FK_VECTOR zero = V(setzero)();
    _Alignas(64) float t[FK_TILE_OUT * FK_TILE_IN * WIDTH];
    FK_VECTOR v[FK_TILE_OUT];

    for (int x = 0; x < FK_TILE_IN; x++) {
        out_column(v, tile->in + x * tile->point + part, FK_TILE_IN * tile->point, size);
        for (int y = 0; y < size; y++)
            V(store)(t + (y * FK_TILE_IN + x) * WIDTH, v[y]);
    }
    for (int y = 0; y < size; y++) {
        out_column(v, t + y * FK_TILE_IN * WIDTH, WIDTH, size);
        for (int x = 0; x < size; x++) {
            int64_t at = x * FK_LANES + part;

            if (tile->bias != NULL)
                v[x] = V(add)(v[x], V(loadu)(tile->bias + part));
            if (tile->other != NULL)
                v[x] = V(add)(v[x], V(loadu)(tile->other + y * tile->other_line + at));
            if (tile->relu)
                v[x] = V(max)(v[x], zero);
            V(storeu)(tile->out + y * tile->line + at, v[x]);
        }
    }
}

INLINE void tile_of(fk_tile tile, const int size)
{
    /* Prefetch the next tile's lines, which are far away. */
    for (int y = 0; y < size; y++)
        for (int x = size; x < 2 * size; x++)
            __builtin_prefetch(tile.out + y * tile.line + x * FK_LANES, 1);
    for (int part = 0; part < FK_LANES; part += WIDTH)
        part_out(&tile, size, part);
}

TARGET static void tile_out(const fk_tile *tile)
{
    if (tile->size == 3)
        tile_of(*tile, 3);
    else
        tile_of(*tile, FK_TILE_OUT);
}

TARGET static void window_max(float *out, const float *in, int64_t line, int64_t height,
                              int64_t width)
{
    for (int part = 0; part < FK_LANES; part += WIDTH) {
        FK_VECTOR most = V(set1)(-INFINITY);

        /* Of a pair with a NaN the result is the second, as in plain C. */
        for (int64_t y = 0; y < height; y++)
            for (int64_t x = 0; x < width; x++)
                most = V(max)(V(loadu)(in + y * line + x * FK_LANES + part), most);
        V(storeu)(out + part, most);
    }
}

#endif
