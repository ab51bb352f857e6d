/* SPDX-License-Identifier: Apache-2.0 */
/* safetensors: named tensors after a JSON header, read as a whole, written as a stream.
 *
 * The file: 8 bytes N little endian, N bytes of JSON, then the data block.  The JSON is one object,
 * {"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [BEGIN, END]}, ...}, offsets counted
 * from the start of the data block; "__metadata__" maps text to text. */
#ifndef FK_TENSOR_SAFETENSORS_H
#define FK_TENSOR_SAFETENSORS_H

#include "base/watch.h"
#include "base/file.h"
#include "base/json.h"
#include "tensor/tensor.h"

/* Most bytes of a header, as in the reference implementation. */
#define FK_ST_MAX_HEADER 100000000

/* ---- Reading: the reader holds the bytes of the whole file.  ---- */
typedef struct fk_st_reader fk_st_reader;

/* Read path and check the whole header: its length, JSON, dtypes and shapes; that names differ;
 * that offsets lie inside the file, agree with the shapes, do not overlap, leave no gap and end
 * where the file ends.  Cost: n log n for n tensors.
 *
 * Errors, with *out NULL; messages name path, and the tensor where there is one:
 *   FLECK_E_FORMAT       the bytes are not a safetensors file
 *   FLECK_E_UNSUPPORTED  a dtype that fk_dtype lacks (F8_E4M3, ...), more than FK_MAX_DIMS sizes
 *   FLECK_E_LIMIT        a header beyond FK_ST_MAX_HEADER
 *   FLECK_E_CHECKSUM     the file's bytes do not match its checksum
 *   FLECK_E_NOTFOUND, FLECK_E_IO, FLECK_E_NOMEM */
fleck_status fk_st_open(fk_st_reader **out, const char *path, fleck_error *err) FLECK_MUST_CHECK;
/* The same; a large file is read and hashed by so many threads.  watch: NULL, or is told of
 * bytes. */
fleck_status fk_st_open_with(fk_st_reader **out, const char *path, int threads, fk_watch *watch,
                             fleck_error *err) FLECK_MUST_CHECK;
/* The same for bytes that the caller keeps alive; name is for messages. */
fleck_status fk_st_open_bytes(fk_st_reader **out, const void *bytes, size_t size, const char *name,
                              fleck_error *err) FLECK_MUST_CHECK;
/* The same over a copy of the bytes, whose checksum is compared. */
fleck_status fk_st_open_copy(fk_st_reader **out, const void *bytes, size_t size, const char *name,
                             int threads, fk_watch *watch, fleck_error *err) FLECK_MUST_CHECK;
/* Close and set *reader to NULL; NULL and *reader == NULL are legal. */
void fk_st_close(fk_st_reader **reader);

/* Give the memory of the bytes back to the system.  Views must not be read until
 * fk_st_restore(), which reads the file again.  The file stays open, so it may be removed or
 * replaced meanwhile.  If its bytes have changed, fk_st_restore() fails with FLECK_E_STATE.
 * Both do nothing for a small file and for a reader over bytes.  Several threads may restore at
 * once. */
void fk_st_release(fk_st_reader *reader);
fleck_status fk_st_restore(fk_st_reader *reader, fleck_error *err) FLECK_MUST_CHECK;

/* The stamp of the file when it was opened; of a reader over bytes all but the size is 0. */
fk_stamp fk_st_stamp(const fk_st_reader *reader);
/* Digest of the file's bytes (base/digest.h), "" for bytes of the caller.  If the file has a
 * checksum it is the checksum, see fk_st_writer_checksum(). */
const char *fk_st_digest(const fk_st_reader *reader);
/* Whether the file has a checksum.  It was compared when the file was opened. */
bool fk_st_has_checksum(const fk_st_reader *reader);

/* The path or name that it was opened with. */
const char *fk_st_name(const fk_st_reader *reader);
int64_t fk_st_count(const fk_st_reader *reader);
/* Name of tensor i, in the order of the data. */
const char *fk_st_tensor_name(const fk_st_reader *reader, int64_t i);
/* Value of a __metadata__ key, NULL if it is missing; borrowed from the reader. */
const char *fk_st_metadata(const fk_st_reader *reader, const char *key);

bool fk_st_has(const fk_st_reader *reader, const char *name);
/* A borrowed view of the tensor, valid until fk_st_close().  data points into the bytes, or, for a
 * misaligned tensor, into a copy that was made when the file was opened.  It must not be written
 * to.  FLECK_E_NOTFOUND names file and tensor. */
fleck_status fk_st_get(const fk_st_reader *reader, const char *name, fk_tensor *out,
                       fleck_error *err) FLECK_MUST_CHECK;
/* The same for a tensor that must have this dtype and shape; -1 in shape accepts any size.
 * FLECK_E_SHAPE says what was expected and what the file holds. */
fleck_status fk_st_get_checked(const fk_st_reader *reader, const char *name, fk_dtype dtype,
                               int ndim, const int64_t *shape, fk_tensor *out,
                               fleck_error *err) FLECK_MUST_CHECK;

/* Check all numbers, used or not.  FLECK_E_FORMAT names file and tensor if one is infinite or
 * NaN. */
fleck_status fk_st_check_finite(const fk_st_reader *reader, fleck_error *err) FLECK_MUST_CHECK;

/* ---- Writing: tensors are declared first, then written in order.  ---- */
typedef struct fk_st_writer fk_st_writer;

fleck_status fk_st_writer_open(fk_st_writer **out, fleck_error *err) FLECK_MUST_CHECK;
/* Add a tensor; its data is borrowed until fk_st_writer_commit().  FLECK_E_FORMAT for a name that
 * exists, is "__metadata__" or is not UTF-8; the writer stays usable. */
fleck_status fk_st_writer_add(fk_st_writer *w, const char *name, const fk_tensor *t,
                              fleck_error *err) FLECK_MUST_CHECK;
/* The same from parts: dtype, shape, data. */
fleck_status fk_st_writer_add_data(fk_st_writer *w, const char *name, fk_dtype dtype, int ndim,
                                   const int64_t *shape, const void *data,
                                   fleck_error *err) FLECK_MUST_CHECK;
/* Set a key of __metadata__; a second value for the same key replaces the first.  FLECK_E_FORMAT if
 * key or text is not UTF-8. */
fleck_status fk_st_writer_metadata(fk_st_writer *w, const char *key, const char *text,
                                   fleck_error *err) FLECK_MUST_CHECK;
/* Set the watch for the stage "write" of the commit; borrowed until then. */
void fk_st_writer_watch(fk_st_writer *w, fk_watch *watch);
/* Give the file a checksum in its metadata, FK_ST_CHECKSUM: fk_st_digest() of its bytes, with 32
 * zeros in place of the checksum.  Cost: the data is hashed before it is written. */
#define FK_ST_CHECKSUM "fleck.checksum"
fleck_status fk_st_writer_checksum(fk_st_writer *w, fleck_error *err) FLECK_MUST_CHECK;
/* Check all numbers added so far.  FLECK_E_FORMAT names the tensor if one is infinite or NaN. */
fleck_status fk_st_writer_check_finite(const fk_st_writer *w, fleck_error *err) FLECK_MUST_CHECK;
/* Write path, complete or not at all, and close; *w becomes NULL in any case.  The header is padded
 * with spaces so that the data block begins at a multiple of 64.  Tensors of wider elements come
 * first, and otherwise the order of adding is kept, so that every tensor is aligned without a gap.
 * The same calls give the same bytes. */
fleck_status fk_st_writer_commit(fk_st_writer **w, const char *path,
                                 fleck_error *err) FLECK_MUST_CHECK;
/* The same into memory: fk_free(*bytes). */
fleck_status fk_st_writer_commit_memory(fk_st_writer **w, uint8_t **bytes, size_t *size,
                                        fleck_error *err) FLECK_MUST_CHECK;
/* Close without writing; NULL and *w == NULL are legal. */
void fk_st_writer_abort(fk_st_writer **w);

#endif
