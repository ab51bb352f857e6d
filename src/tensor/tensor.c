/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors: shapes, allocation, and the conversions between floating formats. */
#include "tensor/tensor.h"
#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [FK_F32] = {"F32", 4},   [FK_F64] = {"F64", 8}, [FK_F16] = {"F16", 2},
    [FK_BF16] = {"BF16", 2}, [FK_U8] = {"U8", 1},   [FK_I8] = {"I8", 1},
    [FK_I32] = {"I32", 4},   [FK_I64] = {"I64", 8}, [FK_BOOL] = {"BOOL", 1},
};

#define N_DTYPES (sizeof dtypes / sizeof dtypes[0])

size_t fk_dtype_size(fk_dtype dtype)
{
    assert((size_t)dtype < N_DTYPES);
    return dtypes[dtype].size;
}

const char *fk_dtype_name(fk_dtype dtype)
{
    assert((size_t)dtype < N_DTYPES);
    return dtypes[dtype].name;
}

/* An exponent of all ones is infinity or NaN. */
bool fk_bytes_finite(const void *bytes, size_t size, fk_dtype dtype)
{
    const uint8_t *at = bytes;
    uint64_t wide = 0;
    uint32_t bad = 0; /* no wider than an element, so that the loops vectorise */

    if (dtype == FK_F32) {
        for (size_t i = 0; i + 4 <= size; i += 4) {
            uint32_t v;

            memcpy(&v, at + i, sizeof v);
            bad |= (uint32_t)((v & UINT32_C(0x7f800000)) == UINT32_C(0x7f800000));
        }
    } else if (dtype == FK_F64) {
        for (size_t i = 0; i + 8 <= size; i += 8) {
            uint64_t v;

            memcpy(&v, at + i, sizeof v);
            wide |= (uint64_t)((v >> 52 & 0x7ff) == 0x7ff);
        }
    } else if (dtype == FK_F16 || dtype == FK_BF16) {
        const unsigned ones = dtype == FK_F16 ? 0x7c00 : 0x7f80;

        for (size_t i = 0; i + 2 <= size; i += 2) {
            uint16_t v;

            memcpy(&v, at + i, sizeof v);
            bad |= (uint32_t)((v & ones) == ones);
        }
    }
    return bad == 0 && wide == 0;
}

bool fk_tensor_finite(const fk_tensor *t)
{
    return fk_bytes_finite(t->data, (size_t)fk_tensor_count(t) * fk_dtype_size(t->dtype), t->dtype);
}

bool fk_dtype_parse(const char *name, fk_dtype *out)
{
    for (size_t i = 0; i < N_DTYPES; i++)
        if (strcmp(dtypes[i].name, name) == 0) {
            *out = (fk_dtype)i;
            return true;
        }
    return false;
}

bool fk_shape_count(int ndim, const int64_t *shape, int64_t *out)
{
    int64_t count = 1;
    bool empty = false;

    for (int i = 0; i < ndim; i++) {
        if (shape[i] < 0)
            return false;
        if (shape[i] == 0)
            empty = true;
        else if (!fk_mul_fits(count, shape[i], &count))
            return false;
    }
    *out = empty ? 0 : count;
    return true;
}

fleck_status fk_tensor_init(fk_tensor *out, fk_dtype dtype, int ndim, const int64_t *shape,
                            fleck_error *err)
{
    char text[FK_SHAPE_TEXT];
    int64_t count;
    void *data;
    fleck_status st;

    *out = (fk_tensor){0};
    assert(ndim >= 0 && ndim <= FK_MAX_DIMS);
    if (!fk_shape_count(ndim, shape, &count))
        return fk_error_set(err, FLECK_E_SHAPE, "a tensor of shape %s cannot exist",
                            fk_shape_text(text, sizeof text, ndim, shape));
    st = fk_calloc(&data, count, fk_dtype_size(dtype), err);
    if (st != FLECK_OK)
        return st;
    out->dtype = dtype;
    out->ndim = ndim;
    for (int i = 0; i < ndim; i++)
        out->shape[i] = shape[i];
    out->data = data;
    out->owned = true;
    return FLECK_OK;
}

void fk_tensor_free(fk_tensor *t)
{
    if (t->owned)
        fk_free(t->data);
    *t = (fk_tensor){0};
}

int64_t fk_tensor_count(const fk_tensor *t)
{
    int64_t count = 0;
    bool fits = fk_shape_count(t->ndim, t->shape, &count);

    assert(fits);
    (void)fits;
    return count;
}

const char *fk_shape_text(char *buffer, size_t size, int ndim, const int64_t *shape)
{
    size_t used = 0;

    assert(size > 0);
    buffer[0] = '\0';
    for (int i = 0; i < ndim && used < size; i++)
        used += (size_t)snprintf(buffer + used, size - used, "%s%lld", i == 0 ? "[" : ", ",
                                 (long long)shape[i]);
    if (used < size)
        snprintf(buffer + used, size - used, ndim == 0 ? "[]" : "]");
    return buffer;
}

bool fk_tensor_has_shape(const fk_tensor *t, int ndim, const int64_t *shape)
{
    if (t->ndim != ndim)
        return false;
    for (int i = 0; i < ndim; i++)
        if (shape[i] >= 0 && shape[i] != t->shape[i])
            return false;
    return true;
}

/* ---- Floating formats ----
 *
 * f16 is 1 sign, 5 exponent (bias 15) and 10 fraction bits, f32 is 1, 8 (bias 127) and 23.  In
 * normal range the fraction moves by 23 - 10 = 13 bits and the exponent by 127 - 15 = 112.
 * An f16 subnormal is fraction * 2^-24.  Put as the fraction of an f32 with the exponent of 2^-14
 * it reads 2^-14 + fraction * 2^-24, so that one exact subtraction is left; no f32 subnormal
 * occurs, and a processor that flushes those to zero gives the same result.
 *
 * bf16 is the upper half of f32.
 *
 * Rounding to bf16, to nearest even, on integers: add half a unit in the last place less one, plus
 * the bit that becomes the last, and drop the lower half.  A carry into the exponent is right. */

static uint32_t bits_of(float f)
{
    uint32_t u;

    memcpy(&u, &f, sizeof u);
    return u;
}

static float float_of(uint32_t u)
{
    float f;

    memcpy(&f, &u, sizeof f);
    return f;
}

float fk_f32_from_f16(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    uint32_t exponent = h & 0x7c00u;
    uint32_t shifted = (uint32_t)(h & 0x7fffu) << 13;

    if (exponent == 0x7c00u) /* infinity and NaN: the largest exponent in both */
        return float_of(sign | (shifted + (224u << 23)));
    if (exponent != 0)
        return float_of(sign | (shifted + (112u << 23)));
    return float_of(sign | bits_of(float_of(shifted + (113u << 23)) - 0x1p-14f));
}

float fk_f32_from_bf16(uint16_t h)
{
    return float_of((uint32_t)h << 16);
}

uint16_t fk_bf16_from_f32(float f)
{
    uint32_t u = bits_of(f);

    if ((u & 0x7fffffffu) > 0x7f800000u) /* rounding could carry a NaN into infinity */
        return (uint16_t)((u >> 16) | 0x40u);
    return (uint16_t)((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}
