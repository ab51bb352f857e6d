/* Forward substitution of two positions side by side. */
#ifndef FK_METHOD_GAUSS_TWO_H
#define FK_METHOD_GAUSS_TWO_H

#include <stdint.h>

/* Where it gains: wider factors wait for memory only, which is fastest at one stream. */
#define FK_SOLVE_TWO_MOST 256

/* d2[k] = |z|^2 with L z = v of two factors of floats, one behind the other, each a lower triangle column by
 * column.  v [2][dim up to a multiple of 8], 64-byte aligned, holds the right-hand sides and is lost.  Up to 7
 * floats behind the second factor are read.  The bytes of one position alone. */
typedef void fk_solve_two_fn(const float *factor, double *v, int64_t dim, double d2[2]);

/* NULL where the compiler or the processor lacks AVX-512. */
fk_solve_two_fn *fk_solve_two_avx512(void);

#endif
