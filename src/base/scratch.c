/* SPDX-License-Identifier: Apache-2.0 */
/* A temporary file without a name: the system removes it with the process, whatever ends it. */
#define _GNU_SOURCE
#include "base/scratch.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

fleck_status fk_scratch_open(fk_scratch *out, const char *folder, fleck_error *err)
{
    char *path = NULL;
    fleck_status st;

    *out = (fk_scratch){.fd = -1};
    FK_DO(fk_strdup(&out->folder, folder, err));
    out->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (out->fd >= 0)
        return FLECK_OK;
    /* Some file systems have no O_TMPFILE. */
    FK_DO(fk_asprintf(&path, err, "%s/.fleck-XXXXXX", folder));
    out->fd = mkostemp(path, O_CLOEXEC);
    if (out->fd < 0)
        FK_DO(fk_error_errno(err, "cannot make a temporary file in", folder));
    unlink(path);
done:
    fk_free(path);
    if (st != FLECK_OK)
        fk_scratch_close(out);
    return st;
}

void fk_scratch_close(fk_scratch *s)
{
    if (s->folder != NULL && s->fd >= 0)
        close(s->fd);
    fk_free(s->folder);
    *s = (fk_scratch){0};
}

/* The error of a write that failed with this errno. */
static fleck_status refuse(const fk_scratch *s, int64_t size, int64_t offset, int error,
                           fleck_error *err)
{
    struct statvfs disk;
    long long available = -1;

    if (fstatvfs(s->fd, &disk) == 0)
        available = (long long)disk.f_bavail * (long long)disk.f_frsize;
    return fk_error_set(err, FLECK_E_IO,
                        "temporary file in %s: cannot add %lld bytes to %lld, %lld are free: %s",
                        s->folder, (long long)size, (long long)offset, available,
                        error != 0 ? strerror(error) : "nothing was written");
}

fleck_status fk_scratch_write(const fk_scratch *s, const void *bytes, int64_t size, int64_t offset,
                              fleck_error *err)
{
    for (int64_t done = 0; done < size;) {
        ssize_t n = pwrite(s->fd, (const uint8_t *)bytes + done, (size_t)(size - done),
                           (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return refuse(s, size, offset, n < 0 ? errno : 0, err);
        done += n;
    }
    return FLECK_OK;
}

fleck_status fk_scratch_read(const fk_scratch *s, void *out, int64_t size, int64_t offset,
                             fleck_error *err)
{
    for (int64_t done = 0; done < size;) {
        ssize_t n =
            pread(s->fd, (uint8_t *)out + done, (size_t)(size - done), (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fk_error_set(err, FLECK_E_IO, "temporary file in %s: cannot read: %s", s->folder,
                                n < 0 ? strerror(errno) : "it is shorter than it was");
        done += n;
    }
    return FLECK_OK;
}
