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
/* The product's models that are held are no longer current. */
void sv_models_stale(sv_models *all, int64_t product);
/* Whether a worker is to let go of the model: it is stale. */
bool sv_model_stale(sv_models *all, const sv_model *m);
/* Whether all that are held take more memory than they may. */
bool sv_models_crowded(sv_models *all);
json_t *sv_models_describe(sv_models *all);
void sv_models_close(sv_models *all);

#endif
