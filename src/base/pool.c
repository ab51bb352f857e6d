/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of threads that run numbered pieces of one job.
 *
 * A network is some fifty jobs in ten milliseconds.  Waking a sleeping thread takes as long as such
 * a job.  So a worker without work spins for a while before it sleeps, and a job does not wait for
 * workers that are not awake yet: a worker that comes after the last piece has started finds the
 * job closed. */
#define _GNU_SOURCE
#include "base/pool.h"
#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

/* Spins before a thread sleeps: some 50 to 150 microseconds.  There are none with more threads than
 * processors, since a spinning thread would keep another one from working. */
#define SPINS 3000

struct fk_pool {
    int threads, started;
    int spins; /* before a thread sleeps */
    pthread_t *handles;
    pthread_mutex_t lock;
    pthread_cond_t wake, idle;
    _Atomic uint64_t jobs; /* number of jobs so far, and one for quit; changed under lock */
    _Atomic int working;   /* workers in the job; changed under lock */
    _Atomic int64_t next;  /* the next piece to start */
    /* Guarded by lock. */
    bool open, quit;
    int64_t failed_item;
    fleck_status status;
    fleck_error error;
    fk_watch *watch; /* of the caller; NULL: none */
    bool counted;    /* the job's pieces are the steps of the watch's stage */
    /* The job, constant while it is open. */
    int64_t n_items;
    fk_pool_fn *fn;
    void *ctx;
};

typedef struct worker_start {
    fk_pool *pool;
    int worker;
} worker_start;

static void spin(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

static void record_failure(fk_pool *pool, int64_t item, fleck_status st, const fleck_error *error)
{
    pthread_mutex_lock(&pool->lock);
    if (pool->status == FLECK_OK || item < pool->failed_item) {
        pool->status = st;
        pool->error = *error;
        pool->failed_item = item;
    }
    pthread_mutex_unlock(&pool->lock);
    atomic_store(&pool->next, pool->n_items);
}

/* Report progress on the caller's thread; false if the job is cancelled. */
static bool report_progress(fk_pool *pool, int64_t taken)
{
    fk_watch *w = pool->watch;
    fleck_status st;

    if (w == NULL)
        return true;
    taken = taken < pool->n_items ? taken : pool->n_items;
    st = pool->counted ? fk_watch_step(w, taken, NULL) : fk_watch_look(w, NULL);
    return st == FLECK_OK;
}

/* Run pieces until none is left. */
static void run_pieces(fk_pool *pool, int worker)
{
    int64_t item;

    while ((item = atomic_fetch_add(&pool->next, 1)) < pool->n_items) {
        fleck_error error = {0};
        fleck_status st = pool->fn(pool->ctx, item, worker, &error);

        if (st != FLECK_OK)
            record_failure(pool, item, st, &error);
        if (worker == 0 && !report_progress(pool, item + 1))
            atomic_store(&pool->next, pool->n_items);
    }
}

/* The lock is held for moments only, so a thread that finds it taken had better spin than sleep. */
static void init_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t kind;

    pthread_mutexattr_init(&kind);
#ifdef __GLIBC__
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ADAPTIVE_NP);
#endif
    pthread_mutex_init(lock, &kind);
    pthread_mutexattr_destroy(&kind);
}

/* Waits for it have timeouts, by the monotonic clock. */
static void init_idle(pthread_cond_t *idle)
{
    pthread_condattr_t kind;

    pthread_condattr_init(&kind);
    pthread_condattr_setclock(&kind, CLOCK_MONOTONIC);
    pthread_cond_init(idle, &kind);
    pthread_condattr_destroy(&kind);
}

static void *worker_main(void *argument)
{
    worker_start start = *(worker_start *)argument;
    fk_pool *pool = start.pool;
    uint64_t seen = 0;

    fk_free(argument);
    for (;;) {
        for (int i = 0; i < pool->spins && atomic_load(&pool->jobs) == seen; i++)
            spin();
        pthread_mutex_lock(&pool->lock);
        while (atomic_load(&pool->jobs) == seen)
            pthread_cond_wait(&pool->wake, &pool->lock);
        if (pool->quit)
            break;
        seen = atomic_load(&pool->jobs);
        if (pool->open) {
            atomic_fetch_add(&pool->working, 1);
            pthread_mutex_unlock(&pool->lock);
            run_pieces(pool, start.worker);
            pthread_mutex_lock(&pool->lock);
            if (atomic_fetch_sub(&pool->working, 1) == 1)
                pthread_cond_signal(&pool->idle);
        }
        pthread_mutex_unlock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

fleck_status fk_pool_open(fk_pool **out, int threads, fleck_error *err)
{
    fk_pool *pool = NULL;
    fleck_status st;

    *out = NULL;
    if (threads < 1 || threads > 4096)
        return fk_error_set(err, FLECK_E_OPTION, "threads: expected 1 to 4096, got %d", threads);
    FK_DO(FK_CALLOC(&pool, 1, err));
    init_lock(&pool->lock);
    pthread_cond_init(&pool->wake, NULL);
    init_idle(&pool->idle);
    pool->threads = threads;
    pool->spins = threads <= fk_pool_processors() ? SPINS : 0;
    FK_DO(FK_CALLOC(&pool->handles, threads, err));
    for (int i = 1; i < threads; i++) {
        worker_start *start = NULL;

        FK_DO(FK_ALLOC(&start, 1, err));
        *start = (worker_start){.pool = pool, .worker = i};
        if (pthread_create(&pool->handles[i], NULL, worker_main, start) != 0) {
            fk_free(start);
            FK_FAIL(err, FLECK_E_NOMEM, "thread %d of %d could not be started", i + 1, threads);
        }
        pool->started++;
    }
    *out = pool;
    return FLECK_OK;
done:
    fk_pool_close(&pool);
    return st;
}

void fk_pool_close(fk_pool **handle)
{
    fk_pool *pool = handle != NULL ? *handle : NULL;

    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->quit = true;
    atomic_fetch_add(&pool->jobs, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 1; i <= pool->started; i++)
        pthread_join(pool->handles[i], NULL);
    pthread_cond_destroy(&pool->idle);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    fk_free(pool->handles);
    fk_free(pool);
    *handle = NULL;
}

int fk_pool_threads(const fk_pool *pool)
{
    return pool != NULL ? pool->threads : 1;
}

/* Wait until no worker is in the job; the lock is held.  The watch is checked meanwhile, since
 * pieces of other threads may take long.  A cancelled job ends when these pieces end. */
static void wait_idle(fk_pool *pool)
{
    while (atomic_load(&pool->working) > 0) {
        struct timespec until;

        if (pool->watch == NULL) {
            pthread_cond_wait(&pool->idle, &pool->lock);
            continue;
        }
        until = fk_clock_after(FK_WATCH_SECONDS);
        pthread_cond_timedwait(&pool->idle, &pool->lock, &until);
        pthread_mutex_unlock(&pool->lock);
        (void)report_progress(pool, atomic_load(&pool->next));
        pthread_mutex_lock(&pool->lock);
    }
}

static fleck_status run_alone(fk_pool *pool, int64_t n_items, fk_pool_fn *fn, void *ctx,
                              bool counted, fleck_error *err)
{
    fk_watch *watch = fk_pool_watch(pool);
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < n_items && st == FLECK_OK; i++) {
        st = fn(ctx, i, 0, err);
        if (st == FLECK_OK)
            st = counted ? fk_watch_step(watch, i + 1, err) : fk_watch_look(watch, err);
    }
    return st;
}

static fleck_status run(fk_pool *pool, int64_t n_items, fk_pool_fn *fn, void *ctx, bool counted,
                        fleck_error *err)
{
    fleck_status st = fk_watch_look(fk_pool_watch(pool), err);

    if (st != FLECK_OK)
        return st;
    if (pool == NULL || pool->threads == 1 || n_items <= 1)
        return run_alone(pool, n_items, fn, ctx, counted, err);
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->next, 0);
    pool->n_items = n_items;
    pool->fn = fn;
    pool->ctx = ctx;
    pool->counted = counted;
    pool->status = FLECK_OK;
    pool->open = true;
    atomic_fetch_add(&pool->jobs, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    run_pieces(pool, 0);
    pthread_mutex_lock(&pool->lock);
    pool->open = false; /* workers that are not in the job by now stay out */
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->spins && atomic_load(&pool->working) > 0; i++)
        spin();
    pthread_mutex_lock(&pool->lock);
    wait_idle(pool);
    st = pool->status;
    if (st != FLECK_OK && err != NULL)
        *err = pool->error;
    pthread_mutex_unlock(&pool->lock);
    /* Pieces are missing if the job was cancelled. */
    return pool->watch != NULL && pool->watch->stopped ? fk_watch_look(pool->watch, err) : st;
}

fleck_status fk_pool_run(fk_pool *pool, int64_t n_items, fk_pool_fn *fn, void *ctx,
                         fleck_error *err)
{
    return run(pool, n_items, fn, ctx, false, err);
}

fleck_status fk_pool_run_stage(fk_pool *pool, const char *stage, int64_t n_items, fk_pool_fn *fn,
                               void *ctx, fleck_error *err)
{
    fk_watch_stage(fk_pool_watch(pool), stage, n_items);
    return run(pool, n_items, fn, ctx, true, err);
}

fk_watch *fk_pool_set_watch(fk_pool *pool, fk_watch *watch)
{
    fk_watch *before = pool->watch;

    pool->watch = watch;
    return before;
}

fk_watch *fk_pool_watch(const fk_pool *pool)
{
    return pool != NULL ? pool->watch : NULL;
}

int fk_pool_processors(void)
{
    cpu_set_t set;
    int n;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    n = CPU_COUNT(&set);
    return n > 0 ? n : 1;
}
