/* SPDX-License-Identifier: Apache-2.0 */
/* fleck serve: the service and its page.  It uses fleck.h alone. */
#ifndef FLECK_SERVE_H
#define FLECK_SERVE_H

#include "fleck.h"

/* What `fleck watch` was asked for. */
typedef struct sv_watch_options {
    const char *model, *folder;
    bool subfolders, once; /* once: judge what is there, then end */
    double poll;           /* seconds between two looks; 0: as the kernel tells */
    bool json;             /* print JSON lines, not text */
} sv_watch_options;

/* What `fleck serve` was asked for.  Texts are borrowed. */
typedef struct sv_options {
    const char *folder;      /* the project: database, photos, models, pictures */
    const char *address;     /* to listen on; "127.0.0.1" by default */
    int port;                /* 0: any free one */
    const char *cert, *key;  /* files in PEM, both or none */
    bool new_token;          /* make a token, store it in folder/token and print it */
    const char *import_root; /* photos may be imported from folders below it; NULL: from none */
    const char *watch_root;  /* folders below it may be watched; NULL: those below import_root */
    const char *sinks;       /* their configuration; NULL: folder/sinks.json, if it exists */
    const struct sv_watch_options *watch;     /* NULL, or: no HTTP, judge one folder by one model */
    int workers;                              /* threads that score; 0: one for each processor */
    int64_t queue;                            /* inspections that may wait */
    int64_t upload_bytes;                     /* most of one request */
    int64_t keep_bytes;                       /* most of all kept pictures; the oldest go first */
    int keep_days;                            /* pictures older than this go; 0: none */
    int64_t model_bytes;                      /* of models held in memory */
    const char *home, *shared_home, *scratch; /* as the settings of a fit */
    bool quiet;                               /* print nothing but errors */
    bool (*interrupted)(void);                /* true: stop, after what was accepted is done */
} sv_options;

/* Write the defaults. */
void sv_defaults(sv_options *o);
/* Serve until interrupted.  False: it could not start, and err says why. */
bool sv_run(const sv_options *o, fleck_error *err);

#endif
