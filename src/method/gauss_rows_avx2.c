/* Distances from Gaussians that keep images, with AVX2; see gauss_rows_kernel.h. */
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define TARGET __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline, target("avx2")))
#define FK_ROWS_WIDTH 8
#define FK_ROWS_SUMS 4
#endif
#include "method/gauss_rows_kernel.h"

#include <stddef.h>

fk_rows_solve_fn *fk_rows_solve_avx2(void)
{
#ifdef FK_ROWS_WIDTH
    if (__builtin_cpu_supports("avx2"))
        return solve;
#endif
    return NULL;
}
