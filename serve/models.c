/* SPDX-License-Identifier: Apache-2.0 */
/* Models in memory: opened when first needed, shared by all workers, closed by memory. */
#include "models.h"
#include "server.h"

#include <stdlib.h>
#include <string.h>

/* Close models that nobody uses: those that were replaced, and the longest unused while all
 * together take too much memory.  The lock is held. */
static void trim(sv_models *all, int64_t most)
{
    for (;;) {
        sv_model **victim = NULL;
        int64_t bytes = 0;

        for (sv_model **p = &all->first; *p != NULL; p = &(*p)->next) {
            bytes += (*p)->bytes;
            if ((*p)->users == 0 && !(*p)->opening &&
                (victim == NULL || ((*p)->stale && !(*victim)->stale) ||
                 ((*p)->stale == (*victim)->stale && (*p)->used < (*victim)->used)))
                victim = p;
        }
        if (victim == NULL || (!(*victim)->stale && bytes <= most))
            return;
        sv_model *m = *victim;

        *victim = m->next;
        fleck_model_close(&m->model);
        free(m);
    }
}

static sv_model *find(sv_models *all, int64_t id)
{
    for (sv_model *m = all->first; m != NULL; m = m->next)
        if (m->id == id)
            return m;
    return NULL;
}

/* Open the model of a database row. */
static bool open_model(sv_server *s, sv_model *m, fleck_error *err)
{
    fleck_run_settings settings;
    char path[4096];
    json_t *row = sv_db_row(
        &s->db, err, "SELECT path, digest, bytes, product FROM model WHERE id = ?", "i", m->id);

    if (row == NULL)
        return false;
    sv_path(s, path, "%s", json_string_value(json_object_get(row, "path")));
    snprintf(m->digest, sizeof m->digest, "%s", json_string_value(json_object_get(row, "digest")));
    m->bytes = json_integer_value(json_object_get(row, "bytes"));
    m->product = json_integer_value(json_object_get(row, "product"));
    json_decref(row);
    fleck_run_defaults(&settings, sizeof settings);
    settings.threads = 1;
    settings.rest = true; /* scorers compile the network */
    return fleck_model_open(&m->model, path, &settings, err) == FLECK_OK;
}

/* Open a model that is not held; the lock is held, except while the file is read. */
static sv_model *take_new(sv_models *all, int64_t id, fleck_error *err)
{
    sv_model *m = calloc(1, sizeof *m), own = {.id = id};
    bool ok;

    if (m == NULL) {
        sv_error(err, FLECK_E_NOMEM, "out of memory");
        return NULL;
    }
    *m = (sv_model){.id = id, .opening = true, .next = all->first};
    all->first = m;
    pthread_mutex_unlock(&all->lock);
    ok = open_model(all->server, &own, err);
    pthread_mutex_lock(&all->lock);
    own.next = m->next;
    own.stale = !ok;
    *m = own;
    pthread_cond_broadcast(&all->opened);
    if (ok)
        return m;
    trim(all, all->server->options.model_bytes);
    return NULL;
}

sv_model *sv_model_acquire(sv_inspector *in, int64_t product, int64_t id, fleck_error *err)
{
    sv_models *all = sv_inspector_models(in);
    const bool current = id == 0;
    sv_model *m;

    if (current)
        id = sv_db_int(&all->server->inspect_db, err,
                       "SELECT current_model FROM product WHERE id = ?", "i", product);
    if (id < 0) {
        if (err->status != FLECK_E_IO && err->status != FLECK_E_NOMEM)
            sv_error(err, FLECK_E_STATE, "this product has no model yet: fit one first");
        return NULL;
    }
    pthread_mutex_lock(&all->lock);
    while ((m = find(all, id)) != NULL && m->opening)
        pthread_cond_wait(&all->opened, &all->lock);
    if (m == NULL)
        m = take_new(all, id, err);
    if (m != NULL) {
        if (current)
            m->stale = false; /* an older version that was made current again */
        m->users++;
        m->used = sv_seconds();
        trim(all, all->server->options.model_bytes);
    }
    pthread_mutex_unlock(&all->lock);
    return m;
}

void sv_model_release(sv_inspector *in, sv_model *m)
{
    sv_models *all = sv_inspector_models(in);

    if (m == NULL)
        return;
    pthread_mutex_lock(&all->lock);
    m->users--;
    trim(all, all->server->options.model_bytes);
    pthread_mutex_unlock(&all->lock);
}

void sv_models_stale(sv_models *all, int64_t product)
{
    pthread_mutex_lock(&all->lock);
    for (sv_model *m = all->first; m != NULL; m = m->next)
        if (m->product == product && !m->opening)
            m->stale = true;
    trim(all, all->server->options.model_bytes);
    pthread_mutex_unlock(&all->lock);
}

bool sv_model_stale(sv_models *all, const sv_model *m)
{
    bool stale;

    pthread_mutex_lock(&all->lock);
    stale = m->stale;
    pthread_mutex_unlock(&all->lock);
    return stale;
}

bool sv_models_over_limit(sv_models *all)
{
    int64_t bytes = 0;

    pthread_mutex_lock(&all->lock);
    for (const sv_model *m = all->first; m != NULL; m = m->next)
        bytes += m->bytes;
    pthread_mutex_unlock(&all->lock);
    return bytes > all->server->options.model_bytes;
}

json_t *sv_models_describe(sv_models *all)
{
    json_t *list = json_array();

    pthread_mutex_lock(&all->lock);
    for (sv_model *m = all->first; m != NULL; m = m->next)
        json_array_append_new(list, json_pack("{s:I, s:I, s:I, s:i}", "id", (json_int_t)m->id,
                                              "product", (json_int_t)m->product, "bytes",
                                              (json_int_t)m->bytes, "users", m->users));
    pthread_mutex_unlock(&all->lock);
    return list;
}

void sv_models_close(sv_models *all)
{
    while (all->first != NULL) {
        sv_model *m = all->first;

        all->first = m->next;
        fleck_model_close(&m->model);
        free(m);
    }
}
