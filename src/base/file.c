/* SPDX-License-Identifier: Apache-2.0 */
/* Files: whole reads with limits, and writes that appear whole or not at all. */
#define _GNU_SOURCE
#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static fk_stamp stamp_from(const struct stat *info)
{
    return (fk_stamp){(uint64_t)info->st_dev, (uint64_t)info->st_ino, (int64_t)info->st_size,
                      (int64_t)info->st_mtim.tv_sec, (int64_t)info->st_mtim.tv_nsec};
}

bool fk_stamp_same(const fk_stamp *a, const fk_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->seconds == b->seconds && a->nanoseconds == b->nanoseconds;
}

bool fk_path_same(const char *a, const char *b)
{
    fk_stamp x, y;

    return a != NULL && b != NULL && fk_stamp_of(&x, a) && fk_stamp_of(&y, b) &&
           x.device == y.device && x.inode == y.inode;
}

bool fk_stamp_of(fk_stamp *out, const char *path)
{
    struct stat info;

    *out = (fk_stamp){0};
    if (stat(path, &info) != 0)
        return false;
    *out = stamp_from(&info);
    return true;
}

fleck_status fk_file_open(fk_file *out, const char *path, size_t limit, fleck_error *err)
{
    struct stat info;
    fleck_status st = FLECK_OK;

    *out = (fk_file){.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), .path = path};
    if (out->fd < 0)
        return fk_error_errno(err, "cannot open", path);
    if (fstat(out->fd, &info) != 0)
        st = fk_error_errno(err, "cannot stat", path);
    else if (!S_ISREG(info.st_mode))
        st = fk_error_set(err, FLECK_E_FORMAT, "%s: expected a regular file, found %s", path,
                          S_ISDIR(info.st_mode) ? "a folder" : "a device or pipe");
    else if (limit > 0 && (uint64_t)info.st_size > limit)
        st = fk_error_set(err, FLECK_E_LIMIT, "%s: %lld bytes, the limit is %zu", path,
                          (long long)info.st_size, limit);
    else
        out->stamp = stamp_from(&info);
    if (st != FLECK_OK)
        fk_file_close(out);
    return st;
}

void fk_file_close(fk_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

fleck_status fk_file_read(const fk_file *f, void *to, int64_t from, size_t size, fleck_error *err)
{
    uint8_t *out = to;
    size_t done = 0;

    while (done < size) {
        ssize_t n = pread(f->fd, out + done, size - done, (off_t)(from + (int64_t)done));

        if (n == 0)
            return fk_error_set(err, FLECK_E_IO,
                                "%s: the file became shorter while it was read: expected %lld "
                                "bytes, found %lld",
                                f->path, (long long)f->stamp.size,
                                (long long)(from + (int64_t)done));
        if (n < 0 && errno != EINTR)
            return fk_error_errno(err, "cannot read", f->path);
        done += n > 0 ? (size_t)n : 0;
    }
    return FLECK_OK;
}

fleck_status fk_file_unchanged(const fk_file *f, fleck_error *err)
{
    struct stat info;
    fk_stamp now;

    if (fstat(f->fd, &info) != 0)
        return fk_error_errno(err, "cannot stat", f->path);
    now = stamp_from(&info);
    if (!fk_stamp_same(&now, &f->stamp))
        return fk_error_set(err, FLECK_E_IO, "%s: the file changed while it was read", f->path);
    return FLECK_OK;
}

fleck_status fk_contents_read(fk_contents *out, const char *path, size_t limit, fleck_error *err)
{
    fk_file file;
    void *data = NULL;
    fleck_status st;

    *out = (fk_contents){0};
    FK_DO(fk_file_open(&file, path, limit, err));
    if (file.stamp.size > 0) {
        FK_DO(fk_alloc_large(&data, file.stamp.size, err));
        FK_DO(fk_file_read(&file, data, 0, (size_t)file.stamp.size, err));
    }
    FK_DO(fk_file_unchanged(&file, err));
    *out = (fk_contents){data, (size_t)file.stamp.size};
    data = NULL;
done:
    fk_free_large(data, file.stamp.size);
    fk_file_close(&file);
    return st;
}

void fk_contents_free(fk_contents *c)
{
    fk_free_large((void *)(uintptr_t)c->data, (int64_t)c->size);
    *c = (fk_contents){0};
}

fleck_status fk_folder_make(const char *path, fleck_error *err)
{
    char *copy = NULL;
    fleck_status st;

    if (path[0] == '\0')
        return fk_error_set(err, FLECK_E_NOTFOUND, "cannot make a folder without a name");
    st = fk_strdup(&copy, path, err);
    if (st != FLECK_OK)
        return st;
    for (char *p = copy + 1;; p++) {
        bool last = *p == '\0';

        if (*p != '/' && !last)
            continue;
        *p = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST) {
            st = fk_error_errno(err, "cannot make folder", copy);
            break;
        }
        if (last)
            break;
        *p = '/';
    }
    if (st == FLECK_OK && !fk_path_is_folder(path))
        st = fk_error_set(err, FLECK_E_IO, "cannot make folder %s: a file is in the way", path);
    fk_free(copy);
    return st;
}

bool fk_path_is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool fk_path_is_file(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

fleck_status fk_path_join(char **out, const char *a, const char *b, fleck_error *err)
{
    size_t n = strlen(a);

    while (n > 0 && a[n - 1] == '/' && *b == '/')
        b++;
    return fk_asprintf(out, err, n == 0 || a[n - 1] == '/' || *b == '/' ? "%s%s" : "%s/%s", a, b);
}

fleck_status fk_path_base(char **out, const char *path, fleck_error *err)
{
    size_t end = strlen(path), start;

    while (end > 1 && path[end - 1] == '/')
        end--;
    start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    return fk_asprintf(out, err, "%.*s", (int)(end - start), path + start);
}

fleck_status fk_path_stem(char **out, const char *path, fleck_error *err)
{
    fleck_status st = fk_path_base(out, path, err);
    char *dot;

    if (st != FLECK_OK)
        return st;
    dot = strrchr(*out, '.');
    if (dot != NULL && dot != *out)
        *dot = '\0';
    return FLECK_OK;
}

fleck_status fk_folder_list(fk_names *out, const char *path, char which, fleck_error *err)
{
    struct dirent *entry;
    fleck_status st = FLECK_OK;
    int64_t before = out->count;
    char *full = NULL;
    DIR *dir = opendir(path);

    if (dir == NULL)
        return fk_error_errno(err, "cannot list", path);
    errno = 0;
    while ((entry = readdir(dir)) != NULL) {
        bool take;

        if (entry->d_name[0] == '.')
            continue;
        FK_DO(fk_path_join(&full, path, entry->d_name, err));
        take = which == 'd' ? fk_path_is_folder(full) : fk_path_is_file(full);
        fk_free(full);
        full = NULL;
        if (take)
            FK_DO(fk_names_add(out, entry->d_name, err));
        errno = 0;
    }
    if (errno != 0) {
        st = fk_error_errno(err, "cannot list", path);
        goto done;
    }
    fk_names_sort(out);
done:
    while (st != FLECK_OK && out->count > before)
        fk_free(out->items[--out->count]);
    fk_free(full);
    closedir(dir);
    return st;
}
