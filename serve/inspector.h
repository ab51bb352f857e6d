/* SPDX-License-Identifier: Apache-2.0 */
/* Inspections: models that are held in memory, workers that score, and the queue between. */
#ifndef FLECK_SERVE_INSPECTOR_H
#define FLECK_SERVE_INSPECTOR_H

#include "journal.h"
#include "stats.h"

struct sv_server;
typedef struct sv_inspector sv_inspector;

/* An image in the queue, and its answer.  The caller fills the first part, and must keep all of it
 * until done is called. */
typedef struct sv_image {
    int64_t product;
    char *name, *source; /* the caller's name of the image; "api", "watch:...", ...; UTF-8, freed */
    const unsigned char *bytes; /* [size] an image file; NULL: err says why it was not read */
    size_t size;
    const sv_judged_file *seen; /* as sv_record's */
    bool caller_retries;  /* the caller tries again, so a full queue does not count as refused */
    bool drop_oldest;     /* a live source: if the queue is full, its oldest image is dropped */
    const char *map_kind; /* "f32", "png" or "tiff": a map goes into the answer; or NULL */
    double received;      /* when its first byte came, seconds of the monotonic clock */
    void (*done)(struct sv_image *image);
    void *ctx;
    /* The answer: status FLECK_OK and an object as of GET /api/v1/inspections/ID, or an error. */
    fleck_error err;
    json_t *answer;
    bool dropped; /* the queue was full: it was taken out, or never queued */
    /* Of the inspector. */
    sv_inspector *inspector;
    double queued, started, stored, scored, handed; /* handed: to the journal */
    char hash[33], picture[64];
    sv_record record;
    json_t *regions, *warnings, *timings, *map;
    char *digest;
    struct sv_image *next;
} sv_image;

sv_inspector *sv_inspector_open(struct sv_server *s, fleck_error *err);
/* Finish what was accepted; accept nothing from now on. */
void sv_inspector_stop(sv_inspector *in);
void sv_inspector_close(sv_inspector *in);
/* Queue an image.  False (FLECK_E_LIMIT): the queue is full, or the service is stopping; done is
 * not called. */
bool sv_inspect(sv_inspector *in, sv_image *image, fleck_error *err);
void sv_image_free(sv_image *image); /* the answer's parts, not the image */
/* The product's current model was replaced: workers open the new one for their next image. */
void sv_models_changed(sv_inspector *in, int64_t product);
/* {waiting, workers, models: [...]} */
json_t *sv_inspector_describe(sv_inspector *in);

/* A model in memory. */
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
/* Open a model, or share it if it is open; id 0: the product's current one.  It stays in memory
 * until the last user releases it. */
sv_model *sv_model_acquire(sv_inspector *in, int64_t product, int64_t id, fleck_error *err);
void sv_model_release(sv_inspector *in, sv_model *m);

/* Score an inspection's stored picture again with model m.  The result holds the image. */
bool sv_score_again(sv_model *m, const char *path, fleck_result **out, fleck_error *err);
json_t *sv_regions_json(const fleck_regions *regions);
json_t *sv_unlike_json(unsigned unlike);

#endif
