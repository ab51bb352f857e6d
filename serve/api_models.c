/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of a product's model, and thresholds, each change of which is a new version. */
#include "api.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>

#define MODEL                                                                                      \
    "SELECT id, product, version, bytes, digest, created, reason, who, parent, job, threshold,"    \
    " pixel_threshold, pixels_set AS pixels_set_flag, info AS info_json,"                          \
    " id = (SELECT current_model FROM product WHERE id = model.product) AS current_flag FROM "     \
    "model"

void sv_models_list(sv_request *r)
{
    fleck_error err = {0};
    json_t *rows;

    if (!sv_need_product(r, r->ids[0]))
        return;
    rows = sv_db_rows(&r->server->db, &err, MODEL " WHERE product = ? ORDER BY version DESC", "i",
                      r->ids[0]);
    if (rows != NULL)
        sv_reply_json(r, 200, rows);
    else
        sv_reply_error(r, &err);
}

static json_t *held_out_json(const fleck_model *model)
{
    json_t *list = json_array();
    fleck_held_out h;

    for (int64_t i = 0; fleck_model_held_out(model, i, &h); i++)
        json_array_append_new(list,
                              json_pack("{s:o, s:o, s:o, s:i}", "name", sv_text_json(h.name),
                                        "alone", sv_number_json(h.alone), "group",
                                        sv_number_json(h.group), "group_number", h.group_number));
    return list;
}

static void reply_model(sv_request *r, unsigned status, int64_t id)
{
    fleck_error err = {0};
    json_t *row = sv_db_row(&r->server->db, &err, MODEL " WHERE id = ?", "i", id);
    sv_model *m = row != NULL ? sv_model_acquire(r->server->inspector, 0, id, &err) : NULL;

    if (m == NULL) {
        json_decref(row);
        sv_reply_error(r, &err);
        return;
    }
    json_object_set_new(row, "held_out", held_out_json(m->model));
    sv_model_release(r->server->inspector, m);
    sv_reply_json(r, status, row);
}

void sv_model_get(sv_request *r)
{
    reply_model(r, 200, r->ids[0]);
}

void sv_model_file(sv_request *r)
{
    fleck_error err = {0};
    json_t *row =
        sv_db_row(&r->server->db, &err, "SELECT path, product, version FROM model WHERE id = ?",
                  "i", r->ids[0]);
    char path[4096], name[128];

    if (row == NULL) {
        sv_reply_error(r, &err);
        return;
    }
    sv_path(r->server, path, "%s", json_string_value(json_object_get(row, "path")));
    snprintf(name, sizeof name, "product-%lld-version-%lld.fleck",
             (long long)json_integer_value(json_object_get(row, "product")),
             (long long)json_integer_value(json_object_get(row, "version")));
    json_decref(row);
    sv_reply_file(r, path, "application/octet-stream", name);
}

static bool open_quietly(fleck_model **out, const char *path, fleck_error *err)
{
    fleck_run_settings settings;

    fleck_run_defaults(&settings, sizeof settings);
    settings.threads = 1;
    settings.rest = true;
    return fleck_model_open(out, path, &settings, err) == FLECK_OK;
}

void sv_model_upload(sv_request *r)
{
    fleck_model *model = NULL;
    fleck_error err = {0};
    int64_t id = -1;

    if (!sv_need_product(r, r->ids[0]))
        return;
    if (open_quietly(&model, r->file, &err))
        id = sv_model_store(r->server, r->ids[0], model, "upload", sv_who(r), 0, 0, &err);
    fleck_model_close(&model);
    if (id > 0) {
        reply_model(r, 201, id);
        return;
    }
    sv_text_rename(err.message, sizeof err.message, r->file, "the upload");
    if (err.status == FLECK_E_IO || err.status == FLECK_E_NOMEM)
        sv_reply_error(r, &err);
    else
        sv_reply_problem(r, 422, "this is not a model that can be used: %s", err.message);
}

void sv_model_activate(sv_request *r)
{
    fleck_error err = {0};
    const int64_t product = sv_db_int(&r->server->db, &err,
                                      "UPDATE product SET current_model = ?1 WHERE id = (SELECT"
                                      " product FROM model WHERE id = ?1) RETURNING id",
                                      "i", r->ids[0]);
    json_t *event;

    if (product <= 0) {
        sv_reply_error(r, &err);
        return;
    }
    sv_models_changed(r->server->inspector, product);
    event = json_pack("{s:I, s:I}", "product", (json_int_t)product, "id", (json_int_t)r->ids[0]);
    sv_note(r->server, product, sv_who(r), "model made current", event);
    sv_events_send(r->server->events, "model", event);
    json_decref(event);
    reply_model(r, 200, r->ids[0]);
}

/* ---- Thresholds ---- */

/* Ids of the models whose scores can be compared with the model's. */
static json_t *same_scores(sv_server *s, int64_t model)
{
    json_t *rows = sv_db_rows(&s->db, NULL, SV_SAME_SCORES "SELECT id FROM line", "i", model);
    json_t *ids = json_array(), *row;
    size_t i;

    json_array_foreach(rows, i, row) json_array_append(ids, json_object_get(row, "id"));
    json_decref(rows);
    return ids;
}

/* Marked inspections whose scores can be compared, and what was changed when and by whom. */
static void add_past(sv_server *s, json_t *answer, int64_t product, int64_t model)
{
    json_object_set_new(answer, "marked",
                        sv_db_rows(&s->db, NULL,
                                   SV_SAME_SCORES
                                   "SELECT id, score, mark, name, model FROM inspection WHERE"
                                   " product = ?2 AND mark IS NOT NULL AND score IS NOT NULL AND"
                                   " model IN (SELECT id FROM line) ORDER BY id DESC LIMIT 10000",
                                   "ii", model, product));
    json_object_set_new(answer, "same_scores", same_scores(s, model));
    json_object_set_new(answer, "changes",
                        sv_db_rows(&s->db, NULL,
                                   "SELECT id, version, created, who, reason, threshold,"
                                   " pixel_threshold, pixels_set AS pixels_set_flag,"
                                   " json_extract(info, '$.threshold_rule') AS threshold_rule,"
                                   " json_extract(info, '$.false_alarms') AS false_alarms,"
                                   " id = ?2 AS current_flag FROM model WHERE product = ?1"
                                   " ORDER BY version DESC LIMIT 50",
                                   "ii", product, model));
    json_object_set_new(answer, "notes",
                        sv_db_rows(&s->db, NULL,
                                   "SELECT n.time, n.who, m.version FROM note n JOIN model m ON"
                                   " m.id = json_extract(n.detail, '$.id') WHERE n.product = ? AND"
                                   " n.what = 'model made current' ORDER BY n.id DESC LIMIT 50",
                                   "i", product));
}

void sv_threshold_get(sv_request *r)
{
    fleck_error err = {0};
    sv_model *m;
    json_t *answer;

    if (!sv_need_product(r, r->ids[0]))
        return;
    m = sv_model_acquire(r->server->inspector, r->ids[0], 0, &err);
    if (m == NULL) {
        sv_reply_error(r, &err);
        return;
    }
    answer = json_pack("{s:I, s:o, s:o}", "model", (json_int_t)m->id, "info",
                       sv_model_info_json(m->model), "held_out", held_out_json(m->model));
    add_past(r->server, answer, r->ids[0], m->id);
    sv_model_release(r->server->inspector, m);
    sv_reply_json(r, 200, answer);
}

/* Change what the request names; sets *changed if there was something. */
static bool change(const sv_request *r, fleck_model *model, bool *changed, fleck_error *err)
{
    const json_t *threshold = json_object_get(r->json, "threshold");
    const json_t *rate = json_object_get(r->json, "false_alarms");
    const json_t *pixels = json_object_get(r->json, "pixel_threshold");

    *changed = threshold != NULL || rate != NULL || pixels != NULL;
    if (threshold != NULL && rate != NULL)
        return sv_error(err, FLECK_E_OPTION,
                        "threshold, false_alarms: expected one of them, found both");
    if ((threshold != NULL && !json_is_number(threshold)) ||
        (rate != NULL && !json_is_number(rate)) ||
        (pixels != NULL && !json_is_number(pixels) && !json_is_null(pixels)))
        return sv_error(err, FLECK_E_OPTION,
                        "threshold, false_alarms, pixel_threshold: expected numbers");
    if (threshold != NULL &&
        fleck_model_set_threshold(model, json_number_value(threshold), "set", err) != FLECK_OK)
        return false;
    if (rate != NULL &&
        fleck_model_set_false_alarms(model, json_number_value(rate), err) != FLECK_OK)
        return false;
    return pixels == NULL ||
           fleck_model_set_pixel_threshold(
               model, json_is_null(pixels) ? (double)NAN : json_number_value(pixels), err) ==
               FLECK_OK;
}

void sv_threshold_put(sv_request *r)
{
    const json_t *based_on = json_object_get(r->json, "model"); /* that the caller looked at */
    sv_server *s = r->server;
    fleck_error err = {0};
    fleck_model *model = NULL;
    json_t *row;
    char path[4096];
    int64_t parent, id = -1;
    bool changed = false;

    if (!sv_body_only(r, "threshold", "false_alarms", "pixel_threshold", "model", NULL) ||
        !sv_need_product(r, r->ids[0]))
        return;
    row = sv_db_row(&s->db, &err,
                    "SELECT id, path FROM model WHERE id = (SELECT current_model FROM product WHERE"
                    " id = ?)",
                    "i", r->ids[0]);
    if (row == NULL) {
        sv_reply_problem(r, 409, "this product has no model yet: fit one first");
        return;
    }
    parent = json_integer_value(json_object_get(row, "id"));
    if (based_on != NULL && json_integer_value(based_on) != parent) {
        json_decref(row);
        sv_reply_problem(r, 409, "the model was changed meanwhile: load the page again");
        return;
    }
    sv_path(s, path, "%s", json_string_value(json_object_get(row, "path")));
    json_decref(row);
    if (open_quietly(&model, path, &err) && change(r, model, &changed, &err)) {
        if (!changed)
            sv_error(&err, FLECK_E_OPTION,
                     "expected threshold, false_alarms or pixel_threshold, found none of them");
        else
            id = sv_model_store(s, r->ids[0], model, "threshold", sv_who(r), 0, parent, &err);
    }
    fleck_model_close(&model);
    if (id > 0)
        reply_model(r, 200, id);
    else
        sv_reply_error(r, &err);
}
