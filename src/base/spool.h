/* SPDX-License-Identifier: Apache-2.0 */
/* A store of embeddings in the order of images: in memory up to a budget, beyond it in a temporary
 * file. */
#ifndef FK_BASE_SPOOL_H
#define FK_BASE_SPOOL_H

#include "base/error.h"

/* Embeddings of one level, each [P, D] f32, position by position (fk_level.data).  One thread
 * appends; after that any number of threads may read. */
typedef struct fk_spool fk_spool;

/* Open an empty store.  What exceeds budget bytes goes to a temporary file in folder
 * (base/scratch.h), which is made when it is first needed; with folder NULL it is an error.  The
 * file is read piece by piece and not mapped, so that it does not count as resident memory. */
fleck_status fk_spool_open(fk_spool **out, int64_t n_pos, int64_t dim, int64_t budget,
                           const char *folder, fleck_error *err) FLECK_MUST_CHECK;
void fk_spool_close(fk_spool **s);

/* Append a copy of image [P, D].  On failure the store is as it was.
 *   FLECK_E_IO      for example, the disk is full; the message names the folder, the bytes wanted
 *                   and those free
 *   FLECK_E_LIMIT   the budget is used up and there is no folder
 *   FLECK_E_NOMEM */
fleck_status fk_spool_append(fk_spool *s, const float *image, fleck_error *err) FLECK_MUST_CHECK;

int64_t fk_spool_count(const fk_spool *s);
/* Bytes in memory and in the file. */
void fk_spool_used(const fk_spool *s, int64_t *memory, int64_t *file);

/* Positions first .. last - 1 of an image (asserted to be there) into out [last - first, D]. */
fleck_status fk_spool_read(const fk_spool *s, int64_t image, int64_t first, int64_t last,
                           float *out, fleck_error *err) FLECK_MUST_CHECK;

#endif
