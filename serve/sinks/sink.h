/* SPDX-License-Identifier: Apache-2.0 */
/* A kind of sink: one file of sinks/ and one row of the table in sinks.c. */
#ifndef FLECK_SERVE_SINK_H
#define FLECK_SERVE_SINK_H

#include "../server.h"

struct sv_sink_kind;

typedef struct sv_sink {
    struct sv_server *server;
    const struct sv_sink_kind *kind;
    const char *name;
    const json_t *config;
    void *state; /* the kind's */
    atomic_bool stop;
} sv_sink;

typedef enum sv_sent {
    SV_SENT,
    SV_RETRY,  /* not now: try again, until more inspections wait than the sink's limit */
    SV_REFUSED /* never: count as failed */
} sv_sent;

typedef struct sv_sink_kind {
    const char *name;
    bool built;
    const char *needs;         /* the library that it is built with, or NULL */
    const sv_member *members;  /* of its configuration, besides those that all sinks have */
    const char *const *wanted; /* members that must be given, and NULL */
    bool (*open)(sv_sink *k, fleck_error *err); /* NULL: nothing to do */
    /* An inspection as JSON, and the same as text of one line.  Unless it was sent err says why. */
    sv_sent (*send)(sv_sink *k, const json_t *row, const char *text, fleck_error *err);
    /* Make what was sent survive a loss of power; NULL: nothing to do. */
    bool (*flush)(sv_sink *k);
    void (*close)(sv_sink *k); /* also after a failed open; NULL: nothing to do */
} sv_sink_kind;
extern const sv_sink_kind sv_jsonl_sink, sv_webhook_sink, sv_exec_sink, sv_mqtt_sink, sv_print_sink;

/* Members of the configuration; initial: where it is missing. */
const char *sv_sink_text(const sv_sink *k, const char *name, const char *initial);
double sv_sink_number(const sv_sink *k, const char *name, double initial);
/* A path that is relative to the project's folder; free() it. */
char *sv_sink_path(const sv_sink *k, const char *path);

#endif
