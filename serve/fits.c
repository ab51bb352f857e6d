/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that fits models, and where they are stored. */
#define _GNU_SOURCE
#include "fits.h"
#include "server.h"
#include "text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sv_fits {
    struct sv_server *server;
    pthread_mutex_t lock;
    pthread_cond_t more;
    pthread_t thread;
    bool started, closing, look;
    int64_t running; /* id of the job, 0: none */
    bool cancel;
    char stage[32];
    int64_t done, total, least, memory; /* least: resident bytes at its start; memory: growth */
    double begun, told;
};

/* The state of one fit. */
typedef struct fit {
    sv_fits *fits;
    int64_t job, product;
    json_t *row, *photos, *warnings;
    fleck_settings *settings;
    const char **files;
    char (*paths)[4096];
    size_t n;
} fit;

/* ---- Models ---- */

json_t *sv_model_info_json(const fleck_model *model)
{
    const fleck_model_info *i = fleck_model_describe(model);

    return json_pack(
        "{s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:b, s:o,"
        " s:o, s:I, s:o, s:o, s:o, s:I, s:o}",
        "method", sv_text_json(i->method), "backbone", sv_text_json(i->backbone), "precision",
        sv_text_json(i->precision), "options", sv_text_json(i->options), "images",
        (json_int_t)i->images, "width", (json_int_t)i->width, "height", (json_int_t)i->height,
        "photo_width", (json_int_t)i->photo_width, "photo_height", (json_int_t)i->photo_height,
        "tile", (json_int_t)i->tile, "overlap", (json_int_t)i->overlap, "left_out",
        sv_number_json(i->left_out), "outside", sv_number_json(i->outside), "unseen",
        sv_number_json(i->unseen), "threshold", sv_number_json(i->threshold), "pixel_threshold",
        sv_number_json(i->pixel_threshold), "pixels_set", (int)i->pixels_set, "scale_low",
        sv_number_json(i->scale_low), "scale_high", sv_number_json(i->scale_high), "calibrated",
        (json_int_t)i->calibrated, "false_alarms", sv_number_json(i->false_alarms),
        "threshold_rule", sv_text_json(i->threshold_rule), "groups", sv_text_json(i->groups),
        "n_groups", (json_int_t)i->n_groups, "fleck_version", sv_text_json(i->fleck_version));
}

/* Save, then open again for the checksum that only a file has. */
static bool save_file(sv_server *s, const fleck_model *model, const char *path, json_t **info,
                      char digest[64], int64_t *bytes, fleck_error *err)
{
    fleck_run_settings settings;
    fleck_model *again = NULL;
    char full[4096];
    FILE *f;

    sv_path(s, full, "%s", path);
    if (fleck_model_save(model, full, err) != FLECK_OK)
        return false;
    fleck_run_defaults(&settings, sizeof settings);
    settings.rest = true;
    settings.threads = 1;
    if (fleck_model_open(&again, full, &settings, err) != FLECK_OK)
        return false;
    *info = sv_model_info_json(again);
    snprintf(digest, 64, "%s", fleck_model_describe(again)->checksum);
    fleck_model_close(&again);
    f = fopen(full, "re");
    *bytes = f != NULL && fseeko(f, 0, SEEK_END) == 0 ? ftello(f) : 0;
    if (f != NULL)
        fclose(f);
    return *info != NULL || sv_error(err, FLECK_E_NOMEM, "out of memory");
}

int64_t sv_model_store(struct sv_server *s, int64_t product, const fleck_model *model,
                       const char *reason, const char *who, int64_t job, int64_t parent,
                       fleck_error *err)
{
    const fleck_model_info *i = fleck_model_describe(model);
    char digest[64] = "", path[256], now[SV_TIME];
    json_t *info = NULL, *event;
    int64_t id = -1, version, bytes = 0;
    bool ok;

    sv_now(now);
    pthread_mutex_lock(&s->storing); /* so that two models never take one version */
    version =
        sv_db_int(&s->db, err, "SELECT COALESCE(MAX(version), 0) + 1 FROM model WHERE product = ?",
                  "i", product);
    snprintf(path, sizeof path, "products/%lld/models/%04lld.fleck", (long long)product,
             (long long)version);
    ok = version > 0 && save_file(s, model, path, &info, digest, &bytes, err);
    ok = ok && sv_db_begin(&s->db, err);
    if (ok) {
        id = sv_db_int(&s->db, err,
                       "INSERT INTO model(product, version, path, bytes, digest, created, reason,"
                       " who, parent, job, threshold, pixel_threshold, pixels_set, info) VALUES(?,"
                       " ?, ?, ?, ?, ?, ?, ?, NULLIF(?, 0), NULLIF(?, 0), ?, ?, ?, ?) RETURNING id",
                       "iisissssiiddij", product, version, path, bytes, digest, now, reason, who,
                       parent, job, i->threshold, i->pixel_threshold, (int64_t)i->pixels_set, info);
        ok = id > 0 && sv_db_run(&s->db, err, "UPDATE product SET current_model = ? WHERE id = ?",
                                 "ii", id, product);
        ok = sv_db_end(&s->db, ok, err) && ok;
    }
    pthread_mutex_unlock(&s->storing);
    json_decref(info);
    if (!ok)
        return -1;
    sv_models_changed(s->inspector, product);
    event = json_pack("{s:I, s:I, s:I}", "product", (json_int_t)product, "id", (json_int_t)id,
                      "version", (json_int_t)version);
    sv_events_send(s->events, "model", event);
    json_decref(event);
    return id;
}

/* ---- One fit ---- */

static void tell(sv_fits *f, fit *job)
{
    json_t *event;

    pthread_mutex_lock(&f->lock);
    event = json_pack("{s:I, s:I, s:s, s:s, s:I, s:I, s:f}", "id", (json_int_t)job->job, "product",
                      (json_int_t)job->product, "state", "running", "stage", f->stage, "done",
                      (json_int_t)f->done, "total", (json_int_t)f->total, "seconds",
                      sv_seconds() - f->begun);
    pthread_mutex_unlock(&f->lock);
    if (event != NULL)
        sv_events_send(f->server->events, "job", event);
    json_decref(event);
}

static bool on_progress(void *ctx, const char *stage, int64_t done, int64_t total)
{
    fit *job = ctx;
    sv_fits *f = job->fits;
    const double now = sv_seconds();
    bool go_on, due;

    pthread_mutex_lock(&f->lock);
    due = now - f->told > 0.2 || strcmp(f->stage, stage) != 0;
    snprintf(f->stage, sizeof f->stage, "%s", stage);
    f->done = done;
    f->total = total;
    if (due) {
        const int64_t growth = sv_resident_bytes() - f->least;

        f->told = now;
        f->memory = growth > f->memory ? growth : f->memory;
    }
    go_on = !f->cancel && !f->closing;
    pthread_mutex_unlock(&f->lock);
    if (due)
        tell(f, job);
    return go_on;
}

static void on_warning(void *ctx, const char *message)
{
    fit *job = ctx;
    char *text = fleck_utf8_name(message);

    if (text != NULL)
        json_array_append_new(job->warnings, json_string(text));
    fleck_free(text);
}

/* An area as the settings take it: "x,y x,y x,y". */
static char *area_text(const json_t *points)
{
    const size_t n = json_array_size(points);
    char *text = calloc(n + 1, 64), *to = text;

    for (size_t i = 0; text != NULL && i < n; i++) {
        const json_t *p = json_array_get(points, i);

        to += snprintf(to, 64, "%s%.10g,%.10g", i > 0 ? " " : "",
                       json_number_value(json_array_get(p, 0)),
                       json_number_value(json_array_get(p, 1)));
    }
    return text;
}

/* Set the list "ignore" or "only" from the product's areas of that kind. */
static bool set_areas(fleck_settings *settings, const json_t *areas, const char *kind,
                      fleck_error *err)
{
    const size_t n = json_array_size(areas);
    char **texts = calloc(n + 1, sizeof *texts);
    int64_t count = 0;
    bool ok = texts != NULL;

    for (size_t i = 0; ok && i < n; i++) {
        const json_t *area = json_array_get(areas, i);
        const char *own = json_string_value(json_object_get(area, "kind"));

        if (own == NULL || strcmp(own, kind) != 0)
            continue;
        texts[count] = area_text(json_object_get(area, "points"));
        ok = texts[count++] != NULL;
    }
    if (!ok)
        sv_error(err, FLECK_E_NOMEM, "out of memory");
    else if (count > 0)
        ok = fleck_settings_set_list(settings, kind, (const char *const *)texts, count, err) ==
             FLECK_OK;
    for (int64_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
    return ok;
}

/* Settings as the page sends them: texts, numbers, true and false, and lists of texts. */
static bool set_one(fleck_settings *settings, const char *name, const json_t *value,
                    fleck_error *err)
{
    const char *items[64];
    char text[64];

    if (strcmp(name, "backbone") == 0 && json_is_string(value) &&
        strpbrk(json_string_value(value), "/\\.") != NULL)
        return sv_error(err, FLECK_E_OPTION, "backbone: expected the name of a built-in network");

    if (json_is_array(value)) {
        const size_t n = json_array_size(value);

        for (size_t i = 0; i < n && i < 64; i++)
            if ((items[i] = json_string_value(json_array_get(value, i))) == NULL)
                return sv_error(err, FLECK_E_OPTION, "%s: expected a list of texts", name);
        if (n > 64)
            return sv_error(err, FLECK_E_OPTION, "%s: expected at most 64 entries", name);
        return fleck_settings_set_list(settings, name, items, (int64_t)n, err) == FLECK_OK;
    }
    if (json_is_boolean(value))
        snprintf(text, sizeof text, "%s", json_is_true(value) ? "true" : "false");
    else if (json_is_number(value))
        snprintf(text, sizeof text, "%.17g", json_number_value(value));
    else if (!json_is_string(value))
        return sv_error(err, FLECK_E_OPTION, "%s: expected a text, a number, true, false or a list",
                        name);
    return fleck_settings_set(settings, name,
                              json_is_string(value) ? json_string_value(value) : text,
                              err) == FLECK_OK;
}

bool sv_setting_closed(const char *name)
{
    static const char *const closed[] = {"home",   "shared-home", "scratch", "output",   "weights",
                                         "ignore", "only",        "masks",   "fit-mask", "groups",
                                         "good",   "recursive",   NULL};

    for (int i = 0; closed[i] != NULL; i++)
        if (strcmp(closed[i], name) == 0)
            return true;
    return false;
}

/* Whether a backbone is an ONNX file of this machine. */
static bool names_file(const char *backbone)
{
    const size_t n = backbone != NULL ? strlen(backbone) : 0;

    return n >= 5 && strcmp(backbone + n - 5, ".onnx") == 0;
}

bool sv_fit_settings(sv_server *s, fleck_settings **out, const json_t *given, const json_t *areas,
                     fleck_error *err)
{
    const char *name;
    json_t *value;

    if (fleck_settings_create(out, err) != FLECK_OK)
        return false;
    json_object_foreach((json_t *)given, name, value)
    {
        if (sv_setting_closed(name))
            return sv_error(err, FLECK_E_OPTION, "%s: cannot be set here", name);
        if (strcmp(name, "backbone") == 0 && names_file(json_string_value(value)))
            return sv_error(err, FLECK_E_OPTION, "backbone: files cannot be named here");
        if (!set_one(*out, name, value, err))
            return false;
    }
    return set_areas(*out, areas, "ignore", err) && set_areas(*out, areas, "only", err) &&
           fleck_settings_set(*out, "home", s->options.home, err) == FLECK_OK &&
           (s->options.shared_home == NULL ||
            fleck_settings_set(*out, "shared-home", s->options.shared_home, err) == FLECK_OK) &&
           (s->options.scratch == NULL ||
            fleck_settings_set(*out, "scratch", s->options.scratch, err) == FLECK_OK);
}

static bool list_photos(fit *job, sv_server *s, fleck_error *err)
{
    job->photos = sv_db_rows(
        &s->db, err, "SELECT path FROM photo WHERE product = ? AND state = 'in' ORDER BY id", "i",
        job->product);
    job->n = json_array_size(job->photos);
    if (job->photos == NULL)
        return false;
    if (job->n == 0)
        return sv_error(err, FLECK_E_STATE, "this product has no photos to learn from");
    job->files = calloc(job->n, sizeof *job->files);
    job->paths = calloc(job->n, sizeof *job->paths);
    if (job->files == NULL || job->paths == NULL)
        return sv_error(err, FLECK_E_NOMEM, "out of memory");
    for (size_t i = 0; i < job->n; i++) {
        sv_path(s, job->paths[i], "%s",
                json_string_value(json_object_get(json_array_get(job->photos, i), "path")));
        job->files[i] = job->paths[i];
    }
    return true;
}

static int64_t fit_model(fit *job, sv_server *s, double *seconds, fleck_error *err)
{
    fleck_model *model = NULL;
    fleck_times times = {0};
    int64_t id = -1;

    if (sv_fit_settings(s, &job->settings, json_object_get(job->row, "settings"),
                        json_object_get(job->row, "areas"), err) &&
        list_photos(job, s, err)) {
        fleck_settings_set_progress(job->settings, on_progress, job);
        fleck_settings_set_warning(job->settings, on_warning, job);
        if (fleck_fit_files(&model, job->files, (int64_t)job->n, job->settings, &times, err) ==
            FLECK_OK)
            id = sv_model_store(s, job->product, model, "fit",
                                json_string_value(json_object_get(job->row, "who")), job->job, 0,
                                err);
    }
    *seconds = times.total;
    fleck_model_close(&model);
    return id;
}

/* Wait a second, or until the end: a database that fails is not asked without pause.
 * False: the end has come. */
static bool pause_a_second(sv_fits *f)
{
    struct timespec until;
    bool closing;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    pthread_mutex_lock(&f->lock);
    while (!f->closing && pthread_cond_timedwait(&f->more, &f->lock, &until) != ETIMEDOUT)
        ;
    closing = f->closing;
    pthread_mutex_unlock(&f->lock);
    return !closing;
}

/* Write the end of a job into the database, and tell it. */
static void conclude(fit *job, sv_server *s, int64_t model, double seconds, const fleck_error *err)
{
    int64_t memory;
    const char *state = model > 0 ? "done" : "failed";
    char now[SV_TIME];
    json_t *row;

    pthread_mutex_lock(&job->fits->lock);
    memory = job->fits->memory;
    if (model <= 0 && err->status == FLECK_E_CANCELLED)
        state = job->fits->closing ? "interrupted" : "cancelled";
    pthread_mutex_unlock(&job->fits->lock);
    sv_now(now);
    /* Where the disk is full, it may have room later. */
    for (int tries = 0; tries < 60; tries++)
        if (sv_db_run(&s->db, NULL,
                      "UPDATE job SET state = ?, ended = ?, error = ?, warnings = ?, photos = ?,"
                      " seconds = ?, memory = ?, model = NULLIF(?, -1) WHERE id = ?",
                      "sssjidiii", state, now, model > 0 ? NULL : err->message, job->warnings,
                      (int64_t)job->n, seconds, memory, model, job->job) ||
            !pause_a_second(job->fits))
            break;
    row = sv_db_row(&s->db, NULL, SV_JOB_COLUMNS " WHERE id = ?", "i", job->job);
    if (row != NULL)
        sv_events_send(s->events, "job", row);
    json_decref(row);
}

/* Make a queued job the running one; false: it was cancelled meanwhile, or the database failed. */
static bool begin_job(sv_fits *f, int64_t job, const json_t *areas)
{
    char now[SV_TIME];

    /* In this order, so that sv_fits_cancel() finds it either queued or running. */
    pthread_mutex_lock(&f->lock);
    f->running = job;
    f->cancel = false;
    f->stage[0] = '\0';
    f->done = f->total = f->memory = 0;
    f->least = sv_resident_bytes();
    f->begun = sv_seconds();
    pthread_mutex_unlock(&f->lock);
    sv_now(now);
    return sv_db_int(&f->server->db, NULL,
                     "UPDATE job SET state = 'running', started = ?, areas = ? WHERE id = ? AND"
                     " state = 'queued' RETURNING id",
                     "sji", now, areas, job) > 0;
}

static void end_job(sv_fits *f)
{
    pthread_mutex_lock(&f->lock);
    f->running = 0;
    pthread_mutex_unlock(&f->lock);
}

static void run_job(sv_fits *f, json_t *row)
{
    fit job = {.fits = f, .row = row, .warnings = json_array()};
    fleck_error err = {0};
    double seconds = 0;
    int64_t model;

    job.job = json_integer_value(json_object_get(row, "id"));
    job.product = json_integer_value(json_object_get(row, "product"));
    if (!begin_job(f, job.job, json_object_get(row, "areas"))) {
        end_job(f);
        json_decref(job.warnings);
        (void)pause_a_second(f);
        return;
    }
    model = fit_model(&job, f->server, &seconds, &err);
    end_job(f);
    conclude(&job, f->server, model, seconds, &err);
    fleck_settings_free(&job.settings);
    json_decref(job.photos);
    json_decref(job.warnings);
    free(job.files);
    free(job.paths);
}

/* ---- The queue ---- */

static void *run(void *ctx)
{
    sv_fits *f = ctx;

    for (;;) {
        json_t *row = sv_db_row(&f->server->db, NULL,
                                "SELECT job.id, job.product, job.settings AS settings_json,"
                                " product.areas AS areas_json, job.who FROM job JOIN product ON"
                                " product.id = job.product WHERE job.state = 'queued'"
                                " ORDER BY job.id LIMIT 1",
                                "");

        pthread_mutex_lock(&f->lock);
        while (row == NULL && !f->look && !f->closing)
            pthread_cond_wait(&f->more, &f->lock);
        f->look = false;
        if (f->closing) {
            pthread_mutex_unlock(&f->lock);
            json_decref(row);
            return NULL;
        }
        pthread_mutex_unlock(&f->lock);
        if (row != NULL)
            run_job(f, row);
        json_decref(row);
    }
}

sv_fits *sv_fits_open(struct sv_server *s, fleck_error *err)
{
    sv_fits *f = calloc(1, sizeof *f);

    if (f == NULL) {
        sv_error(err, FLECK_E_NOMEM, "out of memory");
        return NULL;
    }
    f->server = s;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->more, NULL);
    if (!sv_db_run(&s->db, err, "UPDATE job SET state = 'interrupted' WHERE state = 'running'",
                   "") ||
        pthread_create(&f->thread, NULL, run, f) != 0) {
        if (err->status == FLECK_OK)
            sv_error(err, FLECK_E_NOMEM, "a thread could not be started");
        free(f);
        return NULL;
    }
    f->started = true;
    return f;
}

void sv_fits_stop(sv_fits *f)
{
    if (f == NULL || !f->started)
        return;
    pthread_mutex_lock(&f->lock);
    f->closing = true;
    pthread_cond_broadcast(&f->more);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    f->started = false;
}

void sv_fits_close(sv_fits *f)
{
    if (f == NULL)
        return;
    sv_fits_stop(f);
    pthread_cond_destroy(&f->more);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

void sv_fits_wake(sv_fits *f)
{
    pthread_mutex_lock(&f->lock);
    f->look = true;
    pthread_cond_broadcast(&f->more);
    pthread_mutex_unlock(&f->lock);
}

bool sv_fits_cancel(sv_fits *f, int64_t job)
{
    bool running;

    if (sv_db_int(&f->server->db, NULL,
                  "UPDATE job SET state = 'cancelled' WHERE id = ? AND state = 'queued' RETURNING"
                  " id",
                  "i", job) > 0)
        return true;
    pthread_mutex_lock(&f->lock);
    running = f->running == job;
    f->cancel = f->cancel || running;
    pthread_mutex_unlock(&f->lock);
    return running;
}

json_t *sv_fits_progress(sv_fits *f, int64_t job)
{
    json_t *out = NULL;

    pthread_mutex_lock(&f->lock);
    if (f->running == job)
        out = json_pack("{s:s, s:I, s:I, s:f}", "stage", f->stage, "done", (json_int_t)f->done,
                        "total", (json_int_t)f->total, "seconds", sv_seconds() - f->begun);
    pthread_mutex_unlock(&f->lock);
    return out;
}
