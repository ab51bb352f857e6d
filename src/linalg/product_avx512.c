/* Products with AVX-512; what they compute is in product.h.  A sum's operations are those of
 * product_avx2.c in the same order, so the bytes are the same. */
#include "linalg/product.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f")))
#define INLINE static inline __attribute__((always_inline, target("avx512f")))

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

const fk_product_kernel fk_product_avx512 = {ROWS, PANELS, product};
#endif
