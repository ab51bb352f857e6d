/* SPDX-License-Identifier: Apache-2.0 */
/* A watched folder: each complete file is judged once, whatever ends the process meanwhile.
 *
 * The inspection and the note that the file was judged are one transaction.  A file is the same
 * after it was touched or written again with the same bytes, or after it was renamed: device,
 * inode, size, time and bytes stay.  One that has other bytes is another, also under an old
 * name. */
#ifndef FLECK_SERVE_WATCH_H
#define FLECK_SERVE_WATCH_H

#include "sources.h"

#include <dirent.h>
#include <sys/stat.h>

/* ---- Looking through a folder (watch_scan.c) ---- */

enum { SV_MOST_DEPTH = 32 };

/* A walk through the folder, and through subfolders if they are watched. */
typedef struct sv_scan {
    DIR *open[SV_MOST_DEPTH];
    char *path[SV_MOST_DEPTH]; /* relative, "" for the folder itself */
    int depth;
    bool subfolders;
    /* Called for each folder before it is read. */
    void (*enter)(void *ctx, const char *path, int fd);
    void *ctx;
} sv_scan;

/* Begin at a folder below root, an open folder: relative path, or "" for itself. */
bool sv_scan_begin(sv_scan *s, int root, const char *path);
/* The next regular file; free() *path.  False: no more. */
bool sv_scan_next(sv_scan *s, char **path, struct stat *status);
void sv_scan_end(sv_scan *s);
/* Whether files of this name are judged: it is neither hidden nor temporary. */
bool sv_scan_wanted(const char *name);
/* Open a file or folder below root without following a link at any part of the path; -1: errno. */
int sv_open_below(int root, const char *path, int flags);
/* Whether another process has the file open for writing: 1, 0, or -1: cannot be known. */
int sv_being_written(int fd);
/* folder/name, or name where folder is ""; free() it. */
char *sv_join(const char *folder, const char *name);

/* ---- Files that were judged (watch_seen.c) ---- */

/* What is known about a file. */
typedef enum sv_known {
    SV_NEW,    /* to be judged */
    SV_KNOWN,  /* judged: the same file by its status */
    SV_UNREAD, /* judged without being read, since that was not possible */
    SV_BROKEN  /* the database failed */
} sv_known;
/* By its status alone. */
sv_known sv_judged_by_status(struct sv_server *s, int64_t source, const char *path,
                             const struct stat *status, fleck_error *err);
/* By its content too: SV_KNOWN if it was judged under this path or another one.  It then notes the
 * new path or status. */
sv_known sv_judged_by_content(struct sv_server *s, const sv_judged_file *file, fleck_error *err);
/* Note that the file was judged.  A file that its path named before goes on being known, without a
 * path: a camera program may use one name for all its files, and rename each. */
bool sv_seen_note(sv_db *db, const sv_judged_file *file, int64_t inspection, fleck_error *err);
/* The file was renamed: a file that comes to its old path is another one, even with its bytes. */
void sv_seen_moved(sv_db *db, int64_t source, const char *path);
int64_t sv_mtime_ns(const struct stat *status);

/* ---- The source (watch.c) ---- */

/* A source's run(): config {folder, subfolders, poll, once}. */
void sv_watch_run(sv_source *src);

#endif
