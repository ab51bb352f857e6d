/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing two runs on the same test images. */
#ifndef FK_BENCHMARK_COMPARE_H
#define FK_BENCHMARK_COMPARE_H

#include "fleck_tools.h"
#include "benchmark/bench.h"

/* The scores of a run in the JSON of `fleck eval` or `fleck bench`, sorted by path.  Valid when
 * zeroed; owned. */
typedef struct fk_run_scores {
    char *name; /* "out/bottle.json, run padim@resnet18" */
    int64_t n;
    fk_bench_image *images;
} fk_run_scores;

/* run: the run's name, or its number from 1; NULL if there is only one.  FLECK_E_OPTION: there is
 * no such run; the message lists the runs. */
fleck_status fk_run_scores_parse(fk_run_scores *out, const char *bytes, size_t size,
                                 const char *file, const char *run,
                                 fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_run_scores_read(fk_run_scores *out, const char *file, const char *run,
                                fleck_error *err) FLECK_MUST_CHECK;
void fk_run_scores_free(fk_run_scores *s);

/* FLECK_E_SHAPE: the images differ; the message names the first one that only one run has, or that
 * has two labels. */
fleck_status fk_compare(fleck_comparison *out, const fk_run_scores *a, const fk_run_scores *b,
                        const fleck_compare_settings *s, fleck_error *err) FLECK_MUST_CHECK;

#endif
