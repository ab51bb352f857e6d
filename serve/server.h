/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the running service. */
#ifndef FLECK_SERVE_SERVER_H
#define FLECK_SERVE_SERVER_H

#include "events.h"
#include "fits.h"
#include "http.h"
#include "inspector.h"
#include "journal.h"
#include "serve.h"
#include "sinks.h"
#include "sources.h"
#include "stats.h"
#include "tasks.h"

#include <stdatomic.h>

typedef struct sv_server {
    sv_options options;
    struct MHD_Daemon *daemon;
    int port, listening;
    char token[128], *cert, *key;
    sv_db db;
    sv_db inspect_db; /* a second connection, so that inspections do not wait for long lists */
    sv_events *events;
    sv_inspector *inspector;
    sv_journal *journal;
    sv_fits *fits;
    sv_tasks *tasks, *imports;
    sv_sources *sources;
    sv_sinks *sinks;
    sv_stats stats;
    pthread_mutex_t storing; /* locked while a model gets its version */
    pthread_mutex_t adding;  /* locked while a photo gets its name */
    pthread_mutex_t keeping; /* locked while a picture is kept longer, or removed */
    char started[SV_TIME];
    atomic_bool broken;  /* standard output failed: the service ends */
    atomic_int requests; /* begun and not ended */
    atomic_bool stopping;
    _Atomic int64_t held; /* bytes of memory that bodies of requests take, at most most_held */
    int64_t most_held;
} sv_server;

/* Path of a file in the project's folder, from a format. */
void sv_path(const sv_server *s, char out[4096], const char *format, ...) FLECK_PRINTF(3, 4);
/* Memory of the process. */
int64_t sv_resident_bytes(void);
/* Add to the product's audit trail: who did what. */
void sv_note(sv_server *s, int64_t product, const char *who, const char *what, json_t *detail);

#endif
