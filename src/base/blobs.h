/* Blocks of bytes by name: in memory up to a budget, beyond it in a file that leaves no trace. */
#ifndef FK_BASE_BLOBS_H
#define FK_BASE_BLOBS_H

#include "base/error.h"

/* Bytes of a name: a SHA-256 in hexadecimal (base/sha256.h) and the terminator. */
#define FK_BLOBS_NAME 65

/* Every function but close may be called by several threads at once. */
typedef struct fk_blobs fk_blobs;

/* Empty.  What goes beyond `budget` bytes is kept in a file without a name in `folder`, made when
 * it is first needed: the system removes it with the process, whatever ends it. */
fleck_status fk_blobs_open(fk_blobs **out, const char *folder, int64_t budget,
                           fleck_error *err) FLECK_MUST_CHECK;
void fk_blobs_close(fk_blobs **b);

/* Keep a copy of size bytes; a name that is there already is left as it is.
 *   FLECK_E_IO     the folder takes no file, or no more bytes; says how many were to be added
 *   FLECK_E_NOMEM  b as it was */
fleck_status fk_blobs_put(fk_blobs *b, const char *name, const void *bytes, int64_t size,
                          fleck_error *err) FLECK_MUST_CHECK;

/* Size of the block called name, -1 where there is none. */
int64_t fk_blobs_size(fk_blobs *b, const char *name);

/* Copy the block called name, which is there (asserted), into out. */
fleck_status fk_blobs_get(fk_blobs *b, const char *name, void *out,
                          fleck_error *err) FLECK_MUST_CHECK;

/* Bytes in memory, and in the file. */
void fk_blobs_used(fk_blobs *b, int64_t *memory, int64_t *file);

#endif
