/* SPDX-License-Identifier: Apache-2.0 */
/* Sources of a product: folders that are watched, and cameras. */
#include "api.h"
#include "sources.h"

void sv_sources_list(sv_request *r)
{
    if (sv_need_product(r, r->ids[0]))
        sv_reply_json(r, 200, sv_sources_describe(r->server->sources, r->ids[0]));
}

void sv_source_create(sv_request *r)
{
    const char *kind = sv_body_text(r, "kind");
    fleck_error err = {0};
    json_t *config, *list, *row;
    int64_t id;
    size_t i;

    if (!sv_need_product(r, r->ids[0]))
        return;
    config = json_copy(r->json);
    (void)json_object_del(config, "kind");
    id = sv_source_add(r->server->sources, r->ids[0], kind, config, sv_who(r), &err);
    if (id < 0) {
        json_decref(config);
        sv_reply_error(r, &err);
        return;
    }
    sv_note(r->server, r->ids[0], sv_who(r), "source added", r->json);
    json_decref(config);
    list = sv_sources_describe(r->server->sources, r->ids[0]);
    json_array_foreach(list, i, row) if (json_integer_value(json_object_get(row, "id")) == id)
        sv_reply_json(r, 201, json_incref(row));
    json_decref(list);
}

void sv_source_delete(sv_request *r)
{
    fleck_error err = {0};
    const int64_t product =
        sv_db_int(&r->server->db, &err, "SELECT product FROM source WHERE id = ? AND active = 1",
                  "i", r->ids[0]);

    if (product < 0 || !sv_source_remove(r->server->sources, r->ids[0])) {
        sv_reply_problem(r, 404, "there is no source %lld", (long long)r->ids[0]);
        return;
    }
    sv_note(r->server, product, sv_who(r), "source removed", NULL);
    sv_reply_empty(r, 204);
}
