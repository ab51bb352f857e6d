/* SPDX-License-Identifier: Apache-2.0 */
/* Products with AVX2 and FMA; product.h says what they compute. */
#include "linalg/product.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE static inline __attribute__((always_inline, target("avx2,fma")))

/* 6 x 16 sums fill twelve of the sixteen registers. */
#define ROWS 6
#define PANELS 1
#define FK_VECTOR __m256
#define FK_VECTOR_WIDTH 8
#define FK_VECTOR_OP(f) _mm256_##f##_ps
#include "linalg/product_rows.h"

const fk_product_kernel fk_product_avx2 = {ROWS, PANELS, product};
#endif
