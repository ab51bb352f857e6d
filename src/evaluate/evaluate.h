/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation: metrics of test images, scored by a model or with maps from files. */
#ifndef FK_EVALUATE_EVALUATE_H
#define FK_EVALUATE_EVALUATE_H

#include "fleck_tools.h"
#include "dataset/dataset.h"
#include "metric/bins.h"
#include "run/runner.h"

fleck_eval_settings fk_evaluate_defaults(void);

/* Score and measure samples, the test images of the data set at path.  bins: NULL, or [test images]
 * zeroed; each measured image fills its own, which the caller frees whatever the status is. */
fleck_status fk_evaluate(fk_runner *r, const char *path, const fk_samples *samples,
                         const fleck_eval_settings *s, fk_bins *bins, fleck_report *out,
                         fleck_error *err) FLECK_MUST_CHECK;

/* Measure map files of the test images of path; see fleck_metrics(). */
fleck_status fk_evaluate_maps(const char *maps_dir, const char *path,
                              const fleck_metrics_settings *s, fleck_report *out,
                              fleck_error *err) FLECK_MUST_CHECK;

#endif
