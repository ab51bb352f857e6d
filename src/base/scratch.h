/* SPDX-License-Identifier: Apache-2.0 */
/* A temporary file without a name: the system removes it with the process, whatever ends it. */
#ifndef FK_BASE_SCRATCH_H
#define FK_BASE_SCRATCH_H

#include "base/error.h"

/* Valid when zeroed, which means closed.  Several threads may read and write at once, at different
 * offsets. */
typedef struct fk_scratch {
    char *folder; /* NULL while closed */
    int fd;
} fk_scratch;

/* Make one in folder, with O_TMPFILE, or with a name that is removed at once if the file system has
 * no O_TMPFILE.  FLECK_E_NOTFOUND and FLECK_E_IO name the folder. */
fleck_status fk_scratch_open(fk_scratch *out, const char *folder,
                             fleck_error *err) FLECK_MUST_CHECK;
void fk_scratch_close(fk_scratch *s);

/* Write size bytes at offset; the file grows as needed.  FLECK_E_IO, of a full disk for example,
 * names the folder, the bytes that were to be written, and the bytes free there. */
fleck_status fk_scratch_write(const fk_scratch *s, const void *bytes, int64_t size, int64_t offset,
                              fleck_error *err) FLECK_MUST_CHECK;

/* Read size bytes that were written at offset. */
fleck_status fk_scratch_read(const fk_scratch *s, void *out, int64_t size, int64_t offset,
                             fleck_error *err) FLECK_MUST_CHECK;

#endif
