/* SPDX-License-Identifier: Apache-2.0 */
/* Products with AVX-512; product.h says what they compute.  The bytes are those of AVX2. */
#include "linalg/product.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f")))
#define INLINE static inline __attribute__((always_inline, target("avx512f")))

/* 8 x 2 x 16 sums fill sixteen of the 32 registers.  More rows would need more addresses than fit
 * into registers. */
#define ROWS 8
#define PANELS 2
#define FK_VECTOR __m512
#define FK_VECTOR_WIDTH 16
#define FK_VECTOR_OP(f) _mm512_##f##_ps
#include "linalg/product_rows.h"

const fk_product_kernel fk_product_avx512 = {ROWS, PANELS, product};
#endif
