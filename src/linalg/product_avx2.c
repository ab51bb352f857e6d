/* Products with AVX2 and FMA; what they compute is in product.h. */
#include "linalg/product.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE static inline __attribute__((always_inline, target("avx2,fma")))

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

const fk_product_kernel fk_product_avx2 = {ROWS, 1, product};
#endif
