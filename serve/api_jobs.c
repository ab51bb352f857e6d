/* SPDX-License-Identifier: Apache-2.0 */
/* Fits: settings, start, progress, cancel. */
#include "api.h"

static json_t *job_json(sv_server *s, int64_t id, fleck_error *err)
{
    json_t *row = sv_db_row(&s->db, err, SV_JOB_COLUMNS " WHERE id = ?", "i", id);
    json_t *progress = row != NULL ? sv_fits_progress(s->fits, id) : NULL;

    if (progress != NULL)
        json_object_set_new(row, "progress", progress);
    return row;
}

static void reply_job(sv_request *r, unsigned status, int64_t id)
{
    fleck_error err = {0};
    json_t *row = job_json(r->server, id, &err);

    if (row != NULL)
        sv_reply_json(r, status, row);
    else
        sv_reply_error(r, &err);
}

/* Whether the settings are legal.  Other reasons, as a lack of weights, are told by the job. */
static bool settings_are_legal(sv_server *s, const json_t *given, fleck_error *err)
{
    fleck_settings *settings = NULL;
    fleck_error own = {0};
    bool ok = sv_fit_settings(s, &settings, given, NULL, err);

    if (ok && fleck_settings_check(settings, &own) == FLECK_E_OPTION) {
        *err = own;
        ok = false;
    }
    fleck_settings_free(&settings);
    return ok;
}

void sv_fit_start(sv_request *r)
{
    json_t *given = json_object_get(r->json, "settings");
    sv_server *s = r->server;
    fleck_error err = {0};
    char now[SV_TIME];
    int64_t id;
    bool ok;

    if (!sv_body_only(r, "settings", NULL) || !sv_need_product(r, r->ids[0]))
        return;
    if (given != NULL && !json_is_object(given)) {
        sv_reply_problem(r, 422, "settings: expected an object");
        return;
    }
    ok = settings_are_legal(s, given, &err);
    if (ok &&
        sv_db_int(&s->db, &err, "SELECT COUNT(*) FROM photo WHERE product = ? AND state = 'in'",
                  "i", r->ids[0]) == 0)
        ok = sv_error(&err, FLECK_E_STATE, "this product has no photos to learn from: add some");
    sv_now(now);
    id = !ok ? -1
             : sv_db_int(&s->db, &err,
                         "INSERT INTO job(product, kind, state, who, settings, created) VALUES(?,"
                         " 'fit', 'queued', ?, ?, ?) RETURNING id",
                         "isjs", r->ids[0], sv_who(r), given, now);
    if (id <= 0) {
        sv_reply_error(r, &err);
        return;
    }
    if (given != NULL)
        (void)sv_db_run(&s->db, NULL, "UPDATE product SET settings = ? WHERE id = ?", "ji", given,
                        r->ids[0]);
    sv_fits_wake(s->fits);
    reply_job(r, 202, id);
}

void sv_jobs_list(sv_request *r)
{
    fleck_error err = {0};
    json_t *rows, *row;
    size_t i;

    if (!sv_need_product(r, r->ids[0]))
        return;
    rows =
        sv_db_rows(&r->server->db, &err,
                   SV_JOB_COLUMNS " WHERE product = ? ORDER BY id DESC LIMIT 100", "i", r->ids[0]);
    if (rows == NULL) {
        sv_reply_error(r, &err);
        return;
    }
    json_array_foreach(rows, i, row)
    {
        json_t *progress =
            sv_fits_progress(r->server->fits, json_integer_value(json_object_get(row, "id")));

        if (progress != NULL)
            json_object_set_new(row, "progress", progress);
    }
    sv_reply_json(r, 200, rows);
}

/* The last fits of all products that came to their end: what the time of another can be told
 * from. */
void sv_jobs_done(sv_request *r)
{
    fleck_error err = {0};
    json_t *rows =
        sv_db_rows(&r->server->db, &err,
                   SV_JOB_COLUMNS " WHERE state = 'done' ORDER BY id DESC LIMIT 100", "");

    if (rows != NULL)
        sv_reply_json(r, 200, rows);
    else
        sv_reply_error(r, &err);
}

void sv_job_get(sv_request *r)
{
    reply_job(r, 200, r->ids[0]);
}

void sv_job_cancel(sv_request *r)
{
    fleck_error err = {0};
    json_t *row = job_json(r->server, r->ids[0], &err);

    if (row == NULL) {
        sv_reply_error(r, &err);
        return;
    }
    json_decref(row);
    if (sv_fits_cancel(r->server->fits, r->ids[0]))
        reply_job(r, 202, r->ids[0]);
    else
        sv_reply_problem(r, 409, "the job has ended already");
}

void sv_settings_list(sv_request *r)
{
    json_t *list = json_array(), *methods = json_array(), *backbones = json_array();
    const fleck_setting *s;

    for (int i = 0; (s = fleck_setting_at(i)) != NULL; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s?, s:s?, s:s, s:s, s:b, s:b}", "name", s->name, "value",
                            s->value, "initial", s->initial, "group", s->group, "help", s->help,
                            "list", (int)s->list, "closed", (int)sv_setting_closed(s->name)));
    for (int i = 0; i < fleck_method_count(); i++) {
        const fleck_method_info *m = fleck_method_at(i);

        json_array_append_new(methods, json_pack("{s:s, s:s, s:s}", "name", m->name, "title",
                                                 m->title, "reference", m->reference));
    }
    for (int i = 0; i < fleck_backbone_count(); i++) {
        const fleck_backbone_info *b = fleck_backbone_at(i);
        fleck_weights_info *found = NULL;
        bool there =
            fleck_weights_find(&found, r->server->options.home, b->name, NULL) == FLECK_OK &&
            found->installed;

        fleck_free(found);
        found = NULL;
        if (!there && r->server->options.shared_home != NULL)
            there = fleck_weights_find(&found, r->server->options.shared_home, b->name, NULL) ==
                        FLECK_OK &&
                    found->installed;
        fleck_free(found);
        json_array_append_new(backbones, json_pack("{s:s, s:s, s:b}", "name", b->name, "title",
                                                   b->title, "installed", (int)there));
    }
    sv_reply_json(
        r, 200,
        json_pack("{s:o, s:o, s:o}", "settings", list, "methods", methods, "backbones", backbones));
}
