/* SPDX-License-Identifier: Apache-2.0 */
/* The struct behind the handle fleck_model. */
#ifndef FK_API_HANDLE_H
#define FK_API_HANDLE_H

#include "fleck_tools.h"
#include "run/runner.h"
#include "run/source.h"

struct fleck_model {
    fk_model model;
    fk_runner runner;       /* borrows model; zeroed until the network of a resting model is
                               needed */
    fleck_run_settings run; /* settings that it was opened with; their pointers are dangling */
    char *path;             /* absolute path of the file that it was opened from; NULL: none */
    bool opened;            /* from a file or from memory, not fitted */
    char taps[512];         /* names separated by commas, for fleck_model_describe() */
    char pool[FK_POOLING_TEXT];
    char *options;                              /* JSON text, for fleck_model_describe() */
    fleck_model_info info;                      /* returned by fleck_model_describe() */
    fleck_network_info networks[FK_MODEL_NETS]; /* returned by fleck_model_network() */
    /* Progress and cancelling of an opened model; its runner's pool uses it. */
    fk_watch watch;
};

/* Update m->info: after fitting or opening, and after a change of a number in it. */
void fk_handle_describe(fleck_model *m);
/* FLECK_E_STATE if the file that the model was opened from still exists and has changed. */
fleck_status fk_handle_unchanged(const fleck_model *model, fleck_error *err) FLECK_MUST_CHECK;
/* Every call that scores begins with this: check as above, and compile the network if needed. */
fleck_status fk_handle_ready(fleck_model *model, fleck_error *err) FLECK_MUST_CHECK;
/* Score the only image of the source with a runner of the model, and free the source. */
fleck_status fk_score_new(const fleck_model *model, fk_runner *r, fk_source *source,
                          bool keep_image, fleck_result **out, fleck_error *err) FLECK_MUST_CHECK;

#endif
