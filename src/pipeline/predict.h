/* Scoring images: one, or many on all threads with results in order. */
#ifndef FK_PIPELINE_PREDICT_H
#define FK_PIPELINE_PREDICT_H

#include "pipeline/runner.h"

void fk_result_free(fleck_result *r);

/* Score pixels already decoded; takes over *original where keep is set.  mask: NULL or the file of
 * the image's own mask. */
fleck_status fk_predict_image(fk_runner *r, int lane, bool alone, fk_image *original,
                              const char *mask, bool keep, fleck_result *out,
                              fleck_error *err) FLECK_MUST_CHECK;
/* Decode and score one file; messages name it. */
fleck_status fk_predict_file(fk_runner *r, int lane, bool alone, const char *path, bool keep,
                             fleck_result *out, fleck_error *err) FLECK_MUST_CHECK;

/* The same with the image's own mask. */
fleck_status fk_predict_masked(fk_runner *r, int lane, bool alone, const char *path,
                               const char *mask, bool keep, fleck_result *out,
                               fleck_error *err) FLECK_MUST_CHECK;

/* Score n files on all threads; on_result as in fleck.h. */
fleck_status fk_predict_files(fk_runner *r, const char *const *files, int64_t n, bool keep,
                              fleck_on_result *on_result, void *ctx,
                              fleck_error *err) FLECK_MUST_CHECK;

#endif
