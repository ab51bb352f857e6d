/* SPDX-License-Identifier: Apache-2.0 */
/* torch's two containers, for this room only: a pickle that describes tensors, and their data. */
#ifndef FK_WEIGHTS_PTH_H
#define FK_WEIGHTS_PTH_H

#include "weights/pickle.h"

/* Read a container of size bytes, which are borrowed until fk_pickle_free(): the pickle of the
 * saved object, with data in every storage that is the first of its kind (same_as).  Errors, with
 * *out empty: those of fk_pickle_read(), FLECK_E_FORMAT if the container is incomplete, and
 * FLECK_E_UNSUPPORTED for big-endian data. */
fleck_status fk_pth_legacy_read(fk_pickle *out, const uint8_t *bytes, size_t size, const char *file,
                                fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_pth_zip_read(fk_pickle *out, const uint8_t *bytes, size_t size, const char *file,
                             fleck_error *err) FLECK_MUST_CHECK;

/* The weight file in a Python wheel: the only entry of a zip file that ends in ".pth".  *out is a
 * block of *size bytes and *name the entry's name, to be freed with fk_free(); both are NULL if the
 * zip file is torch's own container, or has no such entry.  FLECK_E_FORMAT if the zip file is
 * incomplete or has several such entries. */
fleck_status fk_pth_wheel_read(void **out, int64_t *size, char **name, const uint8_t *bytes,
                               size_t n_bytes, const char *file, fleck_error *err) FLECK_MUST_CHECK;

/* Whether bytes begin like the legacy container, or like a zip file. */
bool fk_pth_is_legacy(const uint8_t *bytes, size_t size);
bool fk_pth_is_zip(const uint8_t *bytes, size_t size);

/* Bytes of a storage's data; false if they exceed int64_t. */
bool fk_storage_bytes(const fk_storage *s, int64_t *out);

#endif
