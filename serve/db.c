/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite: tables, statements with values from a format, rows as JSON. */
#include "db.h"
#include "text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* The tables by version: entry i takes a database from version i to i + 1.  Entries are never
 * changed once released; new ones are added. */
static const char *const migrations[] = {
    /* 1 */
    "CREATE TABLE product(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created TEXT NOT NULL,"
    "  archived INTEGER NOT NULL DEFAULT 0, current_model INTEGER, areas TEXT, settings TEXT);"
    "CREATE TABLE photo(id INTEGER PRIMARY KEY, product INTEGER NOT NULL REFERENCES product,"
    "  name TEXT NOT NULL, path TEXT NOT NULL, hash TEXT NOT NULL, bytes INTEGER NOT NULL,"
    "  width INTEGER, height INTEGER, light REAL, contrast REAL, sharpness REAL,"
    "  state TEXT NOT NULL, problem TEXT, origin TEXT NOT NULL, added TEXT NOT NULL,"
    "  look TEXT);"
    "CREATE INDEX photo_product ON photo(product);"
    "CREATE TABLE model(id INTEGER PRIMARY KEY, product INTEGER NOT NULL REFERENCES product,"
    "  version INTEGER NOT NULL, path TEXT NOT NULL, bytes INTEGER NOT NULL, digest TEXT NOT NULL,"
    "  created TEXT NOT NULL, reason TEXT NOT NULL, who TEXT, parent INTEGER, job INTEGER,"
    "  threshold REAL, pixel_threshold REAL, pixels_set INTEGER NOT NULL, info TEXT NOT NULL,"
    "  UNIQUE(product, version));"
    "CREATE TABLE job(id INTEGER PRIMARY KEY, product INTEGER NOT NULL REFERENCES product,"
    "  kind TEXT NOT NULL, state TEXT NOT NULL, who TEXT, settings TEXT, created TEXT NOT NULL, "
    "started TEXT,"
    "  ended TEXT, error TEXT, warnings TEXT, photos INTEGER, seconds REAL, model INTEGER,"
    "  areas TEXT, memory INTEGER);"
    "CREATE TABLE inspection(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  product INTEGER NOT NULL REFERENCES product, model INTEGER NOT NULL REFERENCES model,"
    "  digest TEXT NOT NULL, time TEXT NOT NULL, source TEXT NOT NULL, name TEXT NOT NULL,"
    "  hash TEXT NOT NULL, width INTEGER, height INTEGER, score REAL, ratio REAL, threshold REAL,"
    "  above REAL, verdict TEXT NOT NULL, unlike INTEGER NOT NULL, regions TEXT, warnings TEXT,"
    "  error TEXT, timings TEXT, picture TEXT, mark TEXT, mark_time TEXT, mark_who TEXT,"
    "  level REAL);"
    "CREATE INDEX inspection_product ON inspection(product, id);"
    "CREATE INDEX inspection_time ON inspection(time);"
    "CREATE INDEX inspection_day ON inspection(product, time, verdict);"
    "CREATE INDEX inspection_mark ON inspection(product, id) WHERE mark IS NOT NULL;"
    "CREATE INDEX inspection_picture ON inspection(picture) WHERE picture IS NOT NULL;"
    "CREATE TABLE source(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  product INTEGER NOT NULL REFERENCES product, kind TEXT NOT NULL, config TEXT NOT NULL,"
    "  active INTEGER NOT NULL, created TEXT NOT NULL, who TEXT, UNIQUE(product, kind, config));"
    "CREATE TABLE seen(source INTEGER NOT NULL, path TEXT NOT NULL, device INTEGER NOT NULL,"
    "  inode INTEGER NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL, hash TEXT NOT NULL,"
    "  inspection INTEGER NOT NULL, PRIMARY KEY(source, path)) WITHOUT ROWID;"
    "CREATE INDEX seen_inode ON seen(source, device, inode);"
    "CREATE TABLE sink(name TEXT PRIMARY KEY, last INTEGER NOT NULL, sent INTEGER NOT NULL,"
    "  failed INTEGER NOT NULL, dropped INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE note(id INTEGER PRIMARY KEY, time TEXT NOT NULL, product INTEGER, who TEXT,"
    "  what TEXT NOT NULL, detail TEXT);",
};
enum { VERSION = sizeof migrations / sizeof migrations[0] };

bool sv_error(fleck_error *err, fleck_status status, const char *format, ...)
{
    va_list list;

    if (err == NULL)
        return false;
    err->status = status;
    va_start(list, format);
    vsnprintf(err->message, sizeof err->message, format, list);
    va_end(list);
    return false;
}

void sv_now(char out[SV_TIME])
{
    struct timespec now;
    struct tm utc;
    size_t n;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    n = strftime(out, SV_TIME, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + n, SV_TIME - n, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

static bool failed(sv_db *db, fleck_error *err)
{
    const int code = sqlite3_errcode(db->handle);

    return sv_error(err,
                    code == SQLITE_NOMEM        ? FLECK_E_NOMEM
                    : code == SQLITE_CONSTRAINT ? FLECK_E_STATE
                                                : FLECK_E_IO,
                    "database: %s", sqlite3_errmsg(db->handle));
}

static bool execute(sv_db *db, const char *sql, fleck_error *err)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK || failed(db, err);
}

static bool migrate(sv_db *db, const char *path, fleck_error *err)
{
    const int64_t version = sv_db_int(db, err, "PRAGMA user_version", "");
    char text[64];

    if (version < 0)
        return false;
    if (version > VERSION)
        return sv_error(err, FLECK_E_UNSUPPORTED,
                        "%s: a newer fleck wrote this project (version %lld, this one reads %d)",
                        path, (long long)version, VERSION);
    for (int64_t v = version; v < VERSION; v++) {
        snprintf(text, sizeof text, "PRAGMA user_version = %lld", (long long)v + 1);
        if (!sv_db_begin(db, err) ||
            !sv_db_end(db, execute(db, migrations[v], err) && execute(db, text, err), err))
            return false;
    }
    return true;
}

bool sv_db_open(sv_db *db, const char *path, fleck_error *err)
{
    pthread_mutexattr_t kind;

    *db = (sv_db){0};
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&db->lock, &kind);
    pthread_mutexattr_destroy(&kind);
    db->open = true;
    if (sqlite3_open(path, &db->handle) != SQLITE_OK) {
        sv_error(err, FLECK_E_IO, "%s: %s", path,
                 db->handle != NULL ? sqlite3_errmsg(db->handle) : "out of memory");
        sv_db_close(db);
        return false;
    }
    sqlite3_busy_timeout(db->handle, 10000);
    /* FULL: an acknowledged inspection survives a loss of power too. */
    if (!execute(db,
                 "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
                 "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF",
                 err) ||
        !migrate(db, path, err)) {
        sv_db_close(db);
        return false;
    }
    return true;
}

void sv_db_close(sv_db *db)
{
    if (!db->open)
        return;
    sqlite3_close(db->handle);
    pthread_mutex_destroy(&db->lock);
    *db = (sv_db){0};
}

static bool bind(sqlite3_stmt *s, const char *format, va_list list)
{
    int code = SQLITE_OK;

    for (int i = 1; format[i - 1] != '\0' && code == SQLITE_OK; i++) {
        if (format[i - 1] == 'i') {
            code = sqlite3_bind_int64(s, i, va_arg(list, int64_t));
        } else if (format[i - 1] == 'd') {
            const double value = va_arg(list, double);

            code = isnan(value) ? sqlite3_bind_null(s, i) : sqlite3_bind_double(s, i, value);
        } else if (format[i - 1] == 's') {
            code = sqlite3_bind_text(s, i, va_arg(list, const char *), -1, SQLITE_TRANSIENT);
        } else {
            json_t *value = va_arg(list, json_t *);
            char *text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

            code = sqlite3_bind_text(s, i, text, -1, SQLITE_TRANSIENT);
            free(text);
        }
    }
    return code == SQLITE_OK;
}

static sqlite3_stmt *prepare(sv_db *db, fleck_error *err, const char *sql, const char *format,
                             va_list list)
{
    sqlite3_stmt *s = NULL;

    if (sqlite3_prepare_v2(db->handle, sql, -1, &s, NULL) == SQLITE_OK && bind(s, format, list))
        return s;
    failed(db, err);
    sqlite3_finalize(s);
    return NULL;
}

static bool ends_with(const char *name, const char *end, size_t *stem)
{
    const size_t n = strlen(name), m = strlen(end);

    *stem = n > m ? n - m : 0;
    return n > m && strcmp(name + n - m, end) == 0;
}

static json_t *value_of(sqlite3_stmt *s, int i)
{
    switch (sqlite3_column_type(s, i)) {
    case SQLITE_INTEGER:
        return json_integer(sqlite3_column_int64(s, i));
    case SQLITE_FLOAT:
        return sv_number_json(sqlite3_column_double(s, i));
    case SQLITE_TEXT:
        return sv_text_json((const char *)sqlite3_column_text(s, i));
    default:
        return json_null();
    }
}

static json_t *object_of(sqlite3_stmt *s)
{
    json_t *object = json_object();

    for (int i = 0; i < sqlite3_column_count(s); i++) {
        const char *name = sqlite3_column_name(s, i);
        char stem[64];
        size_t n;

        if (ends_with(name, "_json", &n)) {
            const char *text = (const char *)sqlite3_column_text(s, i);
            json_t *parsed = text != NULL ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

            snprintf(stem, sizeof stem, "%.*s", (int)n, name);
            json_object_set_new(object, stem, parsed != NULL ? parsed : json_null());
        } else if (ends_with(name, "_flag", &n)) {
            snprintf(stem, sizeof stem, "%.*s", (int)n, name);
            json_object_set_new(object, stem, json_boolean(sqlite3_column_int(s, i)));
        } else {
            json_object_set_new(object, name, value_of(s, i));
        }
    }
    return object;
}

/* Rows of the prepared statement, at most `most` (-1: all); finalizes it. */
static json_t *collect(sv_db *db, fleck_error *err, sqlite3_stmt *s, int64_t most)
{
    json_t *rows = json_array();
    int code = SQLITE_ROW;

    while (code == SQLITE_ROW && (most < 0 || (int64_t)json_array_size(rows) < most))
        if ((code = sqlite3_step(s)) == SQLITE_ROW)
            json_array_append_new(rows, object_of(s));
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        failed(db, err);
        json_decref(rows);
        rows = NULL;
    }
    sqlite3_finalize(s);
    return rows;
}

static json_t *query(sv_db *db, fleck_error *err, const char *sql, const char *format, va_list list,
                     int64_t most)
{
    sqlite3_stmt *s;
    json_t *rows = NULL;

    pthread_mutex_lock(&db->lock);
    s = prepare(db, err, sql, format, list);
    if (s != NULL)
        rows = collect(db, err, s, most);
    pthread_mutex_unlock(&db->lock);
    return rows;
}

bool sv_db_run(sv_db *db, fleck_error *err, const char *sql, const char *format, ...)
{
    va_list list;
    json_t *rows;

    va_start(list, format);
    rows = query(db, err, sql, format, list, -1);
    va_end(list);
    json_decref(rows);
    return rows != NULL;
}

json_t *sv_db_rows(sv_db *db, fleck_error *err, const char *sql, const char *format, ...)
{
    va_list list;
    json_t *rows;

    va_start(list, format);
    rows = query(db, err, sql, format, list, -1);
    va_end(list);
    return rows;
}

json_t *sv_db_row(sv_db *db, fleck_error *err, const char *sql, const char *format, ...)
{
    va_list list;
    json_t *rows, *row;

    va_start(list, format);
    rows = query(db, err, sql, format, list, 1);
    va_end(list);
    row = json_incref(json_array_get(rows, 0));
    if (rows != NULL && row == NULL)
        sv_error(err, FLECK_E_NOTFOUND, "there is no such entry");
    json_decref(rows);
    return row;
}

int64_t sv_db_int(sv_db *db, fleck_error *err, const char *sql, const char *format, ...)
{
    va_list list;
    sqlite3_stmt *s;
    int64_t value = -1;
    int code;

    pthread_mutex_lock(&db->lock);
    va_start(list, format);
    s = prepare(db, err, sql, format, list);
    va_end(list);
    code = s != NULL ? sqlite3_step(s) : SQLITE_ERROR;
    if (code == SQLITE_ROW) {
        value = sqlite3_column_type(s, 0) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, 0);
        code = sqlite3_step(s); /* lets a statement with RETURNING end */
    } else if (code == SQLITE_DONE) {
        sv_error(err, FLECK_E_NOTFOUND, "there is no such entry");
    }
    if (s != NULL && code != SQLITE_ROW && code != SQLITE_DONE) {
        failed(db, err);
        value = -1;
    }
    sqlite3_finalize(s);
    pthread_mutex_unlock(&db->lock);
    return value;
}

bool sv_db_begin(sv_db *db, fleck_error *err)
{
    pthread_mutex_lock(&db->lock);
    if (execute(db, "BEGIN IMMEDIATE", err))
        return true;
    pthread_mutex_unlock(&db->lock);
    return false;
}

bool sv_db_end(sv_db *db, bool ok, fleck_error *err)
{
    const bool done = ok && execute(db, "COMMIT", err);

    if (!done)
        (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    pthread_mutex_unlock(&db->lock);
    return done;
}
