/* Files: whole reads with limits, and writes that appear whole or not at all. */
#ifndef FK_BASE_FILE_H
#define FK_BASE_FILE_H

#include "base/error.h"
#include "base/str.h"

/* What tells a file from another, and from what it was: compared, never shown. */
typedef struct fk_stamp {
    uint64_t device, inode;
    int64_t size, seconds, nanoseconds; /* of the last change of its bytes */
} fk_stamp;

bool fk_stamp_same(const fk_stamp *a, const fk_stamp *b);
/* The stamp of what path names now; false where there is nothing, or nothing that may be seen. */
bool fk_stamp_of(fk_stamp *out, const char *path);
/* Whether two paths name one file or folder: device and inode.  Either may be NULL, or name
 * nothing. */
bool fk_path_same(const char *a, const char *b);

/* A regular file opened for reading.  Files are read, not mapped: another process may cut a file
 * short at any time, and touching a mapping behind its end would end this one. */
typedef struct fk_file {
    int fd;
    const char *path; /* borrowed, for messages */
    fk_stamp stamp;   /* when it was opened */
} fk_file;

/* Open path.  A folder, a device or a pipe is FLECK_E_FORMAT; more than limit bytes (0: none)
 * FLECK_E_LIMIT.  On failure fd is -1. */
fleck_status fk_file_open(fk_file *out, const char *path, size_t limit,
                          fleck_error *err) FLECK_MUST_CHECK;
/* Read exactly size bytes from byte `from` on; any thread.  FLECK_E_IO where there are fewer: the
 * file became shorter after it was opened. */
fleck_status fk_file_read(const fk_file *f, void *to, int64_t from, size_t size,
                          fleck_error *err) FLECK_MUST_CHECK;
/* FLECK_E_IO where the file is no longer what was opened, so that what was read may be of two. */
fleck_status fk_file_unchanged(const fk_file *f, fleck_error *err) FLECK_MUST_CHECK;
void fk_file_close(fk_file *f);

/* A file's bytes; valid when zeroed. */
typedef struct fk_contents {
    const uint8_t *data;
    size_t size;
} fk_contents;

/* Read all of path.  An empty file gives size 0 and data NULL.  Errors of fk_file_open(), and
 * FLECK_E_IO where the file changed while it was read. */
fleck_status fk_contents_read(fk_contents *out, const char *path, size_t limit,
                              fleck_error *err) FLECK_MUST_CHECK;
void fk_contents_free(fk_contents *c);

/* A file being written, which has no name until it is whole.  Where the file system has no such
 * files it has a short name in the same folder that begins with a dot. */
typedef struct fk_writer fk_writer;

/* Begin a file.  Nothing is visible at path before fk_writer_commit().  A link is followed: what it
 * leads to is written, be it there or not.  A file that is there is replaced; its mode stays, its
 * owner where that is allowed.  A path that is a folder, a device or a pipe, and a file or folder
 * that may not be written, is FLECK_E_IO. */
fleck_status fk_writer_open(fk_writer **out, const char *path, fleck_error *err) FLECK_MUST_CHECK;
/* Add bytes.  After a failure fk_writer_commit() fails as well. */
fleck_status fk_writer_write(fk_writer *w, const void *bytes, size_t size,
                             fleck_error *err) FLECK_MUST_CHECK;
/* Flush, fsync, give it its name and close; *w becomes NULL either way.  On failure nothing is left
 * and path is as it was. */
fleck_status fk_writer_commit(fk_writer **w, fleck_error *err) FLECK_MUST_CHECK;
/* Close and leave nothing; NULL and *w == NULL are legal. */
void fk_writer_abort(fk_writer **w);
/* Whether path could be written now: the errors of fk_writer_open(). */
fleck_status fk_writer_check(const char *path, fleck_error *err) FLECK_MUST_CHECK;
/* For tests: name every file from its beginning, as on a file system that has none without. */
void fk_writer_use_names(bool on);

/* Write a whole file in one go, through a writer. */
fleck_status fk_file_write(const char *path, const void *bytes, size_t size,
                           fleck_error *err) FLECK_MUST_CHECK;

/* Copy a regular file's bytes, through a writer.  FLECK_E_IO where it changes meanwhile. */
fleck_status fk_file_copy(const char *from, const char *to, fleck_error *err) FLECK_MUST_CHECK;

/* Make folder path and its parents; an existing folder is success. */
fleck_status fk_folder_make(const char *path, fleck_error *err) FLECK_MUST_CHECK;

bool fk_path_is_folder(const char *path);
bool fk_path_is_file(const char *path);

/* "a/b", with exactly one slash between, or b where a is empty; free with fk_free(). */
fleck_status fk_path_join(char **out, const char *a, const char *b,
                          fleck_error *err) FLECK_MUST_CHECK;

/* The part after the last slash, trailing slashes not counted; empty for "/"; free with fk_free().
 */
fleck_status fk_path_base(char **out, const char *path, fleck_error *err) FLECK_MUST_CHECK;

/* The last component without its last extension; free with fk_free(). */
fleck_status fk_path_stem(char **out, const char *path, fleck_error *err) FLECK_MUST_CHECK;

/* Names in folder path (no "." and "..", nothing that begins with a dot), added to
 * out, which is then sorted in natural order.  which: 'f' files, 'd' folders, symbolic links
 * followed.  On failure out holds what it held before. */
fleck_status fk_folder_list(fk_names *out, const char *path, char which,
                            fleck_error *err) FLECK_MUST_CHECK;

#endif
