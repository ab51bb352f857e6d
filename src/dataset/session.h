/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: good images that were taken together, and are more alike than images of another day. */
#ifndef FK_DATASET_SESSION_H
#define FK_DATASET_SESSION_H

#include "base/error.h"

/* What decides the sessions. */
typedef enum fk_session_kind {
    FK_SESSION_AUTO,   /* the first of folder, day and prefix that gives several, else runs */
    FK_SESSION_FOLDER, /* by folder */
    FK_SESSION_DAY,    /* by the day in their names */
    FK_SESSION_PREFIX, /* by the names up to the last number */
    FK_SESSION_RUN,    /* runs of neighbours in the order of names, of equal length */
    FK_SESSION_NONE    /* no sessions */
} fk_session_kind;

/* "auto", "folder", "day", "prefix", "runs" and "none". */
bool fk_session_parse(const char *name, fk_session_kind *out);
const char *fk_session_name(fk_session_kind kind);

/* The day in a file's name: 20YYMMDD or 19YYMMDD, with separators '-' or '_' or without, or
 * YYMMDDhhmm[ss], as a number YYYYMMDD; 0 if there is none. */
int32_t fk_session_day(const char *path);

/* Number the sessions of n images: of[i] is 0, 1, ... in the order of their first images.  files is
 * NULL for images without names, which have runs only.  `most` is the number of runs.  *used
 * becomes the kind that was used.
 *   FLECK_E_OPTION  FK_SESSION_DAY, and a name has no day */
fleck_status fk_sessions_find(int32_t *of, int64_t *count, fk_session_kind *used,
                              const char *const *files, int64_t n, fk_session_kind kind,
                              int64_t most, fleck_error *err) FLECK_MUST_CHECK;

/* Join sessions into at most `most` folds: fold[i] of image i.  A fold has whole consecutive
 * sessions, and folds are as equal in images as that allows.  Returns their number. */
int64_t fk_sessions_fold(int32_t *fold, const int32_t *of, int64_t n, int64_t sessions,
                         int64_t most);

#endif
