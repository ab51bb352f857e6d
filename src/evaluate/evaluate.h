/* Evaluation: test images through a model, or maps from files, into metrics. */
#ifndef FK_EVALUATE_EVALUATE_H
#define FK_EVALUATE_EVALUATE_H

#include "fleck_tools.h"
#include "dataset/dataset.h"
#include "metric/bins.h"
#include "run/runner.h"

fleck_eval_settings fk_evaluate_defaults(void);

/* Score and measure the test images of the data set at path, which samples are; s decides nothing
 * about them. bins: NULL, or zeroed for each test image; those that were measured get theirs, for
 * the caller to free, whatever the status. */
fleck_status fk_evaluate(fk_runner *r, const char *path, const fk_samples *samples,
                         const fleck_eval_settings *s, fk_bins *bins, fleck_report *out,
                         fleck_error *err) FLECK_MUST_CHECK;

/* Measure map files against the test images of path; see fleck_metrics(). */
fleck_status fk_evaluate_maps(const char *maps_dir, const char *path,
                              const fleck_metrics_settings *s, fleck_report *out,
                              fleck_error *err) FLECK_MUST_CHECK;

#endif
