/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of threads that run numbered pieces of one job. */
#ifndef FK_BASE_POOL_H
#define FK_BASE_POOL_H

#include "base/watch.h"

typedef struct fk_pool fk_pool;

/* Piece `item` (0 <= item < n_items) of a job; worker (0 <= worker < threads) says which thread
 * runs it, so that ctx may hold scratch for each.  A status other than FLECK_OK stops the job:
 * pieces already begun finish, no new one starts. */
typedef fleck_status fk_pool_fn(void *ctx, int64_t item, int worker, fleck_error *err);

/* threads >= 1; one of them is the caller of fk_pool_run(), so threads == 1 starts none. */
fleck_status fk_pool_open(fk_pool **out, int threads, fleck_error *err) FLECK_MUST_CHECK;
void fk_pool_close(fk_pool **pool);

/* Number of threads, 1 for NULL. */
int fk_pool_threads(const fk_pool *pool);

/* Run all pieces and wait.  Pieces start in order, one at a time; results must not depend on which
 * worker runs which piece.  If pool is NULL the caller runs them.  Of several failures the one with
 * the lowest item is reported.  Only one thread may call this at a time, and a piece must not call
 * it, except the only piece of a job, which runs on the caller's thread. */
fleck_status fk_pool_run(fk_pool *pool, int64_t n_items, fk_pool_fn *fn, void *ctx,
                         fleck_error *err) FLECK_MUST_CHECK;

/* Set the watch that reports progress and can cancel jobs.  It is checked on the calling thread,
 * between its pieces and while it waits for other threads.  A cancelled job, and every later one,
 * gives FLECK_E_CANCELLED.  watch is borrowed, NULL for none.  Returns the previous watch, to be
 * restored afterwards. */
fk_watch *fk_pool_set_watch(fk_pool *pool, fk_watch *watch);
/* That watch, for progress outside jobs; NULL if pool is NULL. */
fk_watch *fk_pool_watch(const fk_pool *pool);
/* Run a job as a stage of progress.  Its steps are the pieces. */
fleck_status fk_pool_run_stage(fk_pool *pool, const char *stage, int64_t n_items, fk_pool_fn *fn,
                               void *ctx, fleck_error *err) FLECK_MUST_CHECK;

/* Number of processors this process may run on, at least 1. */
int fk_pool_processors(void);

#endif
