/* Distances from Gaussians that keep images, with AVX-512; see gauss_rows_kernel.h. */
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define TARGET __attribute__((target("avx512f")))
#define INLINE static inline __attribute__((always_inline, target("avx512f")))
#define FK_ROWS_WIDTH 16
#define FK_ROWS_SUMS 8
#endif
#include "method/gauss_rows_kernel.h"

#include <stddef.h>

fk_rows_solve_fn *fk_rows_solve_avx512(void)
{
#ifdef FK_ROWS_WIDTH
    if (__builtin_cpu_supports("avx512f"))
        return solve;
#endif
    return NULL;
}
