/* SPDX-License-Identifier: Apache-2.0 */
/* The queue, and workers that each score one image at a time. */
#define _GNU_SOURCE
#include "inspector.h"
#include "keeper.h"
#include "maps.h"
#include "models.h"
#include "pictures.h"
#include "server.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SCORERS = 4, /* that a worker keeps */
    SHARING = 4  /* most threads of an image that is alone */
};

/* A scorer of a worker, and the model that it holds. */
typedef struct slot {
    sv_model *model;
    fleck_scorer *scorer;
    double used;
} slot;

typedef struct worker {
    sv_inspector *in;
    pthread_t thread;
    sv_keeper keeper;
    slot slots[SCORERS];
    bool check_scorers; /* a model was replaced, or memory is short */
} worker;

struct sv_inspector {
    sv_models models;
    struct sv_server *server;
    pthread_mutex_t lock;
    pthread_cond_t more, idle;
    sv_image *first, **last;
    int64_t waiting, busy; /* busy: taken by a worker and not yet done */
    bool closing;
    int n_workers, n_started, scoring; /* scoring: workers that compute an image */
    worker *workers;
    int64_t recent[SCORERS]; /* products inspected last; 0: none */
};

sv_models *sv_inspector_models(sv_inspector *in)
{
    return &in->models;
}

/* ---- JSON of results ---- */

json_t *sv_unlike_json(unsigned unlike)
{
    static const char *const names[] = {"shape", "light", "sharpness", "part"};
    json_t *list = json_array();

    for (int k = 0; k < 4; k++)
        if ((unlike >> k & 1u) != 0)
            json_array_append_new(list, json_string(names[k]));
    return list;
}

static json_t *outline_json(const fleck_region *r)
{
    json_t *points = json_array();

    for (int64_t i = 0; i < r->outline_count; i++)
        json_array_append_new(points, json_pack("[i, i]", r->outline[i].x, r->outline[i].y));
    return points;
}

json_t *sv_regions_json(const fleck_regions *regions)
{
    json_t *list = json_array();

    for (int64_t i = 0; i < regions->count; i++) {
        const fleck_region *r = &regions->list[i];

        json_array_append_new(list, json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "x",
                                              (json_int_t)r->x, "y", (json_int_t)r->y, "width",
                                              (json_int_t)r->width, "height", (json_int_t)r->height,
                                              "area", (json_int_t)r->area, "peak",
                                              sv_number_json(r->peak), "mean",
                                              sv_number_json(r->mean), "outline", outline_json(r)));
    }
    return list;
}

/* ---- Scoring ---- */

static void drop(sv_inspector *in, slot *s)
{
    fleck_scorer_close(&s->scorer);
    sv_model_release(in, s->model);
    *s = (slot){0};
}

/* Have all workers check their scorers. */
static void wake_to_check(sv_inspector *in)
{
    pthread_mutex_lock(&in->lock);
    for (int i = 0; i < in->n_workers; i++)
        in->workers[i].check_scorers = true;
    pthread_cond_broadcast(&in->more);
    pthread_mutex_unlock(&in->lock);
}

/* The worker's scorer of a product's current model. */
static slot *scorer_of(worker *w, int64_t product, fleck_error *err)
{
    sv_model *m = sv_model_acquire(w->in, product, 0, err);
    slot *oldest = &w->slots[0];

    if (m == NULL)
        return NULL;
    for (slot *s = w->slots; s < w->slots + SCORERS; s++) {
        if (s->model == m) {
            sv_model_release(w->in, m);
            s->used = sv_seconds();
            return s;
        }
        if (s->used < oldest->used)
            oldest = s;
    }
    if (oldest->model != NULL)
        drop(w->in, oldest);
    if (fleck_scorer_open(&oldest->scorer, m->model, err) != FLECK_OK) {
        sv_model_release(w->in, m);
        return NULL;
    }
    oldest->model = m;
    oldest->used = sv_seconds();
    if (sv_models_over_limit(&w->in->models))
        wake_to_check(w->in);
    return oldest;
}

/* Copy the result into the record and its JSON. */
static bool record_result(sv_server *s, sv_image *image, const fleck_result *r, const sv_model *m,
                          fleck_error *err)
{
    sv_record *record = &image->record;
    fleck_regions *regions = NULL;
    fleck_error none = {0};

    record->model = m->id;
    record->width = r->image_width;
    record->height = r->image_height;
    record->score = r->score;
    record->ratio = r->ratio;
    record->threshold = r->threshold;
    record->above = r->above;
    record->unlike = r->unlike;
    record->verdict = isnan(r->threshold) ? "none" : r->defective ? "defective" : "good";
    image->digest = strdup(m->digest);
    if (fleck_result_regions(m->model, r, NULL, &regions, &none) == FLECK_OK) {
        image->regions = sv_regions_json(regions);
        record->level = regions->threshold;
    } else if (none.status != FLECK_E_STATE) /* without a level there are no regions */
        return sv_error(err, none.status, "%s", none.message);
    fleck_regions_free(&regions);
    image->warnings = sv_unlike_json(r->unlike);
    return image->map_kind == NULL ||
           (image->map = sv_map_json(s, m->model, r, image->map_kind, err)) != NULL;
}

/* The number of threads to compute an image on: if it is alone, those of workers without one. */
static int begin_scoring(sv_inspector *in)
{
    bool alone;

    pthread_mutex_lock(&in->lock);
    alone = ++in->scoring == 1 && in->waiting == 0;
    pthread_mutex_unlock(&in->lock);
    return !alone ? 1 : in->n_workers < SHARING ? in->n_workers : SHARING;
}

static void end_scoring(sv_inspector *in)
{
    pthread_mutex_lock(&in->lock);
    in->scoring--;
    pthread_mutex_unlock(&in->lock);
}

static bool score(worker *w, sv_image *image)
{
    slot *s = scorer_of(w, image->product, &image->err);
    fleck_result *r = NULL;
    bool ok;

    if (s == NULL)
        return false;
    /* If threads cannot be started, it goes on with those that there are. */
    (void)!fleck_scorer_set_threads(s->scorer, begin_scoring(w->in), NULL);
    ok = fleck_scorer_bytes(s->scorer, image->bytes, image->size, image->name, false, &r,
                            &image->err) == FLECK_OK &&
         record_result(w->in->server, image, r, s->model, &image->err);
    end_scoring(w->in);
    fleck_result_free(&r);
    return ok;
}

static json_t *answer_of(const sv_image *image)
{
    const sv_record *r = &image->record;

    return json_pack(
        "{s:I, s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:s, "
        "s:o, s:O?, s:O?, s:O?, s:s?, s:o, s:n}",
        "id", (json_int_t)r->id, "product", (json_int_t)r->product, "model", (json_int_t)r->model,
        "digest", r->digest, "time", r->time, "source", r->source, "name", r->name, "hash", r->hash,
        "width", (json_int_t)r->width, "height", (json_int_t)r->height, "score",
        sv_number_json(r->score), "ratio", sv_number_json(r->ratio), "threshold",
        sv_number_json(r->threshold), "above", sv_number_json(r->above), "verdict", r->verdict,
        "level", sv_number_json(r->level), "regions", r->regions, "unlike", r->warnings, "timings",
        r->timings, "picture", r->picture, "error", sv_text_json(r->error), "mark");
}

/* The record is in the database, or could not be written. */
static void on_recorded(sv_record *record, void *ctx, const fleck_error *err)
{
    sv_image *image = ctx;
    sv_inspector *in = image->inspector;
    const double now = sv_seconds();
    const double ms[SV_STAGES] = {[SV_RECEIVE] = 1e3 * (image->queued - image->received),
                                  [SV_WAIT] = 1e3 * (image->started - image->queued),
                                  [SV_STORE] = 1e3 * (image->stored - image->started),
                                  [SV_SCORE] = 1e3 * (image->scored - image->started),
                                  [SV_COMMIT] = 1e3 * (now - image->handed),
                                  [SV_TOTAL] = 1e3 * (now - image->received)};

    if (record->id > 0) {
        image->answer = answer_of(image);
        if (image->answer != NULL)
            sv_events_send(in->server->events, "inspection", image->answer);
        else if (image->err.status == FLECK_OK)
            sv_error(&image->err, FLECK_E_NOMEM, "out of memory");
    } else if (image->err.status == FLECK_OK) {
        image->err = *err;
    }
    sv_sinks_wake(in->server->sinks);
    sv_stats_add(&in->server->stats, ms, image->err.status == FLECK_OK ? record->verdict : "error");
    image->done(image);
    pthread_mutex_lock(&in->lock);
    in->busy--;
    pthread_cond_broadcast(&in->idle);
    pthread_mutex_unlock(&in->lock);
}

static void work_on(worker *w, sv_image *image)
{
    sv_record *r = &image->record;
    sv_server *s = w->in->server;
    const bool has_bytes = image->bytes != NULL;
    bool scored, stored;

    image->started = image->stored = sv_seconds();
    *r = (sv_record){.product = image->product,
                     .source = image->source,
                     .name = image->name,
                     .score = NAN,
                     .ratio = NAN,
                     .threshold = NAN,
                     .above = NAN,
                     .level = NAN,
                     .verdict = "error",
                     .digest = "",
                     .seen = image->seen,
                     .done = on_recorded,
                     .ctx = image};
    sv_now(r->time);
    if (has_bytes)
        sv_keeper_begin(&w->keeper, image);
    scored = has_bytes && score(w, image);
    image->scored = sv_seconds();
    stored = !has_bytes || sv_keeper_wait(&w->keeper, &image->err);
    if (stored && !scored) {
        r->verdict = "error";
        r->error = image->err.message;
        if (r->model == 0)
            r->model =
                sv_db_int(&s->inspect_db, NULL, "SELECT current_model FROM product WHERE id = ?",
                          "i", image->product);
    }
    image->handed = sv_seconds();
    image->timings = json_pack(
        "{s:f, s:f, s:f, s:f}", "receive", 1e3 * (image->queued - image->received), "wait",
        1e3 * (image->started - image->queued), "store", 1e3 * (image->stored - image->started),
        "score", 1e3 * (image->scored - image->started));
    r->digest = image->digest != NULL ? image->digest : "";
    r->hash = image->hash;
    r->picture = has_bytes ? image->picture : NULL;
    r->regions = image->regions;
    r->warnings = image->warnings;
    r->timings = image->timings;
    if (stored && r->model > 0)
        sv_journal_add(s->journal, r);
    else
        on_recorded(r, image, &image->err);
}

/* ---- The queue ---- */

static bool is_free(sv_inspector *in)
{
    bool is;

    pthread_mutex_lock(&in->lock);
    is = in->first == NULL && !in->closing;
    pthread_mutex_unlock(&in->lock);
    return is;
}

/* Open scorers ahead of the first image, while none waits: compiling a network takes time. */
static void warm(worker *w, const int64_t products[SCORERS])
{
    for (int i = 0; i < SCORERS; i++) {
        fleck_error err = {0}; /* that image tells of it */

        if (products[i] > 0 && is_free(w->in) && !sv_models_over_limit(&w->in->models))
            (void)scorer_of(w, products[i], &err);
    }
}

/* Close scorers whose models were replaced, and note their products.  While all models together
 * take too much memory, close the scorer that was unused for the longest time, but keep one. */
static void tidy(worker *w, int64_t replaced[SCORERS])
{
    sv_models *all = &w->in->models;

    for (int i = 0; i < SCORERS; i++) {
        slot *s = &w->slots[i];
        const bool stale = s->model != NULL && sv_model_stale(all, s->model);

        replaced[i] = stale ? s->model->product : 0;
        if (stale)
            drop(w->in, s);
    }
    while (sv_models_over_limit(all)) {
        slot *oldest = NULL;
        int n = 0;

        for (slot *s = w->slots; s < w->slots + SCORERS; s++)
            if (s->model != NULL && ++n > 0 && (oldest == NULL || s->used < oldest->used))
                oldest = s;
        if (n < 2)
            return;
        drop(w->in, oldest);
    }
}

/* Wait for an image, or until the worker has to check its scorers.  False: the end. */
static bool next_image(worker *w, sv_image **image)
{
    sv_inspector *in = w->in;
    bool on;

    pthread_mutex_lock(&in->lock);
    while (in->first == NULL && !in->closing && !w->check_scorers)
        pthread_cond_wait(&in->more, &in->lock);
    w->check_scorers = false;
    *image = in->first;
    if (*image != NULL) {
        if ((in->first = (*image)->next) == NULL)
            in->last = &in->first;
        in->waiting--;
        in->busy++;
    }
    on = *image != NULL || !in->closing;
    pthread_mutex_unlock(&in->lock);
    return on;
}

static void *run(void *ctx)
{
    worker *w = ctx;
    int64_t replaced[SCORERS];
    sv_image *image;

    warm(w, w->in->recent);
    while (next_image(w, &image)) {
        tidy(w, replaced);
        if (image != NULL)
            work_on(w, image);
        warm(w, replaced);
    }
    for (slot *s = w->slots; s < w->slots + SCORERS; s++)
        if (s->model != NULL)
            drop(w->in, s);
    return NULL;
}

/* Take the oldest waiting image of a live source out of the queue.  The lock is held. */
static sv_image *take_oldest_live(sv_inspector *in)
{
    for (sv_image **p = &in->first; *p != NULL; p = &(*p)->next) {
        sv_image *image = *p;

        if (!image->drop_oldest)
            continue;
        if ((*p = image->next) == NULL)
            in->last = p;
        in->waiting--;
        return image;
    }
    return NULL;
}

bool sv_inspect(sv_inspector *in, sv_image *image, fleck_error *err)
{
    sv_image *victim = NULL;
    bool ok, closing;

    image->inspector = in;
    image->next = NULL;
    image->queued = sv_seconds();
    pthread_mutex_lock(&in->lock);
    if (in->waiting >= in->server->options.queue && image->drop_oldest)
        victim = take_oldest_live(in);
    closing = in->closing;
    ok = !closing && in->waiting < in->server->options.queue;
    if (ok) {
        *in->last = image;
        in->last = &image->next;
        in->waiting++;
        pthread_cond_signal(&in->more);
    }
    pthread_mutex_unlock(&in->lock);
    if (victim != NULL) {
        victim->dropped = true;
        sv_error(&victim->err, FLECK_E_LIMIT, "the queue was full");
        sv_stats_count(&in->server->stats, &in->server->stats.dropped);
        victim->done(victim);
    }
    if (ok)
        return true;
    image->dropped = true;
    if (!image->caller_retries)
        sv_stats_count(&in->server->stats, &in->server->stats.refused);
    if (closing)
        return sv_error(err, FLECK_E_LIMIT, "the service is stopping");
    return sv_error(err, FLECK_E_LIMIT, "%lld images are waiting already; try again",
                    (long long)in->server->options.queue);
}

void sv_image_free(sv_image *image)
{
    json_decref(image->answer);
    json_decref(image->regions);
    json_decref(image->warnings);
    json_decref(image->timings);
    json_decref(image->map);
    free(image->digest);
    free(image->name);
    free(image->source);
}

void sv_models_changed(sv_inspector *in, int64_t product)
{
    sv_models_stale(&in->models, product);
    wake_to_check(in);
}

json_t *sv_inspector_describe(sv_inspector *in)
{
    int64_t waiting, busy;

    pthread_mutex_lock(&in->lock);
    waiting = in->waiting;
    busy = in->busy;
    pthread_mutex_unlock(&in->lock);
    return json_pack("{s:I, s:I, s:i, s:I, s:o}", "waiting", (json_int_t)waiting, "busy",
                     (json_int_t)busy, "workers", in->n_workers, "queue",
                     (json_int_t)in->server->options.queue, "models",
                     sv_models_describe(&in->models));
}

static void find_recent(sv_inspector *in)
{
    json_t *row, *rows = sv_db_rows(&in->server->inspect_db, NULL,
                                    "SELECT id, (SELECT MAX(id) FROM inspection i WHERE i.product "
                                    "= product.id) AS last FROM product WHERE current_model IS NOT "
                                    "NULL AND archived = 0 AND last IS NOT NULL ORDER BY last DESC "
                                    "LIMIT ?",
                                    "i", (int64_t)SCORERS);
    size_t i;

    json_array_foreach(rows, i, row) in->recent[i] = json_integer_value(json_object_get(row, "id"));
    json_decref(rows);
}

sv_inspector *sv_inspector_open(struct sv_server *s, fleck_error *err)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    sv_inspector *in = calloc(1, sizeof *in);

    if (in != NULL) {
        in->n_workers =
            s->options.workers > 0 ? s->options.workers : (int)(processors > 0 ? processors : 1);
        in->workers = calloc((size_t)in->n_workers, sizeof *in->workers);
    }
    if (in == NULL || in->workers == NULL) {
        free(in);
        sv_error(err, FLECK_E_NOMEM, "out of memory");
        return NULL;
    }
    in->server = in->models.server = s;
    in->last = &in->first;
    pthread_mutex_init(&in->lock, NULL);
    pthread_cond_init(&in->more, NULL);
    pthread_cond_init(&in->idle, NULL);
    pthread_mutex_init(&in->models.lock, NULL);
    pthread_cond_init(&in->models.opened, NULL);
    if (s->options.watch == NULL)
        find_recent(in);
    for (; in->n_started < in->n_workers; in->n_started++) {
        worker *w = &in->workers[in->n_started];

        w->in = in;
        if (!sv_keeper_start(&w->keeper, s) || pthread_create(&w->thread, NULL, run, w) != 0) {
            sv_keeper_stop(&w->keeper);
            sv_error(err, FLECK_E_NOMEM, "a thread could not be started");
            sv_inspector_close(in);
            return NULL;
        }
    }
    return in;
}

void sv_inspector_stop(sv_inspector *in)
{
    if (in == NULL)
        return;
    pthread_mutex_lock(&in->lock);
    in->closing = true;
    pthread_cond_broadcast(&in->more);
    pthread_mutex_unlock(&in->lock);
    for (; in->n_started > 0; in->n_started--) {
        pthread_join(in->workers[in->n_started - 1].thread, NULL);
        sv_keeper_stop(&in->workers[in->n_started - 1].keeper);
    }
    pthread_mutex_lock(&in->lock);
    while (in->busy > 0)
        pthread_cond_wait(&in->idle, &in->lock);
    pthread_mutex_unlock(&in->lock);
}

void sv_inspector_close(sv_inspector *in)
{
    if (in == NULL)
        return;
    sv_inspector_stop(in);
    sv_models_close(&in->models);
    free(in->workers);
    free(in);
}

bool sv_score_again(sv_model *m, const char *path, fleck_result **out, fleck_error *err)
{
    fleck_scorer *scorer = NULL;
    unsigned char *bytes = NULL;
    size_t size;
    bool ok;

    /* From memory, as at first: the file's time may change meanwhile. */
    ok = sv_file_read(path, &bytes, &size, err) &&
         fleck_scorer_open(&scorer, m->model, err) == FLECK_OK &&
         fleck_scorer_bytes(scorer, bytes, size, "the picture", true, out, err) == FLECK_OK;
    fleck_scorer_close(&scorer);
    free(bytes);
    return ok;
}
