/* SPDX-License-Identifier: Apache-2.0 */
/* Files: whole reads with limits, and writes that appear whole or not at all. */
#ifndef FK_BASE_FILE_H
#define FK_BASE_FILE_H

#include "base/error.h"
#include "base/str.h"
#include "base/watch.h"

/* Identity and version of a file.  It is only compared, never shown. */
typedef struct fk_stamp {
    uint64_t device, inode;
    int64_t size, seconds, nanoseconds; /* time of the last change of its bytes */
} fk_stamp;

bool fk_stamp_same(const fk_stamp *a, const fk_stamp *b);
/* Stamp of the file that path names now; false if there is none or it cannot be read. */
bool fk_stamp_of(fk_stamp *out, const char *path);
/* Whether two paths name the same file or folder, by device and inode.  Either may be NULL, or name
 * nothing. */
bool fk_path_same(const char *a, const char *b);

/* A regular file opened for reading.  Files are read, not mapped: another process may truncate a
 * file at any time, and access to a mapping beyond its end would end this process. */
typedef struct fk_file {
    int fd;
    const char *path; /* borrowed, for messages */
    fk_stamp stamp;   /* when it was opened */
} fk_file;

/* Open path.  A folder, a device or a pipe gives FLECK_E_FORMAT, more than limit bytes (0: no
 * limit) FLECK_E_LIMIT.  On failure fd is -1. */
fleck_status fk_file_open(fk_file *out, const char *path, size_t limit,
                          fleck_error *err) FLECK_MUST_CHECK;
/* Read exactly size bytes from byte `from` on, on any thread.  FLECK_E_IO if there are fewer: the
 * file was truncated after it was opened. */
fleck_status fk_file_read(const fk_file *f, void *to, int64_t from, size_t size,
                          fleck_error *err) FLECK_MUST_CHECK;
/* FLECK_E_IO if the file has changed since it was opened, so that the bytes read may be of two
 * versions. */
fleck_status fk_file_unchanged(const fk_file *f, fleck_error *err) FLECK_MUST_CHECK;
void fk_file_close(fk_file *f);

/* A file's bytes; valid when zeroed. */
typedef struct fk_contents {
    const uint8_t *data;
    size_t size;
} fk_contents;

/* Read all of path.  An empty file gives size 0 and data NULL.  Errors are those of fk_file_open(),
 * and FLECK_E_IO if the file changed while it was read. */
fleck_status fk_contents_read(fk_contents *out, const char *path, size_t limit,
                              fleck_error *err) FLECK_MUST_CHECK;
void fk_contents_free(fk_contents *c);

/* A file being written, which has no name until it is complete.  On file systems without such files
 * it has a short temporary name in the same folder, which begins with a dot. */
typedef struct fk_writer fk_writer;

/* Begin a file.  Nothing appears at path before fk_writer_commit().  If path is a link, its target
 * is written, whether it exists or not.  An existing file is replaced; the new one keeps its mode,
 * and its owner if that is allowed.  FLECK_E_IO if path is a folder, a device or a pipe, or if file
 * or folder may not be written. */
fleck_status fk_writer_open(fk_writer **out, const char *path, fleck_error *err) FLECK_MUST_CHECK;
/* Append bytes.  After a failure fk_writer_commit() fails as well. */
fleck_status fk_writer_write(fk_writer *w, const void *bytes, size_t size,
                             fleck_error *err) FLECK_MUST_CHECK;
/* Flush, fsync, give the file its name and close it; *w becomes NULL in any case.  On failure
 * nothing is left and path is as it was. */
fleck_status fk_writer_commit(fk_writer **w, fleck_error *err) FLECK_MUST_CHECK;
/* Close and remove the file; NULL and *w == NULL are legal. */
void fk_writer_abort(fk_writer **w);
/* Check whether path could be written now.  Errors are those of fk_writer_open(). */
fleck_status fk_writer_check(const char *path, fleck_error *err) FLECK_MUST_CHECK;
/* For tests: give every file a temporary name, as on file systems without unnamed files. */
void fk_writer_use_names(bool on);

/* Write a whole file, through a writer. */
fleck_status fk_file_write(const char *path, const void *bytes, size_t size,
                           fleck_error *err) FLECK_MUST_CHECK;

/* Copy a regular file's bytes, through a writer, reporting them in stage "write".  FLECK_E_IO if it
 * changes meanwhile, or (wanted not NULL) has changed since it had that stamp. */
fleck_status fk_file_copy(const char *from, const char *to, const fk_stamp *wanted, fk_watch *watch,
                          fleck_error *err) FLECK_MUST_CHECK;

/* Make folder path and its parents; an existing folder is success. */
fleck_status fk_folder_make(const char *path, fleck_error *err) FLECK_MUST_CHECK;

bool fk_path_is_folder(const char *path);
bool fk_path_is_file(const char *path);

/* "a/b", with exactly one slash between, or b if a is empty; free with fk_free(). */
fleck_status fk_path_join(char **out, const char *a, const char *b,
                          fleck_error *err) FLECK_MUST_CHECK;

/* The part after the last slash, trailing slashes not counted; empty for "/"; free with fk_free().
 */
fleck_status fk_path_base(char **out, const char *path, fleck_error *err) FLECK_MUST_CHECK;

/* The last component without its last extension; free with fk_free(). */
fleck_status fk_path_stem(char **out, const char *path, fleck_error *err) FLECK_MUST_CHECK;

/* Add the names in folder path to out, except those that begin with a dot, and sort out in natural
 * order.  which: 'f' files, 'd' folders; symbolic links are followed.  On failure out is as it
 * was. */
fleck_status fk_folder_list(fk_names *out, const char *path, char which,
                            fleck_error *err) FLECK_MUST_CHECK;

#endif
