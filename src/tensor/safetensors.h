/* safetensors: named tensors behind a JSON header, mapped for reading, streamed for writing. */
#ifndef FK_TENSOR_SAFETENSORS_H
#define FK_TENSOR_SAFETENSORS_H

#include "base/json.h"
#include "tensor/tensor.h"

/* ---- Reading: the file stays mapped while the reader lives. ---- */
typedef struct fk_st_reader fk_st_reader;

/* Map path and check the whole header: length, JSON, dtypes, shapes, that offsets lie inside the
 * file, are consistent with the shapes, do not overlap and leave no gap.  Messages name path. */
fleck_status fk_st_open(fk_st_reader **out, const char *path, fleck_error *err) FLECK_MUST_CHECK;
/* The same over bytes that the caller keeps alive (fuzzing, memory); name stands in messages. */
fleck_status fk_st_open_bytes(fk_st_reader **out, const void *bytes, size_t size, const char *name,
                              fleck_error *err) FLECK_MUST_CHECK;
void fk_st_close(fk_st_reader **reader);

/* Path or name it was opened with. */
const char *fk_st_name(const fk_st_reader *reader);
int64_t fk_st_count(const fk_st_reader *reader);
/* Name of tensor i, in the order of the data. */
const char *fk_st_tensor_name(const fk_st_reader *reader, int64_t i);
/* Value of a __metadata__ key, NULL where missing. */
const char *fk_st_metadata(const fk_st_reader *reader, const char *key);

bool fk_st_has(const fk_st_reader *reader, const char *name);
/* A borrowed view of the tensor (data points into the mapping, aligned to its element size or the
 * file is refused on open).  FLECK_E_NOTFOUND names file and tensor. */
fleck_status fk_st_get(const fk_st_reader *reader, const char *name, fk_tensor *out,
                       fleck_error *err) FLECK_MUST_CHECK;
/* The same, and dtype and shape must be these; -1 in shape accepts any size. */
fleck_status fk_st_get_checked(const fk_st_reader *reader, const char *name, fk_dtype dtype,
                               int ndim, const int64_t *shape, fk_tensor *out,
                               fleck_error *err) FLECK_MUST_CHECK;

/* ---- Writing: declare everything, then the data goes out in order. ---- */
typedef struct fk_st_writer fk_st_writer;

fleck_status fk_st_writer_open(fk_st_writer **out, fleck_error *err) FLECK_MUST_CHECK;
/* Add a tensor; its data is borrowed until fk_st_writer_commit().  Names must differ. */
fleck_status fk_st_writer_add(fk_st_writer *w, const char *name, const fk_tensor *t,
                              fleck_error *err) FLECK_MUST_CHECK;
/* The same from parts: dtype, shape, data. */
fleck_status fk_st_writer_add_data(fk_st_writer *w, const char *name, fk_dtype dtype, int ndim,
                                   const int64_t *shape, const void *data,
                                   fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_st_writer_metadata(fk_st_writer *w, const char *key, const char *text,
                                   fleck_error *err) FLECK_MUST_CHECK;
/* Write path whole or not at all and close; *w becomes NULL either way.  Tensor data is aligned to
 * 64 bytes (header padded with spaces; tensors sorted by alignment need no gaps). */
fleck_status fk_st_writer_commit(fk_st_writer **w, const char *path,
                                 fleck_error *err) FLECK_MUST_CHECK;
void fk_st_writer_abort(fk_st_writer **w);

#endif
