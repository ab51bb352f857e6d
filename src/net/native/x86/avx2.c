/* SPDX-License-Identifier: Apache-2.0 */
/* Inner loops of the native engine with AVX2 and FMA; kernels.c says what they compute. */
#include "net/native/kernels.h"

#include <stddef.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE static inline __attribute__((always_inline, target("avx2,fma")))

#define FK_VECTOR __m256
#define FK_VECTOR_WIDTH 8
#define FK_VECTOR_OP(f) _mm256_##f##_ps
#include "net/native/tiles.h"

static const fk_kernels avx2 = {"AVX2", &fk_product_avx2, finish, tile_in, tile_out, window_max};
#endif

const fk_kernels *fk_kernels_avx2(void)
{
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &avx2;
#endif
    return NULL;
}
