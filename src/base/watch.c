/* SPDX-License-Identifier: Apache-2.0 */
/* Progress: a long call reports it to its caller, who may cancel the call. */
#define _GNU_SOURCE
#include "base/watch.h"

#include <time.h>

static _Atomic double interval = FK_WATCH_SECONDS;

void fk_watch_set_interval(double seconds)
{
    interval = seconds;
}

/* Reading the coarse clock takes a few nanoseconds, little enough for the smallest pieces of
 * work. */
static double coarse_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void fk_watch_stage(fk_watch *w, const char *stage, int64_t total)
{
    if (w == NULL)
        return;
    w->stage = stage;
    w->done = 0;
    w->total = total;
    w->last = 0.0;
}

void fk_watch_begin(fk_watch *w, const char *stage, int64_t total)
{
    w->stopped = false;
    fk_watch_stage(w, stage, total);
}

static fleck_status stopped(const fk_watch *w, fleck_error *err)
{
    if (w->total == 0)
        return fk_error_set(err, FLECK_E_CANCELLED, "stopped: %s", w->stage);
    return fk_error_set(err, FLECK_E_CANCELLED, "%s: stopped after %lld of %lld", w->stage,
                        (long long)w->done, (long long)w->total);
}

fleck_status fk_watch_tell(fk_watch *w, int64_t done, fleck_error *err)
{
    if (w == NULL || w->call == NULL)
        return FLECK_OK;
    w->done = done;
    if (!w->stopped && w->stage != NULL) {
        w->stopped = !w->call(w->ctx, w->stage, done, w->total);
        w->last = coarse_seconds();
    }
    return w->stopped ? stopped(w, err) : FLECK_OK;
}

fleck_status fk_watch_step(fk_watch *w, int64_t done, fleck_error *err)
{
    if (w == NULL || w->call == NULL)
        return FLECK_OK;
    w->done = done;
    if (w->stopped)
        return stopped(w, err);
    if (done != w->total && coarse_seconds() - w->last < interval)
        return FLECK_OK;
    return fk_watch_tell(w, done, err);
}

fleck_status fk_watch_look(fk_watch *w, fleck_error *err)
{
    if (w == NULL || w->call == NULL)
        return FLECK_OK;
    if (w->stopped)
        return stopped(w, err);
    if (coarse_seconds() - w->last < interval)
        return FLECK_OK;
    return fk_watch_tell(w, w->done, err);
}
