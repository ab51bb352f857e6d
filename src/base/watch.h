/* Progress: what a long call tells its caller, who may stop it. */
#ifndef FK_BASE_WATCH_H
#define FK_BASE_WATCH_H

#include "base/error.h"

/* Used on the thread that called fleck alone.  Valid when zeroed, which tells nobody.  A NULL
 * pointer to one is legal everywhere below and does nothing. */
typedef struct fk_watch {
    fleck_progress *call; /* NULL: nobody is told */
    void *ctx;
    const char *stage; /* static text; NULL before the first */
    int64_t done, total;
    double last;  /* when the caller was told */
    bool stopped; /* the caller wants no more; this stays */
} fk_watch;

/* A stage of `total` steps begins; 0 where their number is not known. */
void fk_watch_stage(fk_watch *w, const char *stage, int64_t total);
/* `done` of the stage's steps are done: tell the caller now.  FLECK_E_CANCELLED where he wants no
 * more, now or earlier; the message names stage and step. */
fleck_status fk_watch_tell(fk_watch *w, int64_t done, fleck_error *err) FLECK_MUST_CHECK;
/* The same, but tell him only if that was FK_WATCH_SECONDS ago: for steps that are many. */
fleck_status fk_watch_step(fk_watch *w, int64_t done, fleck_error *err) FLECK_MUST_CHECK;
/* The same within a step. */
fleck_status fk_watch_look(fk_watch *w, fleck_error *err) FLECK_MUST_CHECK;

#define FK_WATCH_SECONDS 0.1

/* For tests: the caller is told after this many seconds instead; 0: at every step. */
void fk_watch_set_interval(double seconds);

#endif
