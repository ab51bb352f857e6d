/* SPDX-License-Identifier: Apache-2.0 */
/* Products and their areas. */
#include "api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_NAME = 200, MOST_AREAS = 64, MOST_POINTS = 256 };

#define PRODUCT                                                                                    \
    "SELECT p.id, p.name, p.created, p.archived AS archived_flag, p.current_model,"                \
    " p.settings AS settings_json, p.areas AS areas_json,"                                         \
    " (SELECT version FROM model WHERE id = p.current_model) AS version,"                          \
    " (SELECT threshold FROM model WHERE id = p.current_model) AS threshold,"                      \
    " (SELECT COUNT(*) FROM photo WHERE product = p.id AND state = 'in') AS photos FROM product p"

bool sv_need_product(sv_request *r, int64_t id)
{
    fleck_error err = {0};

    if (sv_db_int(&r->server->db, &err, "SELECT 1 FROM product WHERE id = ?", "i", id) == 1)
        return true;
    if (err.status == FLECK_E_NOTFOUND)
        sv_reply_problem(r, 404, "there is no product %lld", (long long)id);
    else
        sv_reply_error(r, &err);
    return false;
}

/* Add the last inspections, and counts of the last day, in all and by hours ago, for a card. */
static void add_summary(sv_server *s, json_t *product)
{
    const int64_t id = json_integer_value(json_object_get(product, "id"));

    json_object_set_new(
        product, "last",
        sv_db_rows(&s->db, NULL,
                   "SELECT id, time, verdict, score, ratio, name FROM inspection WHERE product = ?"
                   " ORDER BY id DESC LIMIT 20",
                   "i", id));
    json_object_set_new(
        product, "day",
        sv_db_row(&s->db, NULL,
                  "SELECT COUNT(*) AS inspected, COALESCE(SUM(verdict = 'good'), 0) AS good,"
                  " COALESCE(SUM(verdict = 'defective'), 0) AS defective,"
                  " COALESCE(SUM(verdict = 'error'), 0) AS failed FROM inspection WHERE product = ?"
                  " AND time > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 day')",
                  "i", id));
    json_object_set_new(
        product, "hours",
        sv_db_rows(&s->db, NULL,
                   "SELECT CAST((julianday('now') - julianday(time)) * 24 AS INTEGER) AS ago,"
                   " COUNT(*) AS inspected, COALESCE(SUM(verdict = 'defective'), 0) AS defective"
                   " FROM inspection WHERE product = ?"
                   " AND time > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 day') GROUP BY ago"
                   " ORDER BY ago DESC",
                   "i", id));
}

void sv_products_list(sv_request *r)
{
    fleck_error err = {0};
    json_t *rows =
        sv_db_rows(&r->server->db, &err, PRODUCT " WHERE p.archived <= ? ORDER BY p.name", "i",
                   sv_query_int(r, "archived", 0, 0, 1));
    json_t *row;
    size_t i;

    if (rows == NULL) {
        sv_reply_error(r, &err);
        return;
    }
    json_array_foreach(rows, i, row) add_summary(r->server, row);
    sv_reply_json(r, 200, rows);
}

static void reply_product(sv_request *r, unsigned status, int64_t id)
{
    fleck_error err = {0};
    json_t *row = sv_db_row(&r->server->db, &err, PRODUCT " WHERE p.id = ?", "i", id);

    if (row == NULL) {
        sv_reply_error(r, &err);
        return;
    }
    add_summary(r->server, row);
    sv_reply_json(r, status, row);
}

/* Whether a name can be shown: neither empty nor with control characters. */
static bool check_name(sv_request *r, const char *name)
{
    bool shown = false;

    for (const char *p = name; p != NULL && *p != '\0'; p++) {
        if ((unsigned char)*p < 32 || *p == 127) {
            sv_reply_problem(r, 422, "name: expected no control characters");
            return false;
        }
        shown = shown || *p != ' ';
    }
    if (!shown || strlen(name) > MOST_NAME) {
        sv_reply_problem(r, 422, "name: expected a text of 1 to %d bytes", MOST_NAME);
        return false;
    }
    return true;
}

static bool make_folders(sv_server *s, int64_t id, fleck_error *err)
{
    static const char *const folders[] = {"products/%lld", "products/%lld/photos",
                                          "products/%lld/thumbs", "products/%lld/models"};
    char name[64], path[4096];

    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(name, sizeof name, folders[i], (long long)id);
#pragma GCC diagnostic pop
        sv_path(s, path, "%s", name);
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            return sv_error(err, FLECK_E_IO, "%s: %s", path, strerror(errno));
    }
    return true;
}

void sv_product_create(sv_request *r)
{
    const char *name = sv_body_text(r, "name");
    sv_server *s = r->server;
    fleck_error err = {0};
    char now[SV_TIME];
    int64_t id;

    if (!sv_body_only(r, "name", NULL) || !check_name(r, name))
        return;
    if (sv_db_int(&s->db, NULL, "SELECT 1 FROM product WHERE name = ?", "s", name) == 1) {
        sv_reply_problem(r, 409, "name: there is already a product \"%s\"", name);
        return;
    }
    sv_now(now);
    if (!sv_db_begin(&s->db, &err)) {
        sv_reply_error(r, &err);
        return;
    }
    id = sv_db_int(&s->db, &err, "INSERT INTO product(name, created) VALUES(?, ?) RETURNING id",
                   "ss", name, now);
    /* A product is there with its folders or not at all. */
    if (!sv_db_end(&s->db, id > 0 && make_folders(s, id, &err), &err)) {
        sv_reply_error(r, &err);
        return;
    }
    sv_note(s, id, sv_who(r), "product made", NULL);
    reply_product(r, 201, id);
}

void sv_product_get(sv_request *r)
{
    if (sv_need_product(r, r->ids[0]))
        reply_product(r, 200, r->ids[0]);
}

void sv_product_change(sv_request *r)
{
    const json_t *archived = json_object_get(r->json, "archived");
    const char *name = sv_body_text(r, "name");
    fleck_error err = {0};
    bool ok = true;

    if (!sv_body_only(r, "name", "archived", NULL) || !sv_need_product(r, r->ids[0]) ||
        (json_object_get(r->json, "name") != NULL && !check_name(r, name)))
        return;
    if (archived != NULL && !json_is_boolean(archived)) {
        sv_reply_problem(r, 422, "archived: expected true or false");
        return;
    }
    if (name != NULL &&
        sv_db_int(&r->server->db, NULL, "SELECT 1 FROM product WHERE name = ? AND id <> ?", "si",
                  name, r->ids[0]) == 1) {
        sv_reply_problem(r, 409, "name: there is already a product \"%s\"", name);
        return;
    }
    if (name != NULL)
        ok = sv_db_run(&r->server->db, &err, "UPDATE product SET name = ? WHERE id = ?", "si", name,
                       r->ids[0]);
    if (ok && json_is_boolean(archived))
        ok = sv_db_run(&r->server->db, &err, "UPDATE product SET archived = ? WHERE id = ?", "ii",
                       (int64_t)json_is_true(archived), r->ids[0]);
    if (ok)
        reply_product(r, 200, r->ids[0]);
    else
        sv_reply_error(r, &err);
}

/* ---- Areas ---- */

void sv_areas_get(sv_request *r)
{
    fleck_error err = {0};
    json_t *row;

    if (!sv_need_product(r, r->ids[0]))
        return;
    row = sv_db_row(&r->server->db, &err,
                    "SELECT COALESCE(areas, '[]') AS areas_json FROM product WHERE id = ?", "i",
                    r->ids[0]);
    if (row == NULL) {
        sv_reply_error(r, &err);
        return;
    }
    sv_reply_json(r, 200, row);
}

static bool check_points(const json_t *points)
{
    const size_t n = json_array_size(points);

    for (size_t i = 0; i < n; i++) {
        const json_t *p = json_array_get(points, i);

        for (size_t k = 0; k < 2; k++) {
            const json_t *v = json_array_get(p, k);

            if (json_array_size(p) != 2 || !json_is_number(v) || json_number_value(v) < -65535 ||
                json_number_value(v) > 65535)
                return false;
        }
    }
    return n >= 3 && n <= MOST_POINTS;
}

void sv_areas_put(sv_request *r)
{
    const json_t *areas = json_object_get(r->json, "areas");
    fleck_error err = {0};
    json_t *area;
    size_t i;

    if (!sv_body_only(r, "areas", NULL) || !sv_need_product(r, r->ids[0]))
        return;
    if (!json_is_array(areas) || json_array_size(areas) > MOST_AREAS) {
        sv_reply_problem(r, 422, "areas: expected a list of at most %d areas", MOST_AREAS);
        return;
    }
    json_array_foreach(areas, i, area)
    {
        const char *kind = json_string_value(json_object_get(area, "kind"));

        if (kind == NULL || (strcmp(kind, "ignore") != 0 && strcmp(kind, "only") != 0) ||
            !check_points(json_object_get(area, "points"))) {
            sv_reply_problem(
                r, 422,
                "areas[%zu]: expected {\"kind\": \"ignore\" or \"only\", \"points\": [[x, "
                "y], ...]} with 3 to %d points in pixels",
                i, MOST_POINTS);
            return;
        }
    }
    if (!sv_db_run(&r->server->db, &err, "UPDATE product SET areas = ? WHERE id = ?", "ji", areas,
                   r->ids[0])) {
        sv_reply_error(r, &err);
        return;
    }
    sv_note(r->server, r->ids[0], sv_who(r), "areas drawn", (json_t *)areas);
    sv_areas_get(r);
}
