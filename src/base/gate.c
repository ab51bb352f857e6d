/* SPDX-License-Identifier: Apache-2.0 */
/* A gate: limits the bytes that pieces of work use at the same time. */
#include "base/gate.h"
#include "base/clock.h"
#include "base/mem.h"

#include <time.h>

#define LARGE (INT64_C(64) << 20)

void fk_gate_init(fk_gate *g, int64_t budget)
{
    pthread_condattr_t kind;

    *g = (fk_gate){.budget = budget};
    pthread_mutex_init(&g->lock, NULL);
    pthread_condattr_init(&kind);
    pthread_condattr_setclock(&kind, CLOCK_MONOTONIC);
    pthread_cond_init(&g->left, &kind);
    pthread_condattr_destroy(&kind);
}

void fk_gate_free(fk_gate *g)
{
    pthread_cond_destroy(&g->left);
    pthread_mutex_destroy(&g->lock);
}

static void wait_and_check(fk_gate *g, fk_watch *watch)
{
    struct timespec until = fk_clock_after(FK_WATCH_SECONDS);

    pthread_cond_timedwait(&g->left, &g->lock, &until);
    pthread_mutex_unlock(&g->lock);
    (void)!fk_watch_look(watch, NULL); /* a call that is cancelled ends after this piece */
    pthread_mutex_lock(&g->lock);
}

void fk_gate_enter(fk_gate *g, int64_t bytes, fk_watch *watch)
{
    pthread_mutex_lock(&g->lock);
    while (g->inside > 0 && bytes > g->budget - g->taken) {
        if (watch != NULL)
            wait_and_check(g, watch);
        else
            pthread_cond_wait(&g->left, &g->lock);
    }
    g->inside++;
    g->taken += bytes;
    pthread_mutex_unlock(&g->lock);
}

void fk_gate_leave(fk_gate *g, int64_t bytes)
{
    if (bytes >= LARGE)
        fk_mem_trim();
    pthread_mutex_lock(&g->lock);
    g->inside--;
    g->taken -= bytes;
    pthread_cond_broadcast(&g->left);
    pthread_mutex_unlock(&g->lock);
}
