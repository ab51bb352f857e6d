/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines into a file, one whole line with each write.  A file that grows beyond a size becomes
 * FILE.1, and an older FILE.1 becomes FILE.2. */
#define _GNU_SOURCE
#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

typedef struct file {
    char *path;
    int fd;
    int64_t most, keep;
} file;

static const sv_member members[] = {
    {"file", 's', 0, 0}, {"rotate_mib", 'i', 0, 1 << 20}, {"keep", 'i', 0, 1000}, {NULL, 0, 0, 0}};
static const char *const wanted[] = {"file", NULL};

static bool failed(const file *f, fleck_error *err)
{
    return sv_error(err, FLECK_E_IO, "%s: %s", f->path, strerror(errno));
}

/* Open the file; after a cut line a new one begins. */
static bool reopen(file *f, fleck_error *err)
{
    char last = '\n';
    struct stat status;

    if (f->fd >= 0)
        close(f->fd);
    f->fd = open(f->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    if (f->fd < 0 || fstat(f->fd, &status) != 0)
        return failed(f, err);
    if (S_ISREG(status.st_mode) && status.st_size > 0 &&
        (pread(f->fd, &last, 1, status.st_size - 1) != 1 ||
         (last != '\n' && write(f->fd, "\n", 1) != 1)))
        return failed(f, err);
    return true;
}

static bool open_file(sv_sink *k, fleck_error *err)
{
    file *f = calloc(1, sizeof *f);

    k->state = f;
    if (f == NULL)
        return sv_error(err, FLECK_E_NOMEM, "out of memory");
    f->fd = -1;
    f->most = (int64_t)sv_sink_number(k, "rotate_mib", 64) << 20;
    f->keep = (int64_t)sv_sink_number(k, "keep", 5);
    f->path = sv_sink_path(k, sv_sink_text(k, "file", ""));
    if (f->path == NULL)
        return sv_error(err, FLECK_E_NOMEM, "out of memory");
    if (reopen(f, err))
        return true;
    return sv_error(err, FLECK_E_IO, "file: expected a file that can be written, found %s: %s",
                    f->path, strerror(errno));
}

static char *numbered(const file *f, int64_t n)
{
    char *out = NULL;

    return asprintf(&out, "%s.%lld", f->path, (long long)n) < 0 ? NULL : out;
}

static bool rotate(file *f, fleck_error *err)
{
    for (int64_t n = f->keep; n >= 1; n--) {
        char *to = numbered(f, n), *from = n > 1 ? numbered(f, n - 1) : strdup(f->path);
        const bool ok = to != NULL && from != NULL && (rename(from, to) == 0 || errno == ENOENT);

        free(to);
        free(from);
        if (!ok)
            return failed(f, err);
    }
    if (f->keep == 0 && unlink(f->path) != 0 && errno != ENOENT)
        return failed(f, err);
    return reopen(f, err);
}

/* Whether the path still names the open file. */
static bool still_there(const file *f, struct stat *own)
{
    struct stat there;

    return f->fd >= 0 && fstat(f->fd, own) == 0 && stat(f->path, &there) == 0 &&
           own->st_ino == there.st_ino && own->st_dev == there.st_dev;
}

static sv_sent send_line(sv_sink *k, const json_t *row, const char *text, fleck_error *err)
{
    file *f = k->state;
    const size_t n = strlen(text);
    struct iovec line[2] = {{(void *)(uintptr_t)text, n}, {(char[]){'\n'}, 1}};
    struct stat status;
    ssize_t written;

    (void)row;
    if (!still_there(f, &status) && (!reopen(f, err) || fstat(f->fd, &status) != 0))
        return SV_RETRY;
    if (f->most > 0 && S_ISREG(status.st_mode) && status.st_size > 0 &&
        status.st_size + (int64_t)n >= f->most && (!rotate(f, err) || fstat(f->fd, &status) != 0))
        return SV_RETRY;
    written = writev(f->fd, line, 2);
    if (written == (ssize_t)n + 1)
        return SV_SENT;
    if (written >= 0)
        errno = ENOSPC;
    failed(f, err);
    if (written > 0 && S_ISREG(status.st_mode)) /* no half line stays */
        (void)!ftruncate(f->fd, status.st_size);
    return SV_RETRY;
}

static bool flush(sv_sink *k)
{
    const file *f = k->state;

    return f->fd < 0 || fdatasync(f->fd) == 0 || errno == EINVAL || errno == EROFS;
}

static void close_file(sv_sink *k)
{
    file *f = k->state;

    if (f == NULL)
        return;
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    free(f);
    k->state = NULL;
}

const sv_sink_kind sv_jsonl_sink = {.name = "jsonl",
                                    .built = true,
                                    .members = members,
                                    .wanted = wanted,
                                    .open = open_file,
                                    .send = send_line,
                                    .flush = flush,
                                    .close = close_file};
