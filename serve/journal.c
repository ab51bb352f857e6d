/* SPDX-License-Identifier: Apache-2.0 */
/* One thread that writes inspections, many in one transaction. */
#include "journal.h"
#include "watch.h"

#include <stdlib.h>

struct sv_journal {
    sv_db db;
    pthread_mutex_t lock;
    pthread_cond_t more;
    pthread_t thread;
    sv_record *first, **last;
    bool closing, started;
};

static const char insert[] =
    "INSERT INTO inspection(product, model, digest, time, source, name, hash, width, height, score,"
    " ratio, threshold, above, verdict, unlike, regions, warnings, error, timings, picture, level) "
    "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id";

static int64_t write_one(sv_db *db, const sv_record *r, fleck_error *err)
{
    return sv_db_int(db, err, insert, "iisssssiiddddsijjsjsd", r->product, r->model, r->digest,
                     r->time, r->source, r->name, r->hash, r->width, r->height, r->score, r->ratio,
                     r->threshold, r->above, r->verdict, (int64_t)r->unlike, r->regions,
                     r->warnings, r->error, r->timings, r->picture, r->level);
}

/* Write the records up to end in one transaction. */
static bool write_list(sv_journal *j, sv_record *list, const sv_record *end, fleck_error *err)
{
    bool ok = sv_db_begin(&j->db, err);

    if (ok) {
        for (sv_record *r = list; ok && r != end; r = r->next)
            ok = (r->id = write_one(&j->db, r, err)) > 0 &&
                 (r->seen == NULL || sv_seen_note(&j->db, r->seen, r->id, err));
        ok = sv_db_end(&j->db, ok, err);
    }
    for (sv_record *r = list; !ok && r != end; r = r->next)
        r->id = 0;
    return ok;
}

static void write_all(sv_journal *j, sv_record *list)
{
    fleck_error err = {0};
    /* One record that cannot be written does not take the others with it. */
    const bool each = !write_list(j, list, NULL, &err) && list->next != NULL;

    while (list != NULL) {
        sv_record *r = list;

        list = r->next;
        if (each) {
            err = (fleck_error){0};
            (void)write_list(j, r, list, &err);
        }
        r->done(r, r->ctx, &err);
    }
}

static void *run(void *ctx)
{
    sv_journal *j = ctx;

    for (;;) {
        sv_record *list;

        pthread_mutex_lock(&j->lock);
        while (j->first == NULL && !j->closing)
            pthread_cond_wait(&j->more, &j->lock);
        list = j->first;
        j->first = NULL;
        j->last = &j->first;
        pthread_mutex_unlock(&j->lock);
        if (list == NULL)
            return NULL;
        write_all(j, list);
    }
}

sv_journal *sv_journal_open(const char *database, fleck_error *err)
{
    sv_journal *j = calloc(1, sizeof *j);

    if (j == NULL) {
        sv_error(err, FLECK_E_NOMEM, "out of memory");
        return NULL;
    }
    j->last = &j->first;
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->more, NULL);
    if (!sv_db_open(&j->db, database, err)) {
        sv_journal_close(j);
        return NULL;
    }
    j->started = pthread_create(&j->thread, NULL, run, j) == 0;
    if (!j->started) {
        sv_error(err, FLECK_E_NOMEM, "a thread could not be started");
        sv_journal_close(j);
        return NULL;
    }
    return j;
}

void sv_journal_close(sv_journal *j)
{
    if (j == NULL)
        return;
    pthread_mutex_lock(&j->lock);
    j->closing = true;
    pthread_cond_signal(&j->more);
    pthread_mutex_unlock(&j->lock);
    if (j->started)
        pthread_join(j->thread, NULL);
    sv_db_close(&j->db);
    pthread_cond_destroy(&j->more);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

void sv_journal_add(sv_journal *j, sv_record *record)
{
    record->next = NULL;
    pthread_mutex_lock(&j->lock);
    *j->last = record;
    j->last = &record->next;
    pthread_cond_signal(&j->more);
    pthread_mutex_unlock(&j->lock);
}
