/* SPDX-License-Identifier: Apache-2.0 */
/* Sources: stored in the database, each on a thread of its own. */
#define _GNU_SOURCE
#include "sources.h"
#include "pictures.h"
#include "server.h"
#include "text.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The table of sources. */
static const sv_source_kind *const kinds[] = {&sv_folder_source, &sv_genicam_source,
                                              &sv_v4l2_source};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

struct sv_sources {
    struct sv_server *server;
    pthread_mutex_t lock;
    sv_source *first;
    bool stopped; /* no more are started */
};

/* ---- What kinds use ---- */

void sv_source_set_state(sv_source *src, const char *state, const char *format, ...)
{
    va_list list;

    pthread_mutex_lock(&src->lock);
    src->state = state;
    va_start(list, format);
    vsnprintf(src->problem, sizeof src->problem, format, list);
    va_end(list);
    pthread_mutex_unlock(&src->lock);
}

void sv_source_count(sv_source *src, int64_t *counter)
{
    pthread_mutex_lock(&src->lock);
    (*counter)++;
    pthread_mutex_unlock(&src->lock);
}

void sv_source_wake(sv_source *src)
{
    const uint64_t one = 1;

    (void)!write(src->wake, &one, sizeof one);
}

bool sv_source_sleep(sv_source *src, double seconds)
{
    struct pollfd on = {src->wake, POLLIN, 0};
    const double end = sv_seconds() + seconds;
    uint64_t count;

    while (!atomic_load(&src->stop) && sv_seconds() < end) {
        if (poll(&on, 1, (int)((end - sv_seconds()) * 1000) + 1) > 0)
            (void)!read(src->wake, &count, sizeof count);
    }
    return !atomic_load(&src->stop);
}

bool sv_source_has_model(sv_source *src)
{
    if (sv_db_int(&src->server->db, NULL, "SELECT current_model FROM product WHERE id = ?", "i",
                  src->product) > 0)
        return true;
    sv_source_set_state(src, "waiting", "the product has no model yet");
    return false;
}

/* ---- Members of configurations ---- */

static bool is_kind(const json_t *value, const sv_member *m)
{
    const double x = json_number_value(value);
    json_t *one;
    size_t i;

    if (m->kind == 's')
        return json_is_string(value) && json_string_length(value) > 0 &&
               strlen(json_string_value(value)) == json_string_length(value);
    if (m->kind == 'i' || m->kind == 'd')
        return (m->kind == 'i' ? json_is_integer(value) : json_is_number(value)) && x >= m->min &&
               x <= m->max;
    if (m->kind == 'l') {
        json_array_foreach(value, i, one) if (!json_is_string(one)) return false;
        return json_is_array(value);
    }
    return m->kind == 'b' ? json_is_boolean(value) : json_is_object(value);
}

static bool refuse_member(const sv_member *m, const json_t *value, fleck_error *err)
{
    char *found = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    char wanted[96];

    if (m->kind == 'i' || m->kind == 'd')
        snprintf(wanted, sizeof wanted, "a %s from %g to %g",
                 m->kind == 'i' ? "whole number" : "number", m->min, m->max);
    else
        snprintf(wanted, sizeof wanted, "%s",
                 m->kind == 's'   ? "a text"
                 : m->kind == 'l' ? "a list of texts"
                 : m->kind == 'b' ? "true or false"
                                  : "an object");
    sv_error(err, FLECK_E_OPTION, "%s: expected %s, found %.100s", m->name, wanted,
             found != NULL ? found : "?");
    free(found);
    return false;
}

bool sv_members_check(const json_t *object, const sv_member *members, fleck_error *err)
{
    json_t *value;
    const char *name;

    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        const sv_member *m = members;
        char list[400] = "";
        size_t n = 0;

        while (m->name != NULL && strcmp(m->name, name) != 0) {
            n += (size_t)snprintf(list + n, n < sizeof list ? sizeof list - n : 0, "%s%s",
                                  n > 0 ? ", " : "", m->name);
            n = n < sizeof list ? n : sizeof list - 1;
            m++;
        }
        if (m->name == NULL)
            return sv_error(err, FLECK_E_OPTION, "%.100s: expected one of %s", name, list);
        if (!is_kind(value, m))
            return refuse_member(m, value, err);
    }
    return true;
}

/* ---- Frames of cameras ---- */

typedef struct frame {
    sv_image image;
    sv_source *src;
    unsigned char *bytes;
} frame;

static void frame_free(frame *f)
{
    sv_image_free(&f->image);
    free(f->bytes);
    free(f);
}

static void on_frame(sv_image *image)
{
    frame *f = image->ctx;
    sv_source *src = f->src;

    sv_source_count(src, image->dropped                  ? &src->dropped
                         : image->err.status == FLECK_OK ? &src->judged
                                                         : &src->failed);
    sv_source_wake(src);
    frame_free(f);
    atomic_fetch_sub(&src->in_flight, 1); /* the last use: the source may end now */
}

/* Takes bytes over. */
static void submit(sv_source *src, unsigned char *bytes, size_t size, const char *name)
{
    frame *f = bytes != NULL ? calloc(1, sizeof *f) : NULL;
    fleck_error err = {0};

    if (f == NULL) {
        free(bytes);
        sv_source_count(src, &src->dropped);
        return;
    }
    f->src = src;
    f->bytes = bytes;
    f->image = (sv_image){.product = src->product,
                          .name = strdup(name),
                          .source = strdup(src->label),
                          .bytes = bytes,
                          .size = size,
                          .drop_oldest = true,
                          .caller_retries = true,
                          .received = sv_seconds(),
                          .done = on_frame,
                          .ctx = f};
    atomic_fetch_add(&src->in_flight, 1);
    if (f->image.name != NULL && f->image.source != NULL &&
        sv_inspect(src->server->inspector, &f->image, &err))
        return;
    atomic_fetch_sub(&src->in_flight, 1);
    sv_source_count(src, &src->dropped);
    sv_stats_count(&src->server->stats, &src->server->stats.dropped);
    frame_free(f);
}

void sv_source_frame(sv_source *src, const fleck_pixels *pixels, const char *name)
{
    size_t size = 0;
    unsigned char *bytes = sv_pnm_encode(pixels, &size);

    submit(src, bytes, size, name);
}

void sv_source_image(sv_source *src, const void *bytes, size_t size, const char *name)
{
    unsigned char *copy = malloc(size + 1);

    if (copy != NULL)
        memcpy(copy, bytes, size);
    submit(src, copy, size, name);
}

void sv_source_drain(sv_source *src)
{
    while (atomic_load(&src->in_flight) > 0)
        usleep(10000);
}

/* ---- Starting and stopping ---- */

static void *run(void *ctx)
{
    sv_source *src = ctx;

    src->kind->run(src);
    sv_source_drain(src);
    atomic_store(&src->ended, true);
    return NULL;
}

static void stop(sv_source *src)
{
    atomic_store(&src->stop, true);
    sv_source_wake(src);
    if (src->started)
        pthread_join(src->thread, NULL);
    if (src->wake >= 0)
        close(src->wake);
    pthread_mutex_destroy(&src->lock);
    json_decref(src->config);
    free(src->label);
    free(src);
}

static const sv_source_kind *find_kind(const char *name)
{
    for (int i = 0; name != NULL && i < N_KINDS; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

/* Start the source of a row {id, product, kind, config}. */
static bool start(sv_sources *all, json_t *row, fleck_error *err)
{
    const sv_source_kind *kind = find_kind(json_string_value(json_object_get(row, "kind")));
    sv_source *src;
    bool stopped;

    if (kind == NULL || !kind->built) /* another build stored it */
        return true;
    if ((src = calloc(1, sizeof *src)) == NULL)
        return sv_error(err, FLECK_E_NOMEM, "out of memory");
    *src = (sv_source){.server = all->server,
                       .kind = kind,
                       .state = "running",
                       .id = json_integer_value(json_object_get(row, "id")),
                       .product = json_integer_value(json_object_get(row, "product")),
                       .config = json_incref(json_object_get(row, "config")),
                       .wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    pthread_mutex_init(&src->lock, NULL);
    src->label = kind->label(src->config);
    if (src->wake >= 0 && src->label != NULL)
        src->started = pthread_create(&src->thread, NULL, run, src) == 0;
    if (!src->started) {
        stop(src);
        return sv_error(err, FLECK_E_NOMEM, "a source could not be started");
    }
    pthread_mutex_lock(&all->lock);
    stopped = all->stopped;
    if (!stopped) {
        src->next = all->first;
        all->first = src;
    }
    pthread_mutex_unlock(&all->lock);
    if (stopped) {
        stop(src);
        return sv_error(err, FLECK_E_LIMIT, "the service is stopping");
    }
    return true;
}

#define SOURCE                                                                                     \
    "SELECT id, product, kind, config AS config_json, created, who FROM source WHERE active = 1"

sv_sources *sv_sources_open(struct sv_server *s, fleck_error *err)
{
    sv_sources *all = calloc(1, sizeof *all);
    json_t *rows, *row;
    bool ok;
    size_t i;

    if (all == NULL) {
        sv_error(err, FLECK_E_NOMEM, "out of memory");
        return NULL;
    }
    all->server = s;
    pthread_mutex_init(&all->lock, NULL);
    rows = sv_db_rows(&s->db, err, SOURCE " ORDER BY id", "");
    ok = rows != NULL;
    json_array_foreach(rows, i, row) ok = ok && start(all, row, err);
    json_decref(rows);
    if (ok)
        return all;
    sv_sources_close(all);
    return NULL;
}

void sv_sources_stop(sv_sources *all)
{
    sv_source *first, *next;

    if (all == NULL)
        return;
    pthread_mutex_lock(&all->lock);
    first = all->first;
    all->first = NULL;
    all->stopped = true;
    pthread_mutex_unlock(&all->lock);
    for (sv_source *src = first; src != NULL; src = src->next) { /* all at once */
        atomic_store(&src->stop, true);
        sv_source_wake(src);
    }
    for (sv_source *src = first; src != NULL; src = next) {
        next = src->next;
        stop(src);
    }
}

void sv_sources_close(sv_sources *all)
{
    if (all == NULL)
        return;
    sv_sources_stop(all);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

static void refuse_kind(const char *name, fleck_error *err)
{
    const char *names[N_KINDS];
    char list[200];

    for (int i = 0; i < N_KINDS; i++)
        names[i] = kinds[i]->name;
    sv_text_list(list, sizeof list, names, N_KINDS);
    sv_error(err, FLECK_E_OPTION, "kind: expected %s, found \"%.40s\"", list,
             name != NULL ? name : "");
}

int64_t sv_source_add(sv_sources *all, int64_t product, const char *name, const json_t *config,
                      const char *who, fleck_error *err)
{
    const sv_source_kind *kind = find_kind(name);
    sv_db *db = &all->server->db;
    json_t *clean = NULL, *row;
    char now[SV_TIME];
    int64_t id = -1;

    if (kind == NULL)
        refuse_kind(name, err);
    else if (!kind->built)
        sv_error(err, FLECK_E_UNSUPPORTED, "%s: this fleck was built without %s", name,
                 kind->needs != NULL ? kind->needs : "it");
    else if (kind->check(all->server, config, &clean, err)) {
        sv_now(now);
        /* A removed source like it comes back, with the files that it has judged. */
        id = sv_db_int(db, err,
                       "INSERT INTO source(product, kind, config, active, created, who) VALUES(?, "
                       "?, ?, 1, ?, ?) ON CONFLICT(product, kind, config) DO UPDATE SET active = 1,"
                       " created = excluded.created, who = excluded.who WHERE active = 0 "
                       "RETURNING id",
                       "isjss", product, name, clean, now, who);
        if (id < 0 && err->status == FLECK_E_NOTFOUND)
            sv_error(err, FLECK_E_STATE, "the product has this source already");
    }
    json_decref(clean);
    if (id < 0)
        return -1;
    row = sv_db_row(db, err, SOURCE " AND id = ?", "i", id);
    if (row == NULL || !start(all, row, err))
        id = -1;
    json_decref(row);
    return id;
}

bool sv_source_remove(sv_sources *all, int64_t id)
{
    sv_source *src = NULL;

    pthread_mutex_lock(&all->lock);
    for (sv_source **p = &all->first; *p != NULL && src == NULL; p = &(*p)->next)
        if ((*p)->id == id) {
            src = *p;
            *p = src->next;
            break;
        }
    pthread_mutex_unlock(&all->lock);
    if (src != NULL)
        stop(src);
    return sv_db_int(&all->server->db, NULL,
                     "UPDATE source SET active = 0 WHERE id = ? AND active = 1 RETURNING id", "i",
                     id) == id;
}

/* ---- Telling ---- */

/* Add to a row what its source does.  The list's lock is held. */
static void add_state(sv_sources *all, json_t *row)
{
    const int64_t id = json_integer_value(json_object_get(row, "id"));
    sv_source *src = all->first;

    while (src != NULL && src->id != id)
        src = src->next;
    if (src == NULL) {
        json_object_set_new(row, "state", json_string("left out"));
        json_object_set_new(row, "problem",
                            json_string("this fleck was built without this kind of source"));
        return;
    }
    pthread_mutex_lock(&src->lock);
    json_object_set_new(row, "state", json_string(atomic_load(&src->ended) ? "ended" : src->state));
    char *problem = fleck_utf8_name(src->problem);
    json_object_set_new(row, "problem",
                        src->problem[0] != '\0' ? json_string(problem) : json_null());
    fleck_free(problem);
    json_object_set_new(row, "judged", json_integer(src->judged));
    json_object_set_new(row, "failed", json_integer(src->failed));
    json_object_set_new(row, "skipped", json_integer(src->skipped));
    json_object_set_new(row, "dropped", json_integer(src->dropped));
    json_object_set_new(row, "incomplete", json_integer(src->incomplete));
    pthread_mutex_unlock(&src->lock);
}

json_t *sv_sources_describe(sv_sources *all, int64_t product)
{
    json_t *rows = sv_db_rows(&all->server->db, NULL,
                              SOURCE " AND (?1 = 0 OR product = ?1) ORDER BY id", "i", product);
    json_t *row;
    size_t i;

    pthread_mutex_lock(&all->lock);
    json_array_foreach(rows, i, row) add_state(all, row);
    pthread_mutex_unlock(&all->lock);
    return rows;
}

json_t *sv_source_kinds(void)
{
    json_t *list = json_array();

    for (int i = 0; i < N_KINDS; i++)
        json_array_append_new(list, json_pack("{s:s, s:b, s:s?}", "name", kinds[i]->name, "built",
                                              (int)kinds[i]->built, "needs", kinds[i]->needs));
    return list;
}

bool sv_sources_ended(sv_sources *all)
{
    bool ended = true;

    pthread_mutex_lock(&all->lock);
    for (sv_source *src = all->first; src != NULL; src = src->next)
        ended = ended && atomic_load(&src->ended);
    pthread_mutex_unlock(&all->lock);
    return ended;
}
