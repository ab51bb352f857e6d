/* SPDX-License-Identifier: Apache-2.0 */
/* Progress: a long call reports it to its caller, who may cancel the call. */
#ifndef FK_BASE_WATCH_H
#define FK_BASE_WATCH_H

#include "base/error.h"

/* Used only on the thread that called fleck.  Valid when zeroed, which makes no reports.  All
 * functions below accept NULL and then do nothing. */
typedef struct fk_watch {
    fleck_progress *call; /* NULL: no reports */
    void *ctx;
    const char *stage; /* static text; NULL before the first */
    int64_t done, total;
    double last;  /* time of the last report */
    bool stopped; /* the call is cancelled; this stays */
} fk_watch;

/* Begin a stage of `total` steps; 0 if their number is not known. */
void fk_watch_stage(fk_watch *w, const char *stage, int64_t total);
/* The same at the start of a public call; an earlier cancellation no longer counts. */
void fk_watch_begin(fk_watch *w, const char *stage, int64_t total);
/* Report that `done` of the stage's steps are done.  FLECK_E_CANCELLED if the caller cancels, now
 * or earlier; the message names stage and step. */
fleck_status fk_watch_tell(fk_watch *w, int64_t done, fleck_error *err) FLECK_MUST_CHECK;
/* The same, but report only if the last report was FK_WATCH_SECONDS ago: for many short steps. */
fleck_status fk_watch_step(fk_watch *w, int64_t done, fleck_error *err) FLECK_MUST_CHECK;
/* The same within a step. */
fleck_status fk_watch_look(fk_watch *w, fleck_error *err) FLECK_MUST_CHECK;

#define FK_WATCH_SECONDS 0.1

/* For tests: report after this many seconds instead; 0: at every step. */
void fk_watch_set_interval(double seconds);

#endif
