/* SPDX-License-Identifier: Apache-2.0 */
/* Anomaly maps in files: float32 TIFF and NumPy's .npy. */
#ifndef FK_MAP_MAP_FILE_H
#define FK_MAP_MAP_FILE_H

#include "tensor/tensor.h"

/* Limits against hostile files: width and height of a TIFF, and elements of a map in either format
 * (1 GiB of float32). */
#define FK_MAP_MAX_SIDE 65535
#define FK_MAP_MAX_COUNT (INT64_C(1) << 28)

/* Write data [height, width] as a one-channel float32 TIFF (uncompressed strips, little endian;
 * what MVTec's official evaluation reads), whole or not at all.  FLECK_E_LIMIT unless both sizes
 * are 1 to FK_MAP_MAX_SIDE and the count is at most FK_MAP_MAX_COUNT.  The file is composed in
 * memory, which takes some hundred bytes more than data.  Its tags are Software, and DocumentName:
 * origin, unless that is NULL. */
fleck_status fk_tiff_write(const char *path, const float *data, int64_t height, int64_t width,
                           const char *origin, fleck_error *err) FLECK_MUST_CHECK;
/* The origin of a TIFF that fleck wrote, "" if it has none; false for any other file. */
bool fk_tiff_origin(char *out, size_t size, const char *path);
/* Read a one-channel TIFF of float32, float64, u8 or u16 into an owned F32 tensor [H, W]; float64
 * is rounded to nearest, integers keep their values.  Classic and BigTIFF, either byte order,
 * strips and tiles, and every compression of the system's libtiff are read.  Further pages are not
 * read.
 *
 * Errors, with *out empty; messages name path and quote libtiff:
 *   FLECK_E_FORMAT       not a TIFF, damaged, or truncated
 *   FLECK_E_UNSUPPORTED  other samples, several channels, a palette, "0 is white"
 *   FLECK_E_LIMIT        beyond the limits above
 *   FLECK_E_NOTFOUND, FLECK_E_IO, FLECK_E_NOMEM */
fleck_status fk_tiff_read(fk_tensor *out, const char *path, fleck_error *err) FLECK_MUST_CHECK;
/* The same from memory; name is for messages. */
fleck_status fk_tiff_read_bytes(fk_tensor *out, const void *bytes, size_t size, const char *name,
                                fleck_error *err) FLECK_MUST_CHECK;

/* Write data as .npy version 1.0, '<f4', C order, whole or not at all.  origin, a SHA-256 in
 * hexadecimal digits, is encoded in the blanks at the end of the header, which all readers skip.
 * NULL: no origin, and the same bytes as NumPy's. */
fleck_status fk_npy_write(const char *path, const float *data, int ndim, const int64_t *shape,
                          const char *origin, fleck_error *err) FLECK_MUST_CHECK;
#define FK_NPY_ORIGIN_SIZE 65
/* The origin of a file that begins with these bytes, of which FK_NPY_NOTE_BYTES are enough; false
 * for a file without one. */
#define FK_NPY_NOTE_BYTES 512
bool fk_npy_origin(char out[FK_NPY_ORIGIN_SIZE], const void *bytes, size_t size);
/* Read .npy versions 1 to 3 with dtype f2, f4, f8, u1, bool, i4 or i8, little or big endian, C or
 * Fortran order, into an owned tensor in C order: floats become F32 (f8 rounded), the others keep
 * dtype.  The file must end where its array does.
 *
 * Errors, with *out empty; messages name path:
 *   FLECK_E_FORMAT       not a .npy file, a damaged header, too few or too many bytes
 *   FLECK_E_UNSUPPORTED  another dtype (a pickled object array is never opened), more than
 *                        FK_MAX_DIMS sizes, another version
 *   FLECK_E_LIMIT        more than FK_MAP_MAX_COUNT elements
 *   FLECK_E_NOTFOUND, FLECK_E_IO, FLECK_E_NOMEM */
fleck_status fk_npy_read(fk_tensor *out, const char *path, fleck_error *err) FLECK_MUST_CHECK;
/* The same from memory; name is for messages. */
fleck_status fk_npy_read_bytes(fk_tensor *out, const void *bytes, size_t size, const char *name,
                               fleck_error *err) FLECK_MUST_CHECK;

#endif
