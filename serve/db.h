/* SPDX-License-Identifier: Apache-2.0 */
/* The database of a project, SQLite in WAL mode, and its rows as JSON. */
#ifndef FLECK_SERVE_DB_H
#define FLECK_SERVE_DB_H

#include "fleck.h"

#include <jansson.h>
#include <pthread.h>
#include <sqlite3.h>

/* One connection; calls on it exclude each other.  Valid when zeroed. */
typedef struct sv_db {
    sqlite3 *handle;
    pthread_mutex_t lock; /* recursive */
    bool open;
} sv_db;

/* Open the database at path, and make or migrate its tables. */
bool sv_db_open(sv_db *db, const char *path, fleck_error *err);
void sv_db_close(sv_db *db);

/* Values that the tables do not allow, such as a name that is taken, fail with FLECK_E_STATE.
 *
 * Statements take their values from a format, one letter each: i int64_t, d double (NaN: NULL),
 * s const char * (NULL: NULL), j json_t * (as text, NULL: NULL; borrowed).
 *
 * Rows become JSON objects named like the columns.  A column whose name ends in "_json" holds JSON
 * text: it appears parsed, without that ending; one that ends in "_flag" as true or false. */

/* Run a statement without rows. */
bool sv_db_run(sv_db *db, fleck_error *err, const char *sql, const char *format, ...);
/* All rows as an array; NULL: failed. */
json_t *sv_db_rows(sv_db *db, fleck_error *err, const char *sql, const char *format, ...);
/* The first row; NULL: none (err's status is FLECK_E_NOTFOUND), or failed. */
json_t *sv_db_row(sv_db *db, fleck_error *err, const char *sql, const char *format, ...);
/* The first column of the first row, such as an id; -1: none, or failed. */
int64_t sv_db_int(sv_db *db, fleck_error *err, const char *sql, const char *format, ...);

/* A transaction: end() commits if ok, else rolls back; false: not committed. */
bool sv_db_begin(sv_db *db, fleck_error *err);
bool sv_db_end(sv_db *db, bool ok, fleck_error *err);

/* A status beyond those of the library: it is not allowed here. */
enum { SV_DENIED = 100 };
/* Set err to a failure of this service, with a formatted message; returns false. */
bool sv_error(fleck_error *err, fleck_status status, const char *format, ...) FLECK_PRINTF(3, 4);
/* Current time, ISO 8601 in UTC with milliseconds. */
#define SV_TIME 32
void sv_now(char out[SV_TIME]);

#endif
