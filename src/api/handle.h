/* SPDX-License-Identifier: Apache-2.0 */
/* What a fleck_model is inside. */
#ifndef FK_API_HANDLE_H
#define FK_API_HANDLE_H

#include "run/runner.h"

struct fleck_model {
    fk_model model;
    fk_runner runner;       /* borrows model; zero while an opened one rests */
    fleck_run_settings run; /* that it was opened with; what it points to is gone */
    char *path;     /* of the file it was opened from, from the root; NULL for another one */
    bool opened;    /* from a file or from memory */
    char taps[512]; /* names separated by commas, for fleck_model_describe() */
    char pool[FK_POOLING_TEXT];
    char *options;         /* JSON text, likewise */
    fleck_model_info info; /* what it hands out */
    fk_watch watch;        /* of calls on an opened model; its runner's pool has it */
};

/* Fill m's info anew, once it is fitted or opened and when a number in it has changed. */
void fk_handle_describe(fleck_model *m);
/* Whether the file that the model was opened from, where it still exists, is what it was:
 * FLECK_E_STATE where it is not. */
fleck_status fk_handle_unchanged(const fleck_model *model, fleck_error *err) FLECK_MUST_CHECK;
/* What every call that scores begins with: that, and the network is compiled. */
fleck_status fk_handle_ready(fleck_model *model, fleck_error *err) FLECK_MUST_CHECK;
/* Score the file at path, or where that is NULL pixels, with a runner of the model. */
fleck_status fk_score_new(const fleck_model *model, fk_runner *r, const char *path,
                          const fleck_pixels *pixels, const fleck_pixels *mask, bool keep_image,
                          fleck_result **out, fleck_error *err) FLECK_MUST_CHECK;

#endif
