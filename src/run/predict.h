/* SPDX-License-Identifier: Apache-2.0 */
/* Scoring images: one, or many on all threads with results in order. */
#ifndef FK_RUN_PREDICT_H
#define FK_RUN_PREDICT_H

#include "run/result.h"
#include "run/runner.h"
#include "run/source.h"

/* Decode and score the only image of the source on all threads. */
fleck_status fk_predict(fk_runner *r, fk_source *source, bool keep, fleck_result *out,
                        fleck_error *err) FLECK_MUST_CHECK;
/* The same for one file; messages name it. */
fleck_status fk_predict_file(fk_runner *r, const char *path, bool keep, fleck_result *out,
                             fleck_error *err) FLECK_MUST_CHECK;
/* Score all images of the source on all threads; on_scored, which may be NULL, and on_result as in
 * fleck.h. */
fleck_status fk_predict_all(fk_runner *r, fk_source *source, bool keep, fleck_on_scored *on_scored,
                            fleck_on_result *on_result, void *ctx,
                            fleck_error *err) FLECK_MUST_CHECK;

#endif
