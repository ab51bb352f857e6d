/* Anomaly maps in files: float32 TIFF and NumPy's .npy. */
#ifndef FK_TENSOR_MAP_FILE_H
#define FK_TENSOR_MAP_FILE_H

#include "tensor/tensor.h"

/* Write data [height, width] as a one-channel float32 TIFF (uncompressed strips, little endian;
 * what MVTec's official evaluation reads), whole or not at all. */
fleck_status fk_tiff_write(const char *path, const float *data, int64_t height, int64_t width,
                           fleck_error *err) FLECK_MUST_CHECK;
/* Read a one-channel TIFF of float32, float64, u8 or u16 into an owned F32 tensor [H, W]. */
fleck_status fk_tiff_read(fk_tensor *out, const char *path, fleck_error *err) FLECK_MUST_CHECK;

/* Write data as .npy version 1.0, '<f4', C order, whole or not at all. */
fleck_status fk_npy_write(const char *path, const float *data, int ndim, const int64_t *shape,
                          fleck_error *err) FLECK_MUST_CHECK;
/* Read .npy versions 1 to 3 with dtype f2, f4, f8, u1, bool, i4 or i8, little or big endian, C or
 * Fortran order, into an owned tensor: floats become F32 (f8 rounded), the others keep dtype. */
fleck_status fk_npy_read(fk_tensor *out, const char *path, fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_npy_read_bytes(fk_tensor *out, const void *bytes, size_t size, const char *name,
                               fleck_error *err) FLECK_MUST_CHECK;

#endif
