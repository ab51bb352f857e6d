/* SPDX-License-Identifier: Apache-2.0 */
/* Scoring images: one, or many on all threads with results in order. */
#ifndef FK_RUN_PREDICT_H
#define FK_RUN_PREDICT_H

#include "run/result.h"
#include "run/runner.h"

/* Score pixels in memory on all threads, as fleck_score_pixels(). */
fleck_status fk_predict_pixels(fk_runner *r, const fleck_pixels *pixels, const fleck_pixels *mask,
                               bool keep, fleck_result *out, fleck_error *err) FLECK_MUST_CHECK;
/* Decode and score one file on all threads; messages name it. */
fleck_status fk_predict_file(fk_runner *r, const char *path, bool keep, fleck_result *out,
                             fleck_error *err) FLECK_MUST_CHECK;

/* The same for the bytes of an image file; messages give name. */
fleck_status fk_predict_bytes(fk_runner *r, const void *bytes, size_t size, const char *name,
                              bool keep, fleck_result *out, fleck_error *err) FLECK_MUST_CHECK;

/* Score n files on all threads; on_scored, which may be NULL, and on_result as in fleck.h. */
fleck_status fk_predict_files(fk_runner *r, const char *const *files, int64_t n, bool keep,
                              fleck_on_scored *on_scored, fleck_on_result *on_result, void *ctx,
                              fleck_error *err) FLECK_MUST_CHECK;
/* The same of n images in memory, as fleck_score_batch(). */
fleck_status fk_predict_many_pixels(fk_runner *r, const fleck_pixels *pixels,
                                    const fleck_pixels *const *masks, int64_t n, bool keep,
                                    fleck_on_scored *on_scored, fleck_on_result *on_result,
                                    void *ctx, fleck_error *err) FLECK_MUST_CHECK;

#endif
