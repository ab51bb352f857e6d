/* A temporary file without a name: what goes into it leaves no trace, whatever ends the process. */
#ifndef FK_BASE_SCRATCH_H
#define FK_BASE_SCRATCH_H

#include "base/error.h"

/* Valid when zeroed, which is closed; several threads may read and write at once, each its own
 * place. */
typedef struct fk_scratch {
    char *folder; /* NULL while closed */
    int fd;
} fk_scratch;

/* Make one in folder.  It has no name there (O_TMPFILE, or a name that is removed at once where the
 * file system has no such thing).  FLECK_E_NOTFOUND and FLECK_E_IO name the folder. */
fleck_status fk_scratch_open(fk_scratch *out, const char *folder,
                             fleck_error *err) FLECK_MUST_CHECK;
void fk_scratch_close(fk_scratch *s);

/* Write size bytes at offset; the file grows as needed.  FLECK_E_IO: a full disk, say; names the
 * folder, the bytes that did not go in, and how many are free there. */
fleck_status fk_scratch_write(const fk_scratch *s, const void *bytes, int64_t size, int64_t offset,
                              fleck_error *err) FLECK_MUST_CHECK;

/* Read size bytes that were written at offset. */
fleck_status fk_scratch_read(const fk_scratch *s, void *out, int64_t size, int64_t offset,
                             fleck_error *err) FLECK_MUST_CHECK;

#endif
