/* SPDX-License-Identifier: Apache-2.0 */
/* Sources get images without a request: watched folders and cameras, each on a thread. */
#ifndef FLECK_SERVE_SOURCES_H
#define FLECK_SERVE_SOURCES_H

#include "inspector.h"

#include <stdatomic.h>

struct sv_server;
struct sv_source_kind;
typedef struct sv_sources sv_sources;

/* A source of one product. */
typedef struct sv_source {
    struct sv_server *server;
    int64_t id, product;
    const struct sv_source_kind *kind;
    json_t *config;
    char *label; /* the source of its inspections: "watch:/line/in", UTF-8 */
    atomic_bool stop, ended;
    atomic_int in_flight; /* frames that are not yet judged */
    int wake;             /* an eventfd: it stops, or an image is done */
    pthread_mutex_t lock;
    /* "running" or "waiting", the reason, and counters; under the lock. */
    const char *state;
    char problem[FLECK_ERROR_SIZE];
    /* failed: verdict "error"; skipped: a file that was judged before, under another name or time;
     * dropped: a frame that found the queue full; incomplete: a frame that did not come whole. */
    int64_t judged, failed, dropped, skipped, incomplete;
    bool started;
    pthread_t thread;
    struct sv_source *next;
} sv_source;

/* A kind of source: one file of sources/ and one row of the table in sources.c. */
typedef struct sv_source_kind {
    const char *name;
    bool built;
    const char *needs; /* the library that it is built with, or NULL */
    /* Check a request's configuration.  *out is stored, and tells whether two requests mean the
     * same source. */
    bool (*check)(struct sv_server *s, const json_t *given, json_t **out, fleck_error *err);
    /* A text for people that tells this source from others of its kind; free() it. */
    char *(*label)(const json_t *config);
    /* Runs on the source's thread until src->stop. */
    void (*run)(sv_source *src);
} sv_source_kind;
extern const sv_source_kind sv_folder_source, sv_genicam_source, sv_v4l2_source;

/* Start the stored sources. */
sv_sources *sv_sources_open(struct sv_server *s, fleck_error *err);
/* Stop all, after the images that they queued are judged.  No source can be started afterwards. */
void sv_sources_stop(sv_sources *all);
void sv_sources_close(sv_sources *all);
/* Store and start a source.  If the same one was removed before, it goes on where it stopped.
 * Returns its id; -1: failed. */
int64_t sv_source_add(sv_sources *all, int64_t product, const char *kind, const json_t *config,
                      const char *who, fleck_error *err);
/* Stop a source and forget it, but not which files it judged.  False: there is none. */
bool sv_source_remove(sv_sources *all, int64_t id);
/* The sources of a product (0: of all), with what they do. */
json_t *sv_sources_describe(sv_sources *all, int64_t product);
/* [{name, built, needs}] */
json_t *sv_source_kinds(void);
/* Whether all sources ended by themselves. */
bool sv_sources_ended(sv_sources *all);

/* For the kinds. */

/* Set "running" or "waiting", with a reason in words or "". */
void sv_source_set_state(sv_source *src, const char *state, const char *format, ...)
    FLECK_PRINTF(3, 4);
void sv_source_count(sv_source *src, int64_t *counter);
/* Sleep; false: it has to stop. */
bool sv_source_sleep(sv_source *src, double seconds);
void sv_source_wake(sv_source *src);
/* Whether the product has a model.  Otherwise sets the state to waiting for one. */
bool sv_source_has_model(sv_source *src);
/* Queue a frame of a live source under a name.  If the queue is full, its oldest frame is dropped.
 * */
void sv_source_frame(sv_source *src, const fleck_pixels *frame, const char *name);
/* The same for an encoded image; copies it. */
void sv_source_image(sv_source *src, const void *bytes, size_t size, const char *name);
/* Wait until all its frames are judged. */
void sv_source_drain(sv_source *src);

/* Members of a configuration.  False: err names the member, what was expected and what was
 * found. */
typedef struct sv_member {
    const char *name;
    char kind; /* s text, i integer, d number, b true or false, o object, l list of texts */
    double min, max;
} sv_member;
/* Whether all members are of the table, which ends with name NULL, and as it says. */
bool sv_members_check(const json_t *object, const sv_member *members, fleck_error *err);

#endif
