/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of bytes by name: in memory up to a budget, beyond it in a temporary file. */
#ifndef FK_BASE_BLOBS_H
#define FK_BASE_BLOBS_H

#include "base/error.h"

/* Bytes of a name: a SHA-256 in hexadecimal (base/sha256.h) and the terminator. */
#define FK_BLOBS_NAME 65

/* Every function but close may be called by several threads at once. */
typedef struct fk_blobs fk_blobs;

/* Open an empty store.  What exceeds `budget` bytes goes to a temporary file without a name in
 * `folder` (base/scratch.h), which is made when it is first needed. */
fleck_status fk_blobs_open(fk_blobs **out, const char *folder, int64_t budget,
                           fleck_error *err) FLECK_MUST_CHECK;
void fk_blobs_close(fk_blobs **b);

/* Store a copy of size bytes.  If the name exists already its block stays as it is.
 *   FLECK_E_IO     the folder takes no file, or no more bytes; the message says how many
 *   FLECK_E_NOMEM  b is unchanged */
fleck_status fk_blobs_put(fk_blobs *b, const char *name, const void *bytes, int64_t size,
                          fleck_error *err) FLECK_MUST_CHECK;

/* Size of the block called name, -1 if there is none. */
int64_t fk_blobs_size(fk_blobs *b, const char *name);

/* Copy the block called name, which is there (asserted), into out. */
fleck_status fk_blobs_get(fk_blobs *b, const char *name, void *out,
                          fleck_error *err) FLECK_MUST_CHECK;

/* Bytes in memory and in the file. */
void fk_blobs_used(fk_blobs *b, int64_t *memory, int64_t *file);

#endif
