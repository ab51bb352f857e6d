/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors: a contiguous block of numbers with a shape. */
#ifndef FK_TENSOR_TENSOR_H
#define FK_TENSOR_TENSOR_H

#include "base/error.h"

#define FK_MAX_DIMS 6
/* Bytes for the text of any shape. */
#define FK_SHAPE_TEXT 160

typedef enum fk_dtype {
    FK_F32,
    FK_F64,
    FK_F16,
    FK_BF16,
    FK_U8,
    FK_I8,
    FK_I32,
    FK_I64,
    FK_BOOL
} fk_dtype;

/* Row-major and contiguous.  Valid when zeroed.  The tensor owns data if owned is set; otherwise
 * data is borrowed, for example from a file's bytes, and must outlive the tensor. */
typedef struct fk_tensor {
    fk_dtype dtype;
    int ndim;
    int64_t shape[FK_MAX_DIMS];
    void *data;
    bool owned;
} fk_tensor;

/* Bytes of one element. */
size_t fk_dtype_size(fk_dtype dtype);
/* "F32", "BF16", ..., as in safetensors. */
const char *fk_dtype_name(fk_dtype dtype);
/* The dtype of such a name; false for any other word, which leaves *out. */
bool fk_dtype_parse(const char *name, fk_dtype *out);

/* Number of elements of a shape, 1 for ndim 0; false if a size is negative or the product of the
 * sizes other than 0 exceeds int64_t. */
bool fk_shape_count(int ndim, const int64_t *shape, int64_t *out) FLECK_MUST_CHECK;
/* Write "[64, 3, 7, 7]" into buffer, truncated if it does not fit; FK_SHAPE_TEXT bytes hold any
 * shape.  Returns buffer. */
const char *fk_shape_text(char *buffer, size_t size, int ndim, const int64_t *shape);

/* Allocate an owned, zeroed tensor of 0 to FK_MAX_DIMS dimensions (asserted); *out is empty on
 * failure.  FLECK_E_SHAPE for a shape that fk_shape_count() refuses, FLECK_E_NOMEM. */
fleck_status fk_tensor_init(fk_tensor *out, fk_dtype dtype, int ndim, const int64_t *shape,
                            fleck_error *err) FLECK_MUST_CHECK;
/* Free what is owned and zero *t. */
void fk_tensor_free(fk_tensor *t);
/* Number of elements; 1 for ndim 0. */
int64_t fk_tensor_count(const fk_tensor *t);
/* Whether t has this shape; a negative size accepts any. */
bool fk_tensor_has_shape(const fk_tensor *t, int ndim, const int64_t *shape);

/* Whether all numbers are finite; true for integers and booleans. */
bool fk_tensor_finite(const fk_tensor *t);
/* The same for size bytes of a file, little endian, at any address. */
bool fk_bytes_finite(const void *bytes, size_t size, fk_dtype dtype);

/* Single conversions, round to nearest even; infinities and NaN kept (a NaN becomes quiet). */
float fk_f32_from_f16(uint16_t h);
float fk_f32_from_bf16(uint16_t h);
uint16_t fk_bf16_from_f32(float f);

#endif
