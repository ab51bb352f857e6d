/* SPDX-License-Identifier: Apache-2.0 */
/* Inner loops of the native engine with AVX-512; kernels.c says what they compute.  The operations
 * on an element are those of avx2.c in the same order, so the bytes are the same. */
#include "net/native/kernels.h"

#include <stddef.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f")))
#define INLINE static inline __attribute__((always_inline, target("avx512f")))

#define FK_VECTOR __m512
#define FK_VECTOR_WIDTH 16
#define FK_VECTOR_OP(f) _mm512_##f##_ps
#include "net/native/tiles.h"

static const fk_kernels avx512 = {"AVX-512", &fk_product_avx512, finish,
                                  tile_in,   tile_out,           window_max};
#endif

const fk_kernels *fk_kernels_avx512(void)
{
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    if (__builtin_cpu_supports("avx512f"))
        return &avx512;
#endif
    return NULL;
}
