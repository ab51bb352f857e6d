/* Inner loops of the native engine with AVX2 and FMA; what they compute is in native_kernels.c. */
#include "net/native_kernels.h"

#include <math.h>
#include <stddef.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE static inline __attribute__((always_inline, target("avx2,fma")))

#define A ((float)FK_POINT_A)
#define B ((float)FK_POINT_B)
#define A2 0.5f
#define B2 2.0f
#define A3 ((float)(FK_POINT_A * 0.5))
#define B3 ((float)(FK_POINT_B * 2.0))

/* ---- Products ---- */

/* 6 x 16 sums fill twelve of the sixteen registers. */
#define ROWS 6

/* rows is a constant in each call, so that the sums stay in registers. */
INLINE void product_rows(const fk_product *p, const int rows)
{
    const float *w = p->weight, *next = p->next;
    int64_t length = p->length, stride = p->stride;
    __m256 sum[ROWS][2];

#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
        sum[r][0] = sum[r][1] = _mm256_setzero_ps();
    for (int64_t s = 0; s < p->n_runs; s++) {
        const float *in[ROWS];

#pragma GCC unroll 6
        for (int r = 0; r < rows; r++)
            in[r] = p->row[r] + p->offset[s];
        for (int64_t i = 0; i < length; i++, w += FK_LANES, next += stride) {
            __m256 low = _mm256_load_ps(w), high = _mm256_load_ps(w + 8);

            _mm_prefetch((const char *)next, _MM_HINT_T1);
#pragma GCC unroll 6
            for (int r = 0; r < rows; r++) {
                __m256 x = _mm256_broadcast_ss(in[r] + i);

                sum[r][0] = _mm256_fmadd_ps(x, low, sum[r][0]);
                sum[r][1] = _mm256_fmadd_ps(x, high, sum[r][1]);
            }
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++) {
        _mm256_store_ps(p->out + r * FK_LANES, sum[r][0]);
        _mm256_store_ps(p->out + r * FK_LANES + 8, sum[r][1]);
    }
}

TARGET static void product(const fk_product *p)
{
    switch (p->n_rows) {
    case 1:
        product_rows(p, 1);
        break;
    case 2:
        product_rows(p, 2);
        break;
    case 3:
        product_rows(p, 3);
        break;
    case 4:
        product_rows(p, 4);
        break;
    case 5:
        product_rows(p, 5);
        break;
    default:
        product_rows(p, ROWS);
    }
}

TARGET static void finish(float *const *out, const float *sum, int64_t n_rows, const float *bias,
                          const float *const *other, bool relu)
{
    const __m256 zero = _mm256_setzero_ps();

    for (int64_t r = 0; r < n_rows; r++)
        for (int half = 0; half < FK_LANES; half += 8) {
            __m256 v = _mm256_add_ps(_mm256_loadu_ps(sum + r * FK_LANES + half),
                                     _mm256_loadu_ps(bias + half));

            if (other != NULL)
                v = _mm256_add_ps(v, _mm256_loadu_ps(other[r] + half));
            _mm256_storeu_ps(out[r] + half, relu ? _mm256_max_ps(v, zero) : v);
        }
}

/* ---- Tiles, half of the lanes at a time ---- */

INLINE void in_column(float *out, int64_t to, const float *d, int64_t from)
{
    const __m256 a = _mm256_set1_ps(A), b = _mm256_set1_ps(B), a2 = _mm256_set1_ps(A2),
                 b2 = _mm256_set1_ps(B2), ab = _mm256_set1_ps(A2 + B2);
    __m256 d0 = _mm256_loadu_ps(d), d1 = _mm256_loadu_ps(d + from),
           d2 = _mm256_loadu_ps(d + 2 * from), d3 = _mm256_loadu_ps(d + 3 * from),
           d4 = _mm256_loadu_ps(d + 4 * from), d5 = _mm256_loadu_ps(d + 5 * from);
    __m256 even_a = _mm256_fnmadd_ps(b2, d2, d4), odd_a = _mm256_fnmadd_ps(b2, d1, d3);
    __m256 even_b = _mm256_fnmadd_ps(a2, d2, d4), odd_b = _mm256_fnmadd_ps(a2, d1, d3);

    _mm256_storeu_ps(out, _mm256_add_ps(_mm256_fnmadd_ps(ab, d2, d0), d4));
    _mm256_storeu_ps(out + to, _mm256_fmadd_ps(a, odd_a, even_a));
    _mm256_storeu_ps(out + 2 * to, _mm256_fnmadd_ps(a, odd_a, even_a));
    _mm256_storeu_ps(out + 3 * to, _mm256_fmadd_ps(b, odd_b, even_b));
    _mm256_storeu_ps(out + 4 * to, _mm256_fnmadd_ps(b, odd_b, even_b));
    _mm256_storeu_ps(out + 5 * to, _mm256_add_ps(_mm256_fnmadd_ps(ab, d3, d1), d5));
}

TARGET static void tile_in(float *out, int64_t point, const float *in, int64_t line)
{
    float t[FK_TILE_POINTS * 8];

    for (int half = 0; half < FK_LANES; half += 8) {
        for (int x = 0; x < FK_TILE_IN; x++)
            in_column(t + x * 8, FK_TILE_IN * 8, in + x * FK_LANES + half, line);
        for (int y = 0; y < FK_TILE_IN; y++)
            in_column(out + y * FK_TILE_IN * point + half, point, t + y * FK_TILE_IN * 8, 8);
    }
}

INLINE void out_column(__m256 y[FK_TILE_OUT], const float *m, int64_t from, const int size)
{
    const __m256 a = _mm256_set1_ps(A), b = _mm256_set1_ps(B), a2 = _mm256_set1_ps(A2),
                 b2 = _mm256_set1_ps(B2), a3 = _mm256_set1_ps(A3), b3 = _mm256_set1_ps(B3);
    __m256 m0 = _mm256_loadu_ps(m), m1 = _mm256_loadu_ps(m + from),
           m2 = _mm256_loadu_ps(m + 2 * from), m3 = _mm256_loadu_ps(m + 3 * from),
           m4 = _mm256_loadu_ps(m + 4 * from), m5 = _mm256_loadu_ps(m + 5 * from);
    __m256 sum_a = _mm256_add_ps(m1, m2), difference_a = _mm256_sub_ps(m1, m2);
    __m256 sum_b = _mm256_add_ps(m3, m4), difference_b = _mm256_sub_ps(m3, m4);

    y[0] = _mm256_add_ps(m0, _mm256_add_ps(sum_a, sum_b));
    y[1] = _mm256_fmadd_ps(a, difference_a, _mm256_mul_ps(b, difference_b));
    if (size == 3) {
        y[2] = _mm256_fmadd_ps(a2, sum_a, _mm256_fmadd_ps(b2, sum_b, m5));
        return;
    }
    y[2] = _mm256_fmadd_ps(a2, sum_a, _mm256_mul_ps(b2, sum_b));
    y[3] = _mm256_fmadd_ps(a3, difference_a, _mm256_fmadd_ps(b3, difference_b, m5));
}

/* size is a constant in each call. */
INLINE void tile_of(const fk_tile *tile, const int size)
{
    const __m256 zero = _mm256_setzero_ps();
    _Alignas(64) float t[FK_TILE_OUT * FK_TILE_IN * 8];
    __m256 v[FK_TILE_OUT];

    for (int half = 0; half < FK_LANES; half += 8) {
        for (int x = 0; x < FK_TILE_IN; x++) {
            out_column(v, tile->in + x * tile->point + half, FK_TILE_IN * tile->point, size);
            for (int y = 0; y < size; y++)
                _mm256_store_ps(t + (y * FK_TILE_IN + x) * 8, v[y]);
        }
        for (int y = 0; y < size; y++) {
            out_column(v, t + y * FK_TILE_IN * 8, 8, size);
            for (int x = 0; x < size; x++) {
                if (tile->bias != NULL)
                    v[x] = _mm256_add_ps(v[x], _mm256_loadu_ps(tile->bias + half));
                if (tile->other != NULL)
                    v[x] = _mm256_add_ps(v[x], _mm256_loadu_ps(tile->other + y * tile->other_line +
                                                               x * FK_LANES + half));
                if (tile->relu)
                    v[x] = _mm256_max_ps(v[x], zero);
                _mm256_storeu_ps(tile->out + y * tile->line + x * FK_LANES + half, v[x]);
            }
        }
    }
}

TARGET static void tile_out(const fk_tile *tile)
{
    if (tile->size == 3)
        tile_of(tile, 3);
    else
        tile_of(tile, FK_TILE_OUT);
}

TARGET static void window_max(float *out, const float *in, int64_t line, int64_t height,
                              int64_t width)
{
    __m256 low = _mm256_set1_ps(-INFINITY), high = low;

    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            const float *v = in + y * line + x * FK_LANES;

            /* Of a pair with a NaN the second is taken, as in plain C. */
            low = _mm256_max_ps(_mm256_loadu_ps(v), low);
            high = _mm256_max_ps(_mm256_loadu_ps(v + 8), high);
        }
    _mm256_storeu_ps(out, low);
    _mm256_storeu_ps(out + 8, high);
}

static const fk_kernels avx2 = {"AVX2", ROWS, 1, product, finish, tile_in, tile_out, window_max};
#endif

const fk_kernels *fk_kernels_avx2(void)
{
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &avx2;
#endif
    return NULL;
}
