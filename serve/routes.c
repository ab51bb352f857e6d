/* SPDX-License-Identifier: Apache-2.0 */
/* Every address of the service.  openapi.json describes the same; the tests compare them. */
#include "access.h"
#include "api.h"

#define V "/api/v1"

const sv_route sv_routes[] = {
    {"GET", V "/health", SV_BODY_NONE, sv_health, true},
    {"GET", V "/ready", SV_BODY_NONE, sv_ready, true},
    {"GET", V "/openapi.json", SV_BODY_NONE, sv_openapi, true},
    {"POST", V "/login", SV_BODY_JSON, sv_access_login, true},
    {"GET", V "/metrics", SV_BODY_NONE, sv_metrics, false},
    {"GET", V "/system", SV_BODY_NONE, sv_system, false},
    {"GET", V "/events", SV_BODY_NONE, sv_events_listen, false},
    {"GET", V "/settings", SV_BODY_NONE, sv_settings_list, SV_SLOW},
    {"GET", V "/products", SV_BODY_NONE, sv_products_list, SV_SLOW},
    {"POST", V "/products", SV_BODY_JSON, sv_product_create, false},
    {"GET", V "/products/#", SV_BODY_NONE, sv_product_get, false},
    {"PATCH", V "/products/#", SV_BODY_JSON, sv_product_change, false},
    {"GET", V "/products/#/areas", SV_BODY_NONE, sv_areas_get, false},
    {"PUT", V "/products/#/areas", SV_BODY_JSON, sv_areas_put, false},
    {"GET", V "/products/#/photos", SV_BODY_NONE, sv_photos_list, SV_SLOW},
    {"POST", V "/products/#/photos", SV_BODY_PARTS, sv_photos_add, SV_SLOW},
    {"POST", V "/products/#/import", SV_BODY_JSON, sv_photos_import, SV_SLOW},
    {"GET", V "/products/#/mean.jpg", SV_BODY_NONE, sv_mean_image, SV_SLOW},
    {"PATCH", V "/photos/#", SV_BODY_JSON, sv_photo_change, false},
    {"GET", V "/photos/#/file", SV_BODY_NONE, sv_photo_file, false},
    {"GET", V "/photos/#/thumb.jpg", SV_BODY_NONE, sv_photo_thumb, SV_SLOW},
    {"POST", V "/products/#/fits", SV_BODY_JSON, sv_fit_start, SV_SLOW},
    {"GET", V "/products/#/jobs", SV_BODY_NONE, sv_jobs_list, false},
    {"GET", V "/jobs", SV_BODY_NONE, sv_jobs_done, false},
    {"GET", V "/jobs/#", SV_BODY_NONE, sv_job_get, false},
    {"DELETE", V "/jobs/#", SV_BODY_NONE, sv_job_cancel, false},
    {"GET", V "/products/#/models", SV_BODY_NONE, sv_models_list, false},
    {"POST", V "/products/#/models", SV_BODY_FILE, sv_model_upload, SV_SLOW},
    {"GET", V "/models/#", SV_BODY_NONE, sv_model_get, SV_SLOW},
    {"GET", V "/models/#/file", SV_BODY_NONE, sv_model_file, false},
    {"POST", V "/models/#/activate", SV_BODY_JSON, sv_model_activate, SV_SLOW},
    {"GET", V "/products/#/threshold", SV_BODY_NONE, sv_threshold_get, SV_SLOW},
    {"PUT", V "/products/#/threshold", SV_BODY_JSON, sv_threshold_put, SV_SLOW},
    {"POST", V "/products/#/inspect", SV_BODY_PARTS, sv_inspect_post, false},
    {"POST", V "/products/#/learn", SV_BODY_JSON, sv_learn, SV_SLOW},
    {"GET", V "/inspections", SV_BODY_NONE, sv_inspections_list, SV_SLOW},
    {"GET", V "/inspections.csv", SV_BODY_NONE, sv_export_csv, SV_SLOW},
    {"GET", V "/inspections.json", SV_BODY_NONE, sv_export_json, SV_SLOW},
    {"GET", V "/inspections/#", SV_BODY_NONE, sv_inspection_get, false},
    {"GET", V "/inspections/#/picture", SV_BODY_NONE, sv_inspection_picture, SV_SLOW},
    {"GET", V "/inspections/#/map", SV_BODY_NONE, sv_inspection_map, SV_SLOW},
    {"PUT", V "/inspections/#/mark", SV_BODY_JSON, sv_inspection_mark, false},
    {"GET", "/", SV_BODY_NONE, sv_page, true},
    {"GET", "/*", SV_BODY_NONE, sv_page, true}, /* a file of web/ */
    {NULL, NULL, SV_BODY_NONE, NULL, false}};
