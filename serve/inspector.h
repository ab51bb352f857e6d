/* SPDX-License-Identifier: Apache-2.0 */
/* Inspections: models that are held in memory, workers that score, and the queue between. */
#ifndef FLECK_SERVE_INSPECTOR_H
#define FLECK_SERVE_INSPECTOR_H

#include "journal.h"
#include "stats.h"

struct sv_server;
typedef struct sv_inspector sv_inspector;

/* An image to inspect.  The caller fills the first part and owns it all until done is called. */
typedef struct sv_job {
    int64_t product;
    char *name, *source; /* the caller's name of the image; "api", "watch:...", ...; UTF-8, freed */
    const unsigned char *bytes; /* [size] an image file; NULL: err says why it was not read */
    size_t size;
    const sv_seen *seen;  /* as sv_record's */
    bool patient;         /* the caller tries again: a full queue is no refusal to count */
    bool oldest_first;    /* a live source: when the queue is full, its oldest image goes */
    const char *map_kind; /* "f32", "png" or "tiff": a map goes into the answer; or NULL */
    double received;      /* when its first byte came, seconds of the monotonic clock */
    void (*done)(struct sv_job *job);
    void *ctx;
    /* The answer: status FLECK_OK and an object as of GET /api/v1/inspections/ID, or an error. */
    fleck_error err;
    json_t *answer;
    bool dropped; /* or never queued, since the queue was full */
    /* Of the inspector. */
    sv_inspector *inspector;
    double queued, started, stored, scored;
    char hash[33], picture[64];
    sv_record record;
    json_t *regions, *warnings, *timings, *map;
    char *digest;
    struct sv_job *next;
} sv_job;

sv_inspector *sv_inspector_open(struct sv_server *s, fleck_error *err);
/* Finish what was accepted; accept nothing from now on. */
void sv_inspector_stop(sv_inspector *in);
void sv_inspector_close(sv_inspector *in);
/* Queue a job.  False: the queue is full (err FLECK_E_LIMIT) or closing; done is not called. */
bool sv_inspect(sv_inspector *in, sv_job *job, fleck_error *err);
void sv_job_free(sv_job *job); /* the answer's parts, not the job */
/* The product has another model: workers take it for their next image. */
void sv_models_changed(sv_inspector *in, int64_t product);
/* {waiting, workers, models: [...]} */
json_t *sv_inspector_describe(sv_inspector *in);

/* A model held in memory, for calls other than inspections; id 0: the product's current one. */
typedef struct sv_model {
    int64_t id, product;
    fleck_model *model;
    char digest[64];
    int64_t bytes;
    int users;
    bool opening, stale; /* stale: no longer its product's current one */
    double used;
    struct sv_model *next;
} sv_model;
sv_model *sv_model_take(sv_inspector *in, int64_t product, int64_t id, fleck_error *err);
void sv_model_give(sv_inspector *in, sv_model *m);

/* Score the picture of an inspection again, with the model that judged it; keeps the image. */
bool sv_score_again(struct sv_server *s, sv_model *m, const char *path, fleck_result **out,
                    fleck_error *err);
json_t *sv_regions_json(const fleck_regions *regions);
json_t *sv_unlike_json(unsigned unlike);

#endif
