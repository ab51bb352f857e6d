/* SPDX-License-Identifier: Apache-2.0 */
/* Stored Cholesky factors: floats, or bf16 that is expanded when it is read. */
#ifndef FK_GAUSS_FACTOR_H
#define FK_GAUSS_FACTOR_H

#include "linalg/linalg.h"

/* Set number i to x, rounded to float and then to the type, ties to even. */
static inline void fk_factor_put(void *factor, fk_dtype type, int64_t i, double x)
{
    if (type == FK_BF16)
        ((uint16_t *)factor)[i] = fk_bf16_from_f32((float)x);
    else
        ((float *)factor)[i] = (float)x;
}

/* Numbers first .. first + n - 1 as floats; numbers in bf16 are expanded into scratch [n]. */
static inline const float *fk_factor_floats(const void *factor, fk_dtype type, int64_t first,
                                            int64_t n, float *scratch)
{
    if (type == FK_F32)
        return (const float *)factor + first;
    fk_linalg_expand(scratch, (const uint16_t *)factor + first, n);
    return scratch;
}

/* Offset in bytes of the factor of position p, if each factor has `size` numbers. */
static inline size_t fk_factor_offset(fk_dtype type, int64_t size, int64_t p)
{
    return (size_t)(p * size) * fk_dtype_size(type);
}

#endif
