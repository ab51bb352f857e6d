/* Tensors: a contiguous block of numbers with a shape. */
#ifndef FK_TENSOR_TENSOR_H
#define FK_TENSOR_TENSOR_H

#include "base/error.h"

#define FK_MAX_DIMS 6

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

/* Row-major and contiguous.  Valid when zeroed.  data belongs to the tensor when owned is set,
 * otherwise it is borrowed (from a mapped file, say) and must outlive the tensor. */
typedef struct fk_tensor {
    fk_dtype dtype;
    int ndim;
    int64_t shape[FK_MAX_DIMS];
    void *data;
    bool owned;
} fk_tensor;

/* Bytes of one element. */
size_t fk_dtype_size(fk_dtype dtype);
/* "F32", "BF16", ... as safetensors spells it. */
const char *fk_dtype_name(fk_dtype dtype);
bool fk_dtype_parse(const char *name, fk_dtype *out);

/* Allocate an owned, zeroed tensor. */
fleck_status fk_tensor_init(fk_tensor *out, fk_dtype dtype, int ndim, const int64_t *shape,
                            fleck_error *err) FLECK_MUST_CHECK;
void fk_tensor_free(fk_tensor *t);
/* Number of elements; 1 for ndim 0. */
int64_t fk_tensor_count(const fk_tensor *t);
/* "[64, 3, 7, 7]" into buffer, which is also returned. */
const char *fk_shape_text(char *buffer, size_t size, int ndim, const int64_t *shape);
bool fk_tensor_has_shape(const fk_tensor *t, int ndim, const int64_t *shape);

/* A new owned F32 tensor from any floating dtype (exact widening; F64 is rounded to nearest). */
fleck_status fk_tensor_to_f32(fk_tensor *out, const fk_tensor *t,
                              fleck_error *err) FLECK_MUST_CHECK;

/* Single conversions, round to nearest even; infinities and NaN kept. */
float fk_f32_from_f16(uint16_t h);
uint16_t fk_f16_from_f32(float f);
float fk_f32_from_bf16(uint16_t h);
uint16_t fk_bf16_from_f32(float f);

#endif
