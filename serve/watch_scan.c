/* SPDX-License-Identifier: Apache-2.0 */
/* Walks through a watched folder, and opens its files.  Links are never followed. */
#define _GNU_SOURCE
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

char *sv_join(const char *folder, const char *name)
{
    char *out = NULL;

    return asprintf(&out, "%s%s%s", folder, folder[0] != '\0' ? "/" : "", name) < 0 ? NULL : out;
}

int sv_open_below(int root, const char *path, int flags)
{
    int at = fcntl(root, F_DUPFD_CLOEXEC, 0);

    for (;;) {
        const char *slash = strchr(path, '/');
        char part[NAME_MAX + 1];
        int next, kept;

        if (at < 0)
            return -1;
        if (slash == NULL) {
            next = openat(at, path[0] != '\0' ? path : ".", flags | O_NOFOLLOW | O_CLOEXEC);
        } else {
            snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
            next = openat(at, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        kept = errno;
        close(at);
        errno = kept;
        if (slash == NULL)
            return next;
        at = next;
        path = slash + 1;
    }
}

int sv_being_written(int fd)
{
    /* The kernel gives a lease for reading only while nobody has the file open for writing. */
    if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
        (void)fcntl(fd, F_SETLEASE, F_UNLCK);
        return 0;
    }
    return errno == EAGAIN ? 1 : -1;
}

bool sv_scan_wanted(const char *name)
{
    static const char *const endings[] = {".tmp",      ".part",       ".partial",
                                          ".filepart", ".crdownload", "~"};
    /* Systems keep thumbnails and deleted files there: those that the library leaves out too. */
    static const char *const folders[] = {"@eaDir",       "#recycle",           "@Recycle",
                                          "#snapshot",    "@Recently-Snapshot", "__MACOSX",
                                          "$RECYCLE.BIN", "lost+found"};
    const size_t n = strlen(name);

    if (name[0] == '.')
        return false;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (strcasecmp(name, folders[i]) == 0)
            return false;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (n >= strlen(endings[i]) && strcmp(name + n - strlen(endings[i]), endings[i]) == 0)
            return false;
    return true;
}

/* Go on with a folder, opened below the folder `at`; takes over path, its path from the root. */
static bool push(sv_scan *s, int at, const char *name, char *path)
{
    const int fd = path != NULL && s->depth < SV_MOST_DEPTH
                       ? sv_open_below(at, name, O_RDONLY | O_DIRECTORY)
                       : -1;
    DIR *d;

    if (fd >= 0 && s->enter != NULL)
        s->enter(s->ctx, path, fd);
    if (fd < 0 || (d = fdopendir(fd)) == NULL) {
        if (fd >= 0)
            close(fd);
        free(path);
        return false;
    }
    s->open[s->depth] = d;
    s->path[s->depth] = path;
    s->depth++;
    return true;
}

bool sv_scan_begin(sv_scan *s, int root, const char *path)
{
    return push(s, root, path, strdup(path));
}

static void leave(sv_scan *s)
{
    s->depth--;
    closedir(s->open[s->depth]);
    free(s->path[s->depth]);
}

void sv_scan_end(sv_scan *s)
{
    while (s->depth > 0)
        leave(s);
}

bool sv_scan_next(sv_scan *s, char **path, struct stat *status)
{
    while (s->depth > 0) {
        DIR *d = s->open[s->depth - 1];
        struct dirent *entry = readdir(d);

        if (entry == NULL) {
            leave(s);
            continue;
        }
        if (!sv_scan_wanted(entry->d_name) ||
            fstatat(dirfd(d), entry->d_name, status, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (S_ISDIR(status->st_mode) && s->subfolders) {
            (void)push(s, dirfd(d), entry->d_name, sv_join(s->path[s->depth - 1], entry->d_name));
        } else if (S_ISREG(status->st_mode)) {
            *path = sv_join(s->path[s->depth - 1], entry->d_name);
            return *path != NULL;
        }
    }
    return false;
}
