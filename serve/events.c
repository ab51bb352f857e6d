/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events.  Each listener has a text that waits to be sent; its connection is suspended
 * while there is none. */
#define _GNU_SOURCE
#include "events.h"
#include "server.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_WAITING = 256 << 10, MOST_LISTENERS = 128 };

typedef struct listener {
    struct sv_events *events;
    struct MHD_Connection *connection;
    char *waiting; /* [room] */
    size_t size, room;
    bool suspended, missed;
    struct listener *next;
} listener;

struct sv_events {
    pthread_mutex_t lock;
    listener *first;
    int count;
    bool ended;
};

sv_events *sv_events_open(void)
{
    sv_events *e = calloc(1, sizeof *e);

    if (e != NULL)
        pthread_mutex_init(&e->lock, NULL);
    return e;
}

static void wake(listener *l)
{
    if (l->suspended)
        MHD_resume_connection(l->connection);
    l->suspended = false;
}

void sv_events_end(sv_events *e)
{
    pthread_mutex_lock(&e->lock);
    e->ended = true;
    for (listener *l = e->first; l != NULL; l = l->next)
        wake(l);
    pthread_mutex_unlock(&e->lock);
}

void sv_events_close(sv_events *e)
{
    if (e == NULL)
        return;
    pthread_mutex_destroy(&e->lock);
    free(e);
}

static void append(listener *l, const char *text, size_t size)
{
    if (l->size + size > l->room) {
        char *larger = realloc(l->waiting, (l->size + size) * 2);

        if (larger == NULL) {
            l->missed = true;
            return;
        }
        l->waiting = larger;
        l->room = (l->size + size) * 2;
    }
    memcpy(l->waiting + l->size, text, size);
    l->size += size;
}

void sv_events_send(sv_events *e, const char *kind, json_t *data)
{
    char *text = json_dumps(data, JSON_COMPACT), *line = NULL;
    size_t size;

    if (text != NULL && asprintf(&line, "event: %s\ndata: %s\n\n", kind, text) < 0)
        line = NULL;
    if (line == NULL) {
        free(text);
        return;
    }
    size = strlen(line);
    pthread_mutex_lock(&e->lock);
    for (listener *l = e->first; l != NULL; l = l->next) {
        static const char missed[] = "event: missed\ndata: {}\n\n";

        if (l->size + size > MOST_WAITING) {
            l->missed = true;
            continue;
        }
        if (l->missed) {
            l->missed = false;
            append(l, missed, sizeof missed - 1);
        }
        append(l, line, size);
        wake(l);
    }
    pthread_mutex_unlock(&e->lock);
    free(line);
    free(text);
}

void sv_events_heartbeat(sv_events *e)
{
    static const char beat[] = ":\n\n";

    pthread_mutex_lock(&e->lock);
    for (listener *l = e->first; l != NULL; l = l->next)
        if (l->size == 0) {
            append(l, beat, sizeof beat - 1);
            wake(l);
        }
    pthread_mutex_unlock(&e->lock);
}

/* Called by libmicrohttpd for more bytes. */
static ssize_t read_events(void *ctx, uint64_t position, char *out, size_t most)
{
    listener *l = ctx;
    ssize_t n = 0;

    (void)position;
    pthread_mutex_lock(&l->events->lock);
    if (l->size > 0) {
        n = (ssize_t)(l->size < most ? l->size : most);
        memcpy(out, l->waiting, (size_t)n);
        l->size -= (size_t)n;
        memmove(l->waiting, l->waiting + n, l->size);
    } else if (l->events->ended) {
        n = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        l->suspended = true;
        MHD_suspend_connection(l->connection);
    }
    pthread_mutex_unlock(&l->events->lock);
    return n;
}

static void end_listener(void *ctx)
{
    listener *l = ctx, **p;
    sv_events *e = l->events;

    pthread_mutex_lock(&e->lock);
    for (p = &e->first; *p != l; p = &(*p)->next)
        ;
    *p = l->next;
    e->count--;
    pthread_mutex_unlock(&e->lock);
    free(l->waiting);
    free(l);
}

void sv_events_listen(sv_request *r)
{
    static const char hello[] = "retry: 2000\n\nevent: hello\ndata: {}\n\n";
    sv_events *e = r->server->events;
    listener *l = calloc(1, sizeof *l);
    struct MHD_Response *response;

    if (l == NULL) {
        sv_reply_problem(r, 503, "out of memory");
        return;
    }
    *l = (listener){.events = e, .connection = r->connection};
    append(l, hello, sizeof hello - 1);
    pthread_mutex_lock(&e->lock);
    if (e->count >= MOST_LISTENERS || e->ended) {
        pthread_mutex_unlock(&e->lock);
        free(l->waiting);
        free(l);
        sv_reply_problem(r, 503, "expected at most %d listeners", MOST_LISTENERS);
        return;
    }
    l->next = e->first;
    e->first = l;
    e->count++;
    pthread_mutex_unlock(&e->lock);
    response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16 << 10, read_events, l, end_listener);
    if (response == NULL) {
        end_listener(l);
        sv_reply_problem(r, 503, "out of memory");
        return;
    }
    /* Streams outlive the limit of idle connections. */
    (void)MHD_set_connection_option(r->connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
    r->response = response;
    r->status = 200;
    sv_header(r, "Content-Type", "text/event-stream");
    sv_header(r, "Cache-Control", "no-store");
    sv_header(r, "X-Accel-Buffering", "no");
}
