/* SPDX-License-Identifier: Apache-2.0 */
/* Models in memory. */
#ifndef FLECK_SERVE_MODELS_H
#define FLECK_SERVE_MODELS_H

#include "inspector.h"

typedef struct sv_models {
    struct sv_server *server;
    pthread_mutex_t lock;
    pthread_cond_t opened;
    sv_model *first;
} sv_models;

sv_models *sv_inspector_models(sv_inspector *in);
/* Mark the product's models in memory as no longer current. */
void sv_models_stale(sv_models *all, int64_t product);
/* Whether the model is no longer current, so that workers release it. */
bool sv_model_stale(sv_models *all, const sv_model *m);
/* Whether the models in memory are larger than the limit of --models. */
bool sv_models_over_limit(sv_models *all);
json_t *sv_models_describe(sv_models *all);
void sv_models_close(sv_models *all);

#endif
