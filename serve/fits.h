/* SPDX-License-Identifier: Apache-2.0 */
/* Fits: one at a time, in the order in which they were asked for. */
#ifndef FLECK_SERVE_FITS_H
#define FLECK_SERVE_FITS_H

#include "db.h"

struct sv_server;
typedef struct sv_fits sv_fits;

/* Fits that a former process left unfinished become "interrupted". */
sv_fits *sv_fits_open(struct sv_server *s, fleck_error *err);
/* Cancel the running fit and start no other; waiting ones stay queued for the next start. */
void sv_fits_stop(sv_fits *f);
void sv_fits_close(sv_fits *f);
/* A job was added: start it if none runs. */
void sv_fits_wake(sv_fits *f);
/* Cancel a queued or running job; false: it has ended. */
bool sv_fits_cancel(sv_fits *f, int64_t job);
/* The state of a running job, {stage, done, total, seconds}; NULL: it does not run. */
json_t *sv_fits_progress(sv_fits *f, int64_t job);

/* Settings of a fit from a request's JSON object and the product's areas; free *out, also after a
 * failure. */
bool sv_fit_settings(struct sv_server *s, fleck_settings **out, const json_t *given,
                     const json_t *areas, fleck_error *err);
/* Whether requests may not set it: it names files of this machine, says where the result goes, or
 * is about folders that a product does not have. */
bool sv_setting_closed(const char *name);
/* A job as the service shows it.  areas: those of the product when it started; memory: by how much
 * the process grew at most while it ran, in bytes. */
#define SV_JOB_COLUMNS                                                                             \
    "SELECT id, product, kind, state, settings AS settings_json, created, started, ended, error,"  \
    " warnings AS warnings_json, photos, seconds, memory, areas AS areas_json, model, who FROM "   \
    "job"

/* Store a model as the product's next version and make it the current one.  job, parent: 0 for
 * none.  Returns the model's id; -1: failed. */
int64_t sv_model_store(struct sv_server *s, int64_t product, const fleck_model *model,
                       const char *reason, const char *who, int64_t job, int64_t parent,
                       fleck_error *err);
/* What fleck_model_describe() tells, as JSON. */
json_t *sv_model_info_json(const fleck_model *model);

#endif
