/* SPDX-License-Identifier: Apache-2.0 */
/* Sinks: their configuration, their threads, and the last inspection that each delivered. */
#define _GNU_SOURCE
#include "sink.h"
#include "../text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The table of sinks.  The last one is not for configurations: `fleck watch` prints by it. */
static const sv_sink_kind *const kinds[] = {&sv_jsonl_sink, &sv_webhook_sink, &sv_exec_sink,
                                            &sv_mqtt_sink, &sv_print_sink};
enum { N_KINDS = sizeof kinds / sizeof kinds[0], MOST_SINKS = 32, AT_ONCE = 64 };
#define MOST_PAUSE 30.0   /* seconds between two tries */
#define STORE_SECONDS 1.0 /* between two stores of the last delivered id, under load */
#define END_SECONDS 5.0   /* to send what is left at the end */

static const sv_member common[] = {{"kind", 's', 0, 0},     {"name", 's', 0, 0},
                                   {"queue", 'i', 1, 1e9},  {"products", 'l', 0, 0},
                                   {"verdicts", 'l', 0, 0}, {NULL, 0, 0, 0}};

typedef struct runner {
    sv_sinks *all;
    sv_sink sink;
    char *name;
    pthread_t thread;
    bool started;
    int64_t queue;
    /* Under the lock. */
    int64_t last, sent, failed, dropped;
    const char *state;
    char problem[FLECK_ERROR_SIZE];
} runner;

struct sv_sinks {
    struct sv_server *server;
    sv_db db;
    json_t *config;
    pthread_mutex_t lock;
    pthread_cond_t more;
    int64_t commits; /* how often it was woken */
    double end;      /* when to give up, 0: not yet */
    runner list[MOST_SINKS];
    int n;
};

/* ---- Members ---- */

const char *sv_sink_text(const sv_sink *k, const char *name, const char *initial)
{
    const char *text = json_string_value(json_object_get(k->config, name));

    return text != NULL ? text : initial;
}

double sv_sink_number(const sv_sink *k, const char *name, double initial)
{
    const json_t *value = json_object_get(k->config, name);

    return value != NULL ? json_number_value(value) : initial;
}

char *sv_sink_path(const sv_sink *k, const char *path)
{
    char *out = NULL;

    if (path[0] == '/')
        return strdup(path);
    return asprintf(&out, "%s/%s", k->server->options.folder, path) < 0 ? NULL : out;
}

/* ---- One sink's thread ---- */

static void say(runner *w, const char *state, const char *problem)
{
    pthread_mutex_lock(&w->all->lock);
    w->state = state;
    snprintf(w->problem, sizeof w->problem, "%s", problem);
    pthread_mutex_unlock(&w->all->lock);
}

/* Wait until something was committed after `commits`, or for so many seconds.  False: end. */
static bool pause_for(runner *w, int64_t commits, double seconds)
{
    sv_sinks *all = w->all;
    struct timespec until;
    bool stop;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)seconds;
    until.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&all->lock);
    while (!atomic_load(&w->sink.stop) && (commits < 0 || all->commits == commits) &&
           pthread_cond_timedwait(&all->more, &all->lock, &until) == 0)
        ;
    stop = atomic_load(&w->sink.stop);
    pthread_mutex_unlock(&all->lock);
    return !stop;
}

static bool store(runner *w)
{
    fleck_error err = {0};

    if (w->sink.kind->flush != NULL && !w->sink.kind->flush(&w->sink)) {
        say(w, "waiting", "what was written could not be made safe");
        return false;
    }
    if (sv_db_run(&w->all->db, &err,
                  "UPDATE sink SET last = ?, sent = ?, failed = ?, dropped = ? WHERE name = ?",
                  "iiiis", w->last, w->sent, w->failed, w->dropped, w->name))
        return true;
    say(w, "waiting", err.message);
    return false;
}

/* Condition for the inspections that it gets: ?1 last id, ?2 products, ?3 verdicts. */
#define WANTED                                                                                     \
    " FROM inspection i JOIN product p ON p.id = i.product WHERE i.id > ?1 AND"                    \
    " (?2 IS NULL OR p.name IN (SELECT value FROM json_each(?2))) AND"                             \
    " (?3 IS NULL OR i.verdict IN (SELECT value FROM json_each(?3)))"

static json_t *member(const runner *w, const char *name)
{
    return json_object_get(w->sink.config, name);
}

/* The next inspections for it. */
static json_t *fetch(runner *w, fleck_error *err)
{
    return sv_db_rows(
        &w->all->db, err,
        "SELECT i.id, i.product, p.name AS product_name, i.model, i.digest, i.time, i.source,"
        " i.name, i.hash, i.width, i.height, i.score, i.ratio, i.threshold, i.above, i.verdict,"
        " i.warnings AS unlike_json, i.regions AS regions_json, i.error, i.timings AS timings_json,"
        " i.picture" WANTED " ORDER BY i.id LIMIT ?4",
        "ijji", w->last, member(w, "products"), member(w, "verdicts"), (int64_t)AT_ONCE);
}

static int64_t newest_of(sv_sinks *all)
{
    return sv_db_int(&all->db, NULL, "SELECT COALESCE(MAX(id), 0) FROM inspection", "");
}

/* Leave out the oldest where more wait than the sink's limit. */
static void limit(runner *w)
{
    const int64_t first = newest_of(w->all) - w->queue;
    int64_t lost;

    if (first <= w->last)
        return;
    lost = sv_db_int(&w->all->db, NULL, "SELECT COUNT(*)" WANTED " AND i.id <= ?4", "ijji", w->last,
                     member(w, "products"), member(w, "verdicts"), first);
    pthread_mutex_lock(&w->all->lock);
    w->dropped += lost > 0 ? lost : 0;
    w->last = first;
    pthread_mutex_unlock(&w->all->lock);
}

/* Send one, however often that takes.  False: it has to stop, or the row was dropped. */
static bool send_one(runner *w, const json_t *row)
{
    const int64_t id = json_integer_value(json_object_get(row, "id"));
    char *text = json_dumps(row, JSON_COMPACT);
    double pause = 0.25;
    sv_sent sent = SV_RETRY;

    while (text != NULL && sent == SV_RETRY) {
        fleck_error err = {0};

        if ((sent = w->sink.kind->send(&w->sink, row, text, &err)) == SV_SENT)
            break;
        say(w, sent == SV_RETRY ? "waiting" : "running", err.message);
        if (sent == SV_REFUSED)
            break;
        if (!pause_for(w, -1, pause) || (limit(w), w->last >= id)) {
            free(text);
            return false;
        }
        pause = pause * 2 < MOST_PAUSE ? pause * 2 : MOST_PAUSE;
    }
    free(text);
    pthread_mutex_lock(&w->all->lock);
    w->last = id;
    *(sent == SV_SENT ? &w->sent : &w->failed) += 1;
    if (sent == SV_SENT) {
        w->state = "running";
        w->problem[0] = '\0';
    }
    pthread_mutex_unlock(&w->all->lock);
    return true;
}

/* Send these, in order.  False: not all. */
static bool send_rows(runner *w, const json_t *rows, double *stored)
{
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        if ((w->all->end > 0 && sv_seconds() > w->all->end) || !send_one(w, row))
            return false;
        if (sv_seconds() - *stored > STORE_SECONDS) {
            store(w);
            *stored = sv_seconds();
        }
    }
    return true;
}

/* Send all that waits, and store the last id. */
static void drain(runner *w)
{
    const int64_t before = w->last;
    double stored = sv_seconds();
    bool more = true;

    while (more) {
        const int64_t newest = newest_of(w->all);
        fleck_error err = {0};
        json_t *rows;

        limit(w);
        if ((rows = fetch(w, &err)) == NULL) {
            say(w, "waiting", err.message);
            break;
        }
        more = json_array_size(rows) == AT_ONCE;
        if (!send_rows(w, rows, &stored)) {
            more = !atomic_load(&w->sink.stop);
        } else if (!more && newest > w->last) { /* the rest does not match its filters */
            pthread_mutex_lock(&w->all->lock);
            w->last = newest;
            pthread_mutex_unlock(&w->all->lock);
        }
        json_decref(rows);
    }
    if (w->last != before)
        store(w);
}

static void *run(void *ctx)
{
    runner *w = ctx;

    for (;;) {
        const bool last = atomic_load(&w->sink.stop);
        int64_t commits;

        pthread_mutex_lock(&w->all->lock);
        commits = w->all->commits;
        pthread_mutex_unlock(&w->all->lock);
        drain(w);
        if (last)
            return NULL;
        pause_for(w, commits, MOST_PAUSE);
    }
}

/* ---- Configuration ---- */

/* The kinds that a configuration may name, or the one of that name. */
static const sv_sink_kind *find_kind(const char *name)
{
    for (int i = 0; name != NULL && i < N_KINDS - 1; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

static bool refuse_kind(const char *name, fleck_error *err)
{
    const char *names[N_KINDS];
    char list[200];

    for (int i = 0; i < N_KINDS - 1; i++)
        names[i] = kinds[i]->name;
    sv_text_list(list, sizeof list, names, N_KINDS - 1);
    return sv_error(err, FLECK_E_OPTION, "kind: expected %s, found \"%.40s\"", list,
                    name != NULL ? name : "");
}

/* All members that a sink of this kind may have. */
static bool check_members(const sv_sink_kind *kind, const json_t *config, fleck_error *err)
{
    sv_member all[32];
    int n = 0;

    for (const sv_member *m = common; m->name != NULL; m++)
        all[n++] = *m;
    for (const sv_member *m = kind->members; m->name != NULL; m++)
        all[n++] = *m;
    all[n] = (sv_member){NULL, 0, 0, 0};
    if (!sv_members_check(config, all, err))
        return false;
    for (const char *const *name = kind->wanted; *name != NULL; name++)
        if (json_object_get(config, *name) == NULL)
            return sv_error(err, FLECK_E_OPTION, "%s: expected a value, found none", *name);
    return true;
}

/* The id after which the sink goes on; a new sink begins with the next inspection. */
static bool find_last(runner *w, fleck_error *err)
{
    sv_db *db = &w->all->db;
    json_t *row;

    if (!sv_db_run(db, err,
                   "INSERT OR IGNORE INTO sink(name, last, sent, failed, dropped) SELECT ?,"
                   " COALESCE(MAX(id), 0), 0, 0, 0 FROM inspection",
                   "s", w->name) ||
        (row = sv_db_row(db, err, "SELECT last, sent, failed, dropped FROM sink WHERE name = ?",
                         "s", w->name)) == NULL)
        return false;
    w->last = json_integer_value(json_object_get(row, "last"));
    w->sent = json_integer_value(json_object_get(row, "sent"));
    w->failed = json_integer_value(json_object_get(row, "failed"));
    w->dropped = json_integer_value(json_object_get(row, "dropped"));
    json_decref(row);
    return true;
}

static void close_sink(sv_sink *k)
{
    if (k->kind->close != NULL)
        k->kind->close(k);
}

static bool start(sv_sinks *all, const sv_sink_kind *kind, const json_t *config, fleck_error *err)
{
    runner *w = &all->list[all->n];
    const char *name = json_string_value(json_object_get(config, "name"));

    *w = (runner){.all = all, .state = "running", .name = strdup(name != NULL ? name : kind->name)};
    w->sink = (sv_sink){.server = all->server, .kind = kind, .name = w->name, .config = config};
    w->queue = (int64_t)sv_sink_number(&w->sink, "queue", 100000);
    for (int i = 0; i < all->n && w->name != NULL; i++)
        if (strcmp(all->list[i].name, w->name) == 0) {
            sv_error(err, FLECK_E_OPTION, "name: expected another one, found \"%s\" twice",
                     w->name);
            free(w->name);
            return false;
        }
    if (w->name == NULL || !find_last(w, err) ||
        (kind->open != NULL && !kind->open(&w->sink, err))) {
        if (w->name != NULL)
            close_sink(&w->sink);
        free(w->name);
        return false;
    }
    all->n++;
    w->started = pthread_create(&w->thread, NULL, run, w) == 0;
    return w->started || sv_error(err, FLECK_E_NOMEM, "a sink could not be started");
}

static bool start_one(sv_sinks *all, const json_t *config, fleck_error *err)
{
    const char *name = json_string_value(json_object_get(config, "kind"));
    const sv_sink_kind *kind = find_kind(name);

    if (kind == NULL)
        return refuse_kind(name, err);
    if (!kind->built)
        return sv_error(err, FLECK_E_UNSUPPORTED, "kind: this fleck was built without %s",
                        kind->needs);
    if (all->n == MOST_SINKS - 1)
        return sv_error(err, FLECK_E_LIMIT, "expected at most %d sinks", MOST_SINKS - 1);
    return check_members(kind, config, err) && start(all, kind, config, err);
}

static bool start_all(sv_sinks *all, const char *path, fleck_error *err)
{
    json_error_t error;
    json_t *list, *one;
    size_t i;

    all->config = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (all->config == NULL)
        return sv_error(err, FLECK_E_FORMAT, "%s: line %d: %s", path, error.line, error.text);
    list = json_object_get(all->config, "sinks");
    if (!json_is_array(list) || json_object_size(all->config) != 1)
        return sv_error(err, FLECK_E_FORMAT, "%s: expected {\"sinks\": [...]} and nothing else",
                        path);
    json_array_foreach(list, i, one)
    {
        fleck_error why = {0};

        if (!json_is_object(one) || !start_one(all, one, &why))
            return sv_error(err, why.status != FLECK_OK ? why.status : FLECK_E_FORMAT,
                            "%.500s: sinks[%zu].%.400s", path, i,
                            why.message[0] != '\0' ? why.message : "kind: expected an object");
    }
    return true;
}

sv_sinks *sv_sinks_open(struct sv_server *s, fleck_error *err)
{
    const char *given = s->options.sinks;
    sv_sinks *all = calloc(1, sizeof *all);
    pthread_condattr_t clock;
    char path[4096];
    bool ok;

    if (all == NULL) {
        sv_error(err, FLECK_E_NOMEM, "out of memory");
        return NULL;
    }
    all->server = s;
    pthread_mutex_init(&all->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&all->more, &clock);
    pthread_condattr_destroy(&clock);
    sv_path(s, path, "fleck.db");
    ok = sv_db_open(&all->db, path, err);
    sv_path(s, path, "sinks.json");
    if (ok && given != NULL && access(given, R_OK) != 0)
        ok = sv_error(err, FLECK_E_NOTFOUND, "%s: %s", given, strerror(errno));
    if (ok && (given != NULL || access(path, F_OK) == 0))
        ok = start_all(all, given != NULL ? given : path, err);
    if (ok && s->options.watch != NULL)
        ok = start(all, &sv_print_sink, NULL, err);
    if (ok)
        return all;
    sv_sinks_close(all);
    return NULL;
}

void sv_sinks_close(sv_sinks *all)
{
    if (all == NULL)
        return;
    pthread_mutex_lock(&all->lock);
    all->end = sv_seconds() + END_SECONDS;
    for (int i = 0; i < all->n; i++)
        atomic_store(&all->list[i].sink.stop, true);
    pthread_cond_broadcast(&all->more);
    pthread_mutex_unlock(&all->lock);
    for (int i = 0; i < all->n; i++) {
        runner *w = &all->list[i];

        if (w->started)
            pthread_join(w->thread, NULL);
        close_sink(&w->sink);
        free(w->name);
    }
    sv_db_close(&all->db);
    json_decref(all->config);
    pthread_cond_destroy(&all->more);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

void sv_sinks_wake(sv_sinks *all)
{
    if (all == NULL)
        return;
    pthread_mutex_lock(&all->lock);
    all->commits++;
    pthread_cond_broadcast(&all->more);
    pthread_mutex_unlock(&all->lock);
}

json_t *sv_sinks_describe(sv_sinks *all)
{
    const int64_t newest = newest_of(all);
    json_t *list = json_array();

    pthread_mutex_lock(&all->lock);
    for (int i = 0; i < all->n; i++) {
        const runner *w = &all->list[i];
        char *problem = fleck_utf8_name(w->problem);

        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:s?, s:I, s:I, s:I, s:I}", "name",
                                        w->name, "kind", w->sink.kind->name, "state", w->state,
                                        "problem", w->problem[0] != '\0' ? problem : NULL, "behind",
                                        (json_int_t)(newest > w->last ? newest - w->last : 0),
                                        "sent", (json_int_t)w->sent, "failed",
                                        (json_int_t)w->failed, "dropped", (json_int_t)w->dropped));
        fleck_free(problem);
    }
    pthread_mutex_unlock(&all->lock);
    return list;
}

json_t *sv_sink_kinds(void)
{
    json_t *list = json_array();

    for (int i = 0; i < N_KINDS - 1; i++)
        json_array_append_new(list, json_pack("{s:s, s:b, s:s?}", "name", kinds[i]->name, "built",
                                              (int)kinds[i]->built, "needs", kinds[i]->needs));
    return list;
}
