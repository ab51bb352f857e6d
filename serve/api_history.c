/* SPDX-License-Identifier: Apache-2.0 */
/* Past inspections: lists, pictures, marks, exports. */
#define _GNU_SOURCE
#include "api.h"
#include "maps.h"
#include "pictures.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INSPECTION                                                                                 \
    "SELECT id, product, model, digest, time, source, name, hash, width, height, score, ratio,"    \
    " threshold, above, level, verdict, warnings AS unlike_json, regions AS regions_json, error,"  \
    " timings AS timings_json, picture, mark, mark_time, mark_who FROM inspection"
/* Filters of the query; each is off where its parameter is missing. */
#define OF_PRODUCT " WHERE product = ?1"
#define OF_ALL " WHERE ?1 = 0"
#define FILTER                                                                                     \
    " AND id < ?6 AND (?2 IS NULL OR time >= ?2) AND (?3 IS NULL OR time < ?3)"                    \
    " AND (?4 IS NULL OR verdict = ?4) AND (?5 IS NULL OR COALESCE(mark, 'none') = ?5)"            \
    " ORDER BY id DESC LIMIT ?7"

typedef struct filter {
    int64_t product, before; /* product 0: all */
    const char *from, *to, *verdict, *mark;
} filter;

static filter query_filter(sv_request *r)
{
    static const char *const verdicts[] = {"good", "defective", "none", "error", NULL};
    static const char *const marks[] = {"good", "defect", "none", NULL};

    return (filter){.product = sv_query_int(r, "product", 0, 0, SV_MOST_ID),
                    .before = sv_query_int(r, "before", SV_MOST_ID, 1, SV_MOST_ID),
                    .from = sv_query_time(r, "from"),
                    .to = sv_query_time(r, "to"),
                    .verdict = sv_query_one(r, "verdict", verdicts),
                    .mark = sv_query_one(r, "mark", marks)};
}

/* Rows that the query's filters ask for, newest first, at most `most`. */
static json_t *find(sv_server *s, const filter *f, int64_t most, fleck_error *err)
{
    return sv_db_rows(&s->db, err,
                      f->product > 0 ? INSPECTION OF_PRODUCT FILTER : INSPECTION OF_ALL FILTER,
                      "issssii", f->product, f->from, f->to, f->verdict, f->mark, f->before, most);
}

void sv_inspections_list(sv_request *r)
{
    const int64_t most = sv_query_int(r, "limit", 50, 1, 1000);
    const filter f = query_filter(r);
    fleck_error err = {0};
    json_t *rows = find(r->server, &f, most, &err), *next;

    if (rows == NULL) {
        sv_reply_error(r, &err);
        return;
    }
    next = json_array_size(rows) == (size_t)most
               ? json_incref(json_object_get(json_array_get(rows, (size_t)most - 1), "id"))
               : json_null();
    sv_reply_json(r, 200, json_pack("{s:o, s:o}", "items", rows, "next", next));
}

static json_t *get(sv_request *r)
{
    fleck_error err = {0};
    json_t *row = sv_db_row(&r->server->db, &err, INSPECTION " WHERE id = ?", "i", r->ids[0]);

    if (row == NULL)
        sv_reply_error(r, &err);
    return row;
}

void sv_inspection_get(sv_request *r)
{
    json_t *row = get(r);

    if (row != NULL)
        sv_reply_json(r, 200, row);
}

/* The path of the kept picture; false: the request was answered. */
static bool picture_path(sv_request *r, const json_t *row, char out[4096])
{
    const char *picture = json_string_value(json_object_get(row, "picture"));

    if (picture == NULL) {
        sv_reply_problem(r, 404, "the picture is no longer kept");
        return false;
    }
    sv_path(r->server, out, "%s", picture);
    return true;
}

/* Score the picture again with the model that judged it. */
static bool score_again(sv_request *r, const json_t *row, sv_model **m, fleck_result **result)
{
    fleck_error err = {0};
    char path[4096];

    if (!picture_path(r, row, path))
        return false;
    *m = sv_model_acquire(r->server->inspector, 0,
                          json_integer_value(json_object_get(row, "model")), &err);
    if (*m != NULL && sv_score_again(*m, path, result, &err))
        return true;
    sv_model_release(r->server->inspector, *m);
    sv_text_rename(err.message, sizeof err.message, path, "the picture");
    sv_reply_error(r, &err);
    return false;
}

/* The longest side of a JPEG, 0: its own. */
static int64_t most_of(sv_request *r)
{
    return sv_query_int(r, "most", 0, 0, 65535);
}

static void draw(sv_request *r, const json_t *row, fleck_picture_kind kind)
{
    fleck_picture_settings settings;
    fleck_result *result = NULL;
    fleck_error err = {0};
    sv_model *m = NULL;
    unsigned char *jpeg;
    size_t size;

    if (!score_again(r, row, &m, &result))
        return;
    fleck_picture_defaults(&settings, sizeof settings);
    settings.kind = kind;
    if (fleck_result_picture_jpeg(m->model, result, &settings, most_of(r), &jpeg, &size, &err) ==
        FLECK_OK)
        sv_reply_bytes(r, 200, "image/jpeg", jpeg, size, SV_FLECK);
    else
        sv_reply_error(r, &err);
    fleck_result_free(&result);
    sv_model_release(r->server->inspector, m);
}

/* The photo as a JPEG that every browser shows. */
static void plain(sv_request *r, const char *path)
{
    fleck_photo *p = NULL;
    fleck_error err = {0};
    unsigned char *jpeg;
    size_t size;

    if (fleck_photo_read(&p, path, most_of(r), &err) == FLECK_OK &&
        fleck_pixels_jpeg(
            &(fleck_pixels){p->data, p->width, p->height, (size_t)p->width * 3, FLECK_RGB8}, &jpeg,
            &size, &err) == FLECK_OK)
        sv_reply_bytes(r, 200, "image/jpeg", jpeg, size, SV_FLECK);
    else {
        sv_text_rename(err.message, sizeof err.message, path, "the picture");
        sv_reply_error(r, &err);
    }
    fleck_photo_free(&p);
}

void sv_inspection_picture(sv_request *r)
{
    static const char *const kinds[] = {"original", "jpeg", "heat", "outline", NULL};
    const char *kind = sv_query_one(r, "kind", kinds);
    json_t *row = get(r);
    char path[4096];

    if (row == NULL)
        return;
    (void)most_of(r);                                    /* checked for the original too */
    if (kind == NULL || strcmp(kind, "original") == 0) { /* also where kind is none of them */
        if (picture_path(r, row, path))
            sv_reply_file(r, path, sv_image_type(path), NULL);
    } else if (strcmp(kind, "jpeg") == 0) {
        if (picture_path(r, row, path))
            plain(r, path);
    } else if (strcmp(kind, "heat") == 0) {
        draw(r, row, FLECK_PICTURE_HEAT);
    } else {
        draw(r, row, FLECK_PICTURE_OUTLINE);
    }
    json_decref(row);
}

void sv_inspection_map(sv_request *r)
{
    static const char *const kinds[] = {"f32", "png", "tiff", NULL};
    const char *kind = sv_query_one(r, "as", kinds);
    const int64_t most = sv_query_int(r, "most", 65535, 1, 65535);
    json_t *row = get(r);
    fleck_result *result = NULL;
    fleck_error err = {0};
    sv_model *m = NULL;
    unsigned char *bytes;
    int64_t width, height;
    size_t size;
    char text[64];

    if (row == NULL)
        return;
    if (kind == NULL)
        kind = "f32";
    if (strcmp(kind, "f32") != 0 && sv_query(r, "most") != NULL) {
        r->wrong = "most";
        snprintf(r->wanted, sizeof r->wanted, "it with as=f32 alone");
    } else if (score_again(r, row, &m, &result)) {
        if (sv_map_bytes(r->server, m->model, result, kind, &bytes, &size, &err)) {
            width = result->image_width;
            height = result->image_height;
            if (strcmp(kind, "f32") == 0)
                sv_map_reduce(&bytes, &size, &width, &height, most);
            sv_reply_bytes(r, 200, sv_map_type(kind), bytes, size, SV_FREE);
            snprintf(text, sizeof text, "%lldx%lld", (long long)width, (long long)height);
            sv_header(r, "X-Fleck-Size", text);
        } else {
            sv_reply_error(r, &err);
        }
        fleck_result_free(&result);
        sv_model_release(r->server->inspector, m);
    }
    json_decref(row);
}

void sv_inspection_mark(sv_request *r)
{
    const json_t *mark = json_object_get(r->json, "mark");
    const char *text = json_string_value(mark);
    fleck_error err = {0};
    char now[SV_TIME];

    if (!sv_body_only(r, "mark", NULL))
        return;
    if (!json_is_null(mark) &&
        (text == NULL || (strcmp(text, "good") != 0 && strcmp(text, "defect") != 0))) {
        sv_reply_problem(r, 422, "mark: expected \"good\", \"defect\" or null");
        return;
    }
    sv_now(now);
    if (!sv_db_run(&r->server->db, &err,
                   "UPDATE inspection SET mark = ?, mark_time = ?, mark_who = ? WHERE id = ?",
                   "sssi", text, text != NULL ? now : NULL, text != NULL ? sv_who(r) : NULL,
                   r->ids[0])) {
        sv_reply_error(r, &err);
        return;
    }
    sv_inspection_get(r);
}

/* ---- Learning from inspections ---- */

static json_t *learn_one(sv_request *r, const json_t *id)
{
    fleck_error err = {0};
    json_t *row = sv_db_row(&r->server->db, &err,
                            "SELECT name, picture FROM inspection WHERE id = ? AND product = ?",
                            "ii", (int64_t)json_integer_value(id), r->ids[0]);
    const char *picture = json_string_value(json_object_get(row, "picture"));
    json_t *answer = NULL;
    unsigned char *bytes = NULL;
    char path[4096];
    struct stat status;
    int fd = -1;

    if (picture != NULL) {
        sv_path(r->server, path, "%s", picture);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    }
    if (fd >= 0 && fstat(fd, &status) == 0 && (bytes = malloc((size_t)status.st_size)) != NULL &&
        read(fd, bytes, (size_t)status.st_size) == status.st_size)
        answer = sv_photo_add(r->server, r->ids[0], json_string_value(json_object_get(row, "name")),
                              bytes, (size_t)status.st_size, (int64_t)status.st_mtim.tv_sec * 1000,
                              "inspection");
    else
        answer = json_pack("{s:O, s:s}", "inspection", id, "problem",
                           "there is no such inspection, or its picture is no longer kept");
    if (fd >= 0)
        close(fd);
    free(bytes);
    json_decref(row);
    return answer;
}

void sv_learn(sv_request *r)
{
    const json_t *ids = json_object_get(r->json, "inspections");
    json_t *added, *id;
    size_t i;

    if (!sv_body_only(r, "inspections", NULL) || !sv_need_product(r, r->ids[0]))
        return;
    if (!json_is_array(ids) || json_array_size(ids) == 0 || json_array_size(ids) > 1000) {
        sv_reply_problem(r, 422, "inspections: expected a list of 1 to 1000 ids");
        return;
    }
    json_array_foreach(ids, i, id) if (!json_is_integer(id) || json_integer_value(id) < 0 ||
                                       json_integer_value(id) > SV_MOST_ID)
    {
        sv_reply_problem(r, 422, "inspections[%zu]: expected an id", i);
        return;
    }
    added = json_array();
    json_array_foreach(ids, i, id) json_array_append_new(added, learn_one(r, id));
    sv_note(r->server, r->ids[0], sv_who(r), "photos learned from inspections", added);
    sv_reply_json(r, 200, added);
}

/* ---- Exports ---- */

/* A field of CSV (RFC 4180).  A leading character that a spreadsheet takes for a formula gets an
 * apostrophe in front. */
static void put_field(FILE *to, const json_t *value)
{
    const char *text = json_string_value(value);

    if (json_is_integer(value))
        fprintf(to, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        fprintf(to, "%.9g", json_real_value(value));
    if (text == NULL)
        return;
    fputc('"', to);
    if (text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL)
        fputc('\'', to);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            fputc('"', to);
        fputc(*text, to);
    }
    fputc('"', to);
}

/* An export is sent page by page, so that its memory does not grow with the history. */
enum { EXPORT_PAGE = 500 };

typedef struct export
{
    sv_server *server;
    filter f;
    char times[2][32]; /* of f */
    char *text;        /* [size], of which `sent` bytes were sent */
    size_t size, sent;
    bool csv, begun, ended;
}
export;

static const char *const columns[] = {
    "id",        "time",  "product", "source", "name",  "hash", "verdict",   "score",   "ratio",
    "threshold", "above", "model",   "digest", "error", "mark", "mark_time", "mark_who"};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static void put_row(FILE *to, const json_t *row, bool csv, bool first)
{
    if (!csv) {
        fputs(first ? "" : ",\n", to);
        json_dumpf(row, to, JSON_COMPACT);
        return;
    }
    for (size_t k = 0; k < COLUMNS; k++) {
        put_field(to, json_object_get(row, columns[k]));
        fputs(k + 1 < COLUMNS ? "," : "\r\n", to);
    }
}

/* Make the next piece of text; false: failed. */
static bool next_page(export *e)
{
    json_t *rows = find(e->server, &e->f, EXPORT_PAGE, NULL), *row;
    const bool first = !e->begun;
    FILE *to;
    size_t i;

    free(e->text);
    e->text = NULL;
    e->size = e->sent = 0;
    to = rows != NULL ? open_memstream(&e->text, &e->size) : NULL;
    if (to == NULL) {
        json_decref(rows);
        return false;
    }
    if (first && !e->csv)
        fputc('[', to);
    for (size_t k = 0; first && e->csv && k < COLUMNS; k++)
        fprintf(to, "%s%s", columns[k], k + 1 < COLUMNS ? "," : "\r\n");
    json_array_foreach(rows, i, row)
    {
        put_row(to, row, e->csv, first && i == 0);
        e->f.before = json_integer_value(json_object_get(row, "id"));
    }
    e->begun = true;
    e->ended = json_array_size(rows) < EXPORT_PAGE;
    if (e->ended && !e->csv)
        fputs("]\n", to);
    json_decref(rows);
    return fclose(to) == 0;
}

static ssize_t read_export(void *ctx, uint64_t position, char *out, size_t most)
{
    export *e = ctx;
    size_t n;

    (void)position;
    if (e->sent == e->size && !e->ended && !next_page(e))
        return MHD_CONTENT_READER_END_WITH_ERROR;
    n = e->size - e->sent < most ? e->size - e->sent : most;
    if (n == 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    memcpy(out, e->text + e->sent, n);
    e->sent += n;
    return (ssize_t)n;
}

static void end_export(void *ctx)
{
    export *e = ctx;

    free(e->text);
    free(e);
}

static void reply_export(sv_request *r, bool csv)
{
    export *e = calloc(1, sizeof *e);
    filter f = query_filter(r);
    const char **texts[] = {&f.from, &f.to, NULL};

    if (e == NULL) {
        sv_reply_problem(r, 503, "out of memory");
        return;
    }
    /* The answer may outlive the request's texts. */
    for (size_t k = 0; texts[k] != NULL; k++)
        if (*texts[k] != NULL) {
            snprintf(e->times[k], sizeof e->times[k], "%s", *texts[k]);
            *texts[k] = e->times[k];
        }
    e->server = r->server;
    e->f = f;
    e->csv = csv;
    if (!next_page(e)) {
        end_export(e);
        sv_reply_problem(r, 500, "the history cannot be read from the database");
        return;
    }
    sv_reply_stream(r, csv ? "text/csv; charset=utf-8" : "application/json", read_export, e,
                    end_export);
    sv_header(r, "Content-Disposition",
              csv ? "attachment; filename=\"inspections.csv\""
                  : "attachment; filename=\"inspections.json\"");
}

void sv_export_csv(sv_request *r)
{
    reply_export(r, true);
}

void sv_export_json(sv_request *r)
{
    reply_export(r, false);
}
