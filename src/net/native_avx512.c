/* Inner loops of the native engine with AVX-512; what they compute is in native_kernels.c.  The
 * operations on an element are those of native_avx2.c in the same order, so the bytes are the same. */
#include "net/native_kernels.h"

#include <math.h>
#include <stddef.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f")))
#define INLINE static inline __attribute__((always_inline, target("avx512f")))

#define A ((float)FK_POINT_A)
#define B ((float)FK_POINT_B)
#define A2 0.5f
#define B2 2.0f
#define A3 ((float)(FK_POINT_A * 0.5))
#define B3 ((float)(FK_POINT_B * 2.0))

/* ---- Products ---- */

/* 8 x 2 x 16 sums fill sixteen of the 32 registers; more rows would need more addresses than there
 * are registers for them. */
#define ROWS 8
#define PANELS 2

/* rows and panels are constants in each call, so that the sums stay in registers. */
INLINE void product_rows(const fk_product *p, const int rows, const int panels)
{
    const float *w = p->weight, *next = p->next;
    int64_t length = p->length, stride = p->stride, panel = panels > 1 ? p->weight_panel : 0;
    __m512 sum[ROWS][PANELS];

#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
        sum[r][0] = sum[r][1] = _mm512_setzero_ps();
    for (int64_t s = 0; s < p->n_runs; s++) {
        const float *in[ROWS];

#pragma GCC unroll 8
        for (int r = 0; r < rows; r++)
            in[r] = p->row[r] + p->offset[s];
        for (int64_t i = 0; i < length; i++, w += FK_LANES, next += stride) {
            __m512 first = _mm512_load_ps(w), second = first;

            if (panels > 1) {
                second = _mm512_load_ps(w + panel);
                _mm_prefetch((const char *)(next + panel), _MM_HINT_T1);
            }
            _mm_prefetch((const char *)next, _MM_HINT_T1);
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                __m512 x = _mm512_set1_ps(in[r][i]);

                sum[r][0] = _mm512_fmadd_ps(x, first, sum[r][0]);
                if (panels > 1)
                    sum[r][1] = _mm512_fmadd_ps(x, second, sum[r][1]);
            }
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
        _mm512_store_ps(p->out + r * FK_LANES, sum[r][0]);
        if (panels > 1)
            _mm512_store_ps(p->out + p->out_panel + r * FK_LANES, sum[r][1]);
    }
}

INLINE void product_of(const fk_product *p, const int panels)
{
    switch (p->n_rows) {
    case 1:
        product_rows(p, 1, panels);
        break;
    case 2:
        product_rows(p, 2, panels);
        break;
    case 3:
        product_rows(p, 3, panels);
        break;
    case 4:
        product_rows(p, 4, panels);
        break;
    case 5:
        product_rows(p, 5, panels);
        break;
    case 6:
        product_rows(p, 6, panels);
        break;
    case 7:
        product_rows(p, 7, panels);
        break;
    default:
        product_rows(p, ROWS, panels);
    }
}

TARGET static void product(const fk_product *p)
{
    if (p->n_panels == PANELS)
        product_of(p, PANELS);
    else
        product_of(p, 1);
}

TARGET static void finish(float *const *out, const float *sum, int64_t n_rows, const float *bias,
                          const float *const *other, bool relu)
{
    const __m512 zero = _mm512_setzero_ps(), add = _mm512_loadu_ps(bias);

    for (int64_t r = 0; r < n_rows; r++) {
        __m512 v = _mm512_add_ps(_mm512_loadu_ps(sum + r * FK_LANES), add);

        if (other != NULL)
            v = _mm512_add_ps(v, _mm512_loadu_ps(other[r]));
        _mm512_storeu_ps(out[r], relu ? _mm512_max_ps(v, zero) : v);
    }
}

/* ---- Tiles ---- */

INLINE void in_column(float *out, int64_t to, const float *d, int64_t from)
{
    const __m512 a = _mm512_set1_ps(A), b = _mm512_set1_ps(B), a2 = _mm512_set1_ps(A2),
                 b2 = _mm512_set1_ps(B2), ab = _mm512_set1_ps(A2 + B2);
    __m512 d0 = _mm512_loadu_ps(d), d1 = _mm512_loadu_ps(d + from),
           d2 = _mm512_loadu_ps(d + 2 * from), d3 = _mm512_loadu_ps(d + 3 * from),
           d4 = _mm512_loadu_ps(d + 4 * from), d5 = _mm512_loadu_ps(d + 5 * from);
    __m512 even_a = _mm512_fnmadd_ps(b2, d2, d4), odd_a = _mm512_fnmadd_ps(b2, d1, d3);
    __m512 even_b = _mm512_fnmadd_ps(a2, d2, d4), odd_b = _mm512_fnmadd_ps(a2, d1, d3);

    _mm512_storeu_ps(out, _mm512_add_ps(_mm512_fnmadd_ps(ab, d2, d0), d4));
    _mm512_storeu_ps(out + to, _mm512_fmadd_ps(a, odd_a, even_a));
    _mm512_storeu_ps(out + 2 * to, _mm512_fnmadd_ps(a, odd_a, even_a));
    _mm512_storeu_ps(out + 3 * to, _mm512_fmadd_ps(b, odd_b, even_b));
    _mm512_storeu_ps(out + 4 * to, _mm512_fnmadd_ps(b, odd_b, even_b));
    _mm512_storeu_ps(out + 5 * to, _mm512_add_ps(_mm512_fnmadd_ps(ab, d3, d1), d5));
}

TARGET static void tile_in(float *out, int64_t point, const float *in, int64_t line)
{
    _Alignas(64) float t[FK_TILE_POINTS * FK_LANES];

    for (int x = 0; x < FK_TILE_IN; x++)
        in_column(t + x * FK_LANES, FK_TILE_IN * FK_LANES, in + x * FK_LANES, line);
    for (int y = 0; y < FK_TILE_IN; y++)
        in_column(out + y * FK_TILE_IN * point, point, t + y * FK_TILE_IN * FK_LANES, FK_LANES);
}

INLINE void out_column(__m512 y[FK_TILE_OUT], const float *m, int64_t from, const int size)
{
    const __m512 a = _mm512_set1_ps(A), b = _mm512_set1_ps(B), a2 = _mm512_set1_ps(A2),
                 b2 = _mm512_set1_ps(B2), a3 = _mm512_set1_ps(A3), b3 = _mm512_set1_ps(B3);
    __m512 m0 = _mm512_loadu_ps(m), m1 = _mm512_loadu_ps(m + from),
           m2 = _mm512_loadu_ps(m + 2 * from), m3 = _mm512_loadu_ps(m + 3 * from),
           m4 = _mm512_loadu_ps(m + 4 * from), m5 = _mm512_loadu_ps(m + 5 * from);
    __m512 sum_a = _mm512_add_ps(m1, m2), difference_a = _mm512_sub_ps(m1, m2);
    __m512 sum_b = _mm512_add_ps(m3, m4), difference_b = _mm512_sub_ps(m3, m4);

    y[0] = _mm512_add_ps(m0, _mm512_add_ps(sum_a, sum_b));
    y[1] = _mm512_fmadd_ps(a, difference_a, _mm512_mul_ps(b, difference_b));
    if (size == 3) {
        y[2] = _mm512_fmadd_ps(a2, sum_a, _mm512_fmadd_ps(b2, sum_b, m5));
        return;
    }
    y[2] = _mm512_fmadd_ps(a2, sum_a, _mm512_mul_ps(b2, sum_b));
    y[3] = _mm512_fmadd_ps(a3, difference_a, _mm512_fmadd_ps(b3, difference_b, m5));
}

/* size is a constant in each call. */
INLINE void tile_of(fk_tile tile, const int size)
{
    const __m512 zero = _mm512_setzero_ps();
    _Alignas(64) float t[FK_TILE_OUT * FK_TILE_IN * FK_LANES];
    __m512 v[FK_TILE_OUT];

    /* The next tile's lines, which are far away. */
    for (int y = 0; y < size; y++)
        for (int x = size; x < 2 * size; x++)
            __builtin_prefetch(tile.out + y * tile.line + x * FK_LANES, 1);
    for (int x = 0; x < FK_TILE_IN; x++) {
        out_column(v, tile.in + x * tile.point, FK_TILE_IN * tile.point, size);
        for (int y = 0; y < size; y++)
            _mm512_store_ps(t + (y * FK_TILE_IN + x) * FK_LANES, v[y]);
    }
    for (int y = 0; y < size; y++) {
        out_column(v, t + y * FK_TILE_IN * FK_LANES, FK_LANES, size);
        for (int x = 0; x < size; x++) {
            if (tile.bias != NULL)
                v[x] = _mm512_add_ps(v[x], _mm512_loadu_ps(tile.bias));
            if (tile.other != NULL)
                v[x] = _mm512_add_ps(
                    v[x], _mm512_loadu_ps(tile.other + y * tile.other_line + x * FK_LANES));
            if (tile.relu)
                v[x] = _mm512_max_ps(v[x], zero);
            _mm512_storeu_ps(tile.out + y * tile.line + x * FK_LANES, v[x]);
        }
    }
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
    __m512 most = _mm512_set1_ps(-INFINITY);

    /* Of a pair with a NaN the second is taken, as in plain C. */
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            most = _mm512_max_ps(_mm512_loadu_ps(in + y * line + x * FK_LANES), most);
    _mm512_storeu_ps(out, most);
}

static const fk_kernels avx512 = {"AVX-512", ROWS,    PANELS,   product,
                                  finish,    tile_in, tile_out, window_max};
#endif

const fk_kernels *fk_kernels_avx512(void)
{
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    if (__builtin_cpu_supports("avx512f"))
        return &avx512;
#endif
    return NULL;
}
