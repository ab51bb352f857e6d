/* SPDX-License-Identifier: Apache-2.0 */
/* Writes: files appear complete or not at all. */
#define _GNU_SOURCE
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Most links in a row that are followed, as on Linux. */
#define MOST_LINKS 40

struct fk_writer {
    FILE *file;
    char *path;         /* as it was given, for messages */
    char *target;       /* path with its links followed */
    const char *name;   /* target's last part */
    int folder;         /* descriptor of the target's folder */
    char temporary[48]; /* temporary name in that folder; empty: the file has no name */
    bool failed;        /* a write failed, so the file must not appear */
    int64_t unsynced;   /* bytes written since the last start of writeback */
};

static void writer_free(fk_writer *w)
{
    if (w->file != NULL)
        fclose(w->file);
    if (w->temporary[0] != '\0')
        unlinkat(w->folder, w->temporary, 0);
    if (w->folder >= 0)
        close(w->folder);
    fk_free(w->path);
    fk_free(w->target);
    fk_free(w);
}

static fleck_status refused(const fk_writer *w, fleck_error *err)
{
    return fk_error_errno(err, "cannot write", w->path);
}

/* A rename would replace a device or pipe by a file. */
static fleck_status check_target(const char *path, fleck_error *err)
{
    struct stat info;
    size_t n = strlen(path);

    if (n == 0)
        return fk_error_set(err, FLECK_E_NOTFOUND, "cannot write a file without a name");
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        return fk_error_set(err, FLECK_E_IO, "cannot write %s: it is %s", path,
                            S_ISDIR(info.st_mode) ? "a folder" : "a device or pipe");
    if (path[n - 1] == '/')
        return fk_error_set(err, FLECK_E_NOTFOUND, "cannot write %s: there is no such folder",
                            path);
    return FLECK_OK;
}

/* Bytes of path's folder, its slash included. */
static size_t folder_bytes(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

/* Set w->target: w->path with links followed.  The last link may lead to nothing. */
static fleck_status follow_links(fk_writer *w, fleck_error *err)
{
    char to[PATH_MAX], *next;
    ssize_t n;
    fleck_status st;

    FK_DO(fk_strdup(&w->target, w->path, err));
    for (int links = 0; (n = readlink(w->target, to, sizeof to - 1)) >= 0; links++) {
        to[n] = '\0';
        if (links == MOST_LINKS) {
            errno = ELOOP;
            return refused(w, err);
        }
        FK_DO(fk_asprintf(&next, err, "%.*s%s", to[0] == '/' ? 0 : (int)folder_bytes(w->target),
                          w->target, to));
        fk_free(w->target);
        w->target = next;
    }
done:
    return st;
}

/* Open the target's folder and check what is at the target now. */
static fleck_status open_folder(fk_writer *w, fleck_error *err)
{
    size_t n = folder_bytes(w->target);
    struct stat info;
    char *folder = NULL;
    fleck_status st;

    w->name = w->target + n;
    FK_DO(fk_asprintf(&folder, err, "%.*s", n > 0 ? (int)n : 1, n > 0 ? w->target : "."));
    w->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    fk_free(folder);
    if (w->folder < 0)
        return refused(w, err);
    if (fstatat(w->folder, w->name, &info, 0) != 0 && errno != ENOENT)
        return refused(w, err);
    /* A rename would replace a read-only file too. */
    if (faccessat(w->folder, w->name, W_OK, AT_EACCESS) != 0 && errno != ENOENT)
        return refused(w, err);
done:
    return st;
}

/* A temporary name.  It is short even if the target's is long. */
static void next_name(char *out, size_t size)
{
    static _Atomic unsigned serial;

    snprintf(out, size, ".fleck-%ld-%u.part", (long)getpid(), serial++);
}

/* If a process with the same number has left a file, the next name is tried. */
#define MOST_TURNS 100

static bool named_from_the_start;

void fk_writer_use_names(bool on)
{
    named_from_the_start = on;
}

/* Open a file with a temporary name, for file systems without unnamed files. */
static int open_named(fk_writer *w)
{
    int fd = -1;

    for (int turn = 0; fd < 0 && turn < MOST_TURNS; turn++) {
        next_name(w->temporary, sizeof w->temporary);
        fd = openat(w->folder, w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd < 0)
        w->temporary[0] = '\0';
    return fd;
}

static void path_of(char *out, size_t size, int fd)
{
    snprintf(out, size, "/proc/self/fd/%d", fd);
}

/* Open an unnamed file.  It disappears with the process, and gets its name through /proc. */
static int open_unnamed(const fk_writer *w)
{
    int fd = -1;
#ifdef O_TMPFILE
    char path[64];

    if (named_from_the_start)
        return -1;
    fd = openat(w->folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    path_of(path, sizeof path, fd);
    if (fd >= 0 && faccessat(AT_FDCWD, path, F_OK, AT_EACCESS) != 0) {
        close(fd);
        fd = -1;
    }
#else
    (void)w;
#endif
    return fd;
}

static fleck_status open_file(fk_writer *w, fleck_error *err)
{
    int fd = open_unnamed(w);

    if (fd < 0)
        fd = open_named(w);
    if (fd < 0)
        return refused(w, err);
    w->file = fdopen(fd, "wb");
    if (w->file != NULL)
        return FLECK_OK;
    close(fd);
    return refused(w, err);
}

fleck_status fk_writer_open(fk_writer **out, const char *path, fleck_error *err)
{
    fk_writer *w = NULL;
    fleck_status st;

    *out = NULL;
    FK_DO(FK_CALLOC(&w, 1, err));
    w->folder = -1;
    FK_DO(fk_strdup(&w->path, path, err));
    FK_DO(check_target(path, err));
    FK_DO(follow_links(w, err));
    FK_DO(open_folder(w, err));
    FK_DO(open_file(w, err));
    *out = w;
    return FLECK_OK;
done:
    if (w != NULL)
        writer_free(w);
    return st;
}

/* Bytes of one write.  Linux caches a large write in pages of 2 MiB from memory that was not used
 * lately; in a virtual machine the host must provide it first, which takes time. */
#define WRITE_BYTES ((size_t)512 << 10)
/* After so many bytes the system is told to start writing them to disk, so that the commit does not
 * wait long. */
#define WRITEBACK_BYTES ((int64_t)2 << 20)

static void start_writeback(fk_writer *w, size_t size)
{
    w->unsynced += (int64_t)size;
    if (w->unsynced < WRITEBACK_BYTES)
        return;
    w->unsynced = 0;
#ifdef SYNC_FILE_RANGE_WRITE
    (void)!sync_file_range(fileno(w->file), 0, 0, SYNC_FILE_RANGE_WRITE);
#endif
}

fleck_status fk_writer_write(fk_writer *w, const void *bytes, size_t size, fleck_error *err)
{
    const char *from = bytes;

    for (size_t n; size > 0; from += n, size -= n) {
        n = size < WRITE_BYTES ? size : WRITE_BYTES;
        if (fwrite(from, 1, n, w->file) != n) {
            w->failed = true;
            return refused(w, err);
        }
        start_writeback(w, n);
    }
    return FLECK_OK;
}

/* Give the new file the mode of the file that it replaces, and its owner if that is allowed. */
static fleck_status copy_mode(const fk_writer *w, fleck_error *err)
{
    struct stat old, now;
    int fd = fileno(w->file);

    if (fstatat(w->folder, w->name, &old, 0) != 0)
        return FLECK_OK;
    if (fstat(fd, &now) != 0)
        return refused(w, err);
    if (old.st_uid != now.st_uid || old.st_gid != now.st_gid)
        (void)!fchown(fd, old.st_uid, old.st_gid);
    if ((old.st_mode & 07777) != (now.st_mode & 07777) && fchmod(fd, old.st_mode & 07777) != 0)
        return refused(w, err);
    return FLECK_OK;
}

/* Give an unnamed file the target's name if that is free, else a temporary one. */
static int link_unnamed(fk_writer *w)
{
    char from[64];
    int code;

    path_of(from, sizeof from, fileno(w->file));
    if (linkat(AT_FDCWD, from, w->folder, w->name, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    if (errno != EEXIST)
        return -1;
    for (int turn = 0; turn < MOST_TURNS; turn++) {
        next_name(w->temporary, sizeof w->temporary);
        code = linkat(AT_FDCWD, from, w->folder, w->temporary, AT_SYMLINK_FOLLOW);
        if (code == 0 || errno != EEXIST)
            break;
    }
    if (code != 0)
        w->temporary[0] = '\0';
    return code;
}

static fleck_status give_name(fk_writer *w, fleck_error *err)
{
    if (w->temporary[0] == '\0' && link_unnamed(w) != 0)
        return refused(w, err);
    if (w->temporary[0] == '\0') /* it has the target's name already */
        return FLECK_OK;
    if (renameat(w->folder, w->temporary, w->folder, w->name) != 0)
        return refused(w, err);
    w->temporary[0] = '\0';
    return FLECK_OK;
}

fleck_status fk_writer_commit(fk_writer **handle, fleck_error *err)
{
    fk_writer *w = *handle;
    fleck_status st;

    if (w->failed)
        FK_FAIL(err, FLECK_E_IO, "cannot write %s: an earlier write failed", w->path);
    FK_DO(copy_mode(w, err));
    if (fflush(w->file) != 0 || fsync(fileno(w->file)) != 0) {
        st = refused(w, err);
        goto done;
    }
    FK_DO(give_name(w, err));
done:
    writer_free(w);
    *handle = NULL;
    return st;
}

void fk_writer_abort(fk_writer **handle)
{
    if (handle == NULL || *handle == NULL)
        return;
    writer_free(*handle);
    *handle = NULL;
}

fleck_status fk_writer_check(const char *path, fleck_error *err)
{
    fk_writer *w = NULL;
    fleck_status st = fk_writer_open(&w, path, err);

    fk_writer_abort(&w);
    return st;
}

fleck_status fk_file_write(const char *path, const void *bytes, size_t size, fleck_error *err)
{
    fk_writer *w = NULL;
    fleck_status st;

    FK_DO(fk_writer_open(&w, path, err));
    FK_DO(fk_writer_write(w, bytes, size, err));
    FK_DO(fk_writer_commit(&w, err));
done:
    fk_writer_abort(&w);
    return st;
}

fleck_status fk_file_copy(const char *from, const char *to, const fk_stamp *wanted, fk_watch *watch,
                          fleck_error *err)
{
    fk_file file = {.fd = -1};
    fk_writer *w = NULL;
    char *piece = NULL;
    fleck_status st;

    FK_DO(fk_file_open(&file, from, 0, err));
    if (wanted != NULL)
        file.stamp = *wanted;
    FK_DO(fk_file_unchanged(&file, err));
    FK_DO(fk_writer_open(&w, to, err));
    fk_watch_stage(watch, "write", file.stamp.size);
    FK_DO(FK_ALLOC(&piece, (int64_t)WRITE_BYTES, err));
    for (int64_t at = 0; at < file.stamp.size;) {
        const int64_t left = file.stamp.size - at;
        const size_t n = left < (int64_t)WRITE_BYTES ? (size_t)left : WRITE_BYTES;

        FK_DO(fk_file_read(&file, piece, at, n, err));
        FK_DO(fk_writer_write(w, piece, n, err));
        at += (int64_t)n;
        FK_DO(fk_watch_step(watch, at, err));
    }
    FK_DO(fk_file_unchanged(&file, err));
    FK_DO(fk_writer_commit(&w, err));
done:
    fk_writer_abort(&w);
    fk_file_close(&file);
    fk_free(piece);
    return st;
}
