/* SPDX-License-Identifier: Apache-2.0 */
/* A queue of requests, and a few threads that handle them. */
#include "tasks.h"
#include "server.h"

#include <stdlib.h>

enum { MOST_THREADS = 4, MOST_WAITING = 256 };

struct sv_tasks {
    pthread_mutex_t lock;
    pthread_cond_t more;
    pthread_t threads[MOST_THREADS];
    int n_threads, waiting;
    sv_request *first, **last;
    bool stopping;
};

static void *run(void *ctx)
{
    sv_tasks *t = ctx;

    for (;;) {
        sv_request *r;

        pthread_mutex_lock(&t->lock);
        while (t->first == NULL && !t->stopping)
            pthread_cond_wait(&t->more, &t->lock);
        r = t->first;
        if (r != NULL) {
            if ((t->first = r->next) == NULL)
                t->last = &t->first;
            t->waiting--;
        }
        pthread_mutex_unlock(&t->lock);
        if (r == NULL)
            return NULL;
        sv_handle(r);
        sv_resume(r);
    }
}

sv_tasks *sv_tasks_open(int threads, fleck_error *err)
{
    sv_tasks *t = calloc(1, sizeof *t);

    if (t == NULL) {
        sv_error(err, FLECK_E_NOMEM, "out of memory");
        return NULL;
    }
    t->last = &t->first;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->more, NULL);
    for (; t->n_threads < threads && t->n_threads < MOST_THREADS; t->n_threads++)
        if (pthread_create(&t->threads[t->n_threads], NULL, run, t) != 0) {
            sv_error(err, FLECK_E_NOMEM, "a thread could not be started");
            sv_tasks_close(t);
            return NULL;
        }
    return t;
}

bool sv_tasks_add(sv_tasks *t, sv_request *r)
{
    bool ok;

    r->next = NULL;
    pthread_mutex_lock(&t->lock);
    ok = !t->stopping && t->waiting < MOST_WAITING;
    if (ok) {
        *t->last = r;
        t->last = &r->next;
        t->waiting++;
        pthread_cond_signal(&t->more);
    }
    pthread_mutex_unlock(&t->lock);
    return ok;
}

void sv_tasks_stop(sv_tasks *t)
{
    if (t == NULL)
        return;
    pthread_mutex_lock(&t->lock);
    t->stopping = true;
    pthread_cond_broadcast(&t->more);
    pthread_mutex_unlock(&t->lock);
    for (; t->n_threads > 0; t->n_threads--)
        pthread_join(t->threads[t->n_threads - 1], NULL);
}

void sv_tasks_close(sv_tasks *t)
{
    if (t == NULL)
        return;
    sv_tasks_stop(t);
    pthread_cond_destroy(&t->more);
    pthread_mutex_destroy(&t->lock);
    free(t);
}
