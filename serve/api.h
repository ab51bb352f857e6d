/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of the routes in routes.c. */
#ifndef FLECK_SERVE_API_H
#define FLECK_SERVE_API_H

#include "server.h"

/* api_products.c */
void sv_products_list(sv_request *r);
void sv_product_create(sv_request *r);
void sv_product_get(sv_request *r);
void sv_product_change(sv_request *r);
void sv_areas_get(sv_request *r);
void sv_areas_put(sv_request *r);
/* Whether the product exists.  Otherwise the request is answered with 404. */
bool sv_need_product(sv_request *r, int64_t id);

/* api_photos.c */
void sv_photos_list(sv_request *r);
void sv_photos_add(sv_request *r);
void sv_photos_import(sv_request *r);
void sv_photo_change(sv_request *r);
void sv_photo_file(sv_request *r);
void sv_photo_thumb(sv_request *r);
void sv_mean_image(sv_request *r);
/* Add an image to the product's photos.  modified: when its file was last written, in milliseconds
 * since 1970, since groups of photos by day are found from that; 0: unknown.  Returns an object for
 * the answer: the photo, or {name, problem} for a file that was not taken. */
json_t *sv_photo_add(sv_server *s, int64_t product, const char *name, const void *bytes,
                     size_t size, int64_t modified, const char *origin);

/* The real path of a folder.  It must lie below root, which the option named in messages sets;
 * NULL: no folder is allowed. */
bool sv_path_below(const char *root, const char *folder, const char *option, char out[4096],
                   fleck_error *err);

/* api_sources.c */
void sv_sources_list(sv_request *r);
void sv_source_create(sv_request *r);
void sv_source_delete(sv_request *r);

/* api_jobs.c */
void sv_fit_start(sv_request *r);
void sv_jobs_list(sv_request *r);
void sv_jobs_done(sv_request *r);
void sv_job_get(sv_request *r);
void sv_job_cancel(sv_request *r);
void sv_settings_list(sv_request *r);

/* api_models.c */
void sv_models_list(sv_request *r);
void sv_model_get(sv_request *r);
void sv_model_file(sv_request *r);
void sv_model_upload(sv_request *r);
void sv_model_activate(sv_request *r);
void sv_threshold_get(sv_request *r);
void sv_threshold_put(sv_request *r);

/* Begins a statement.  Its table `line` has the ids of model ?1 and of all versions that differ
 * from it only by thresholds, so that scores can be compared. */
#define SV_SAME_SCORES                                                                             \
    "WITH RECURSIVE up(id, parent, reason) AS (SELECT id, parent, reason FROM model WHERE id = ?1" \
    " UNION SELECT m.id, m.parent, m.reason FROM model m JOIN up ON m.id = up.parent WHERE"        \
    " up.reason = 'threshold'), line(id) AS (SELECT id FROM up UNION SELECT m.id FROM model m"     \
    " JOIN line ON m.parent = line.id WHERE m.reason = 'threshold') "

/* api_inspect.c */
void sv_inspect_post(sv_request *r);

/* api_history.c */
void sv_inspections_list(sv_request *r);
void sv_inspection_get(sv_request *r);
void sv_inspection_picture(sv_request *r);
void sv_inspection_map(sv_request *r);
void sv_inspection_mark(sv_request *r);
void sv_learn(sv_request *r);
void sv_export_csv(sv_request *r);
void sv_export_json(sv_request *r);

/* summary.c */
void sv_summary_get(sv_request *r);
/* Counts of a product's inspections between two times, each NULL for open: {counts, confusion,
 * bucket, trend}; NULL: failed. */
json_t *sv_summary(sv_server *s, int64_t product, const char *from, const char *to,
                   fleck_error *err);

/* report.c */
void sv_report(sv_request *r);

/* look.c */
void sv_inspection_nearest(sv_request *r);

/* drift.c */
void sv_drift_get(sv_request *r);

/* api_system.c */
void sv_health(sv_request *r);
void sv_ready(sv_request *r);
void sv_metrics(sv_request *r);
void sv_system(sv_request *r);
void sv_openapi(sv_request *r);

/* page.c */
void sv_page(sv_request *r);

#endif
