/* SPDX-License-Identifier: Apache-2.0 */
/* Published figures, for comparison with those of a benchmark. */
#ifndef FK_BENCHMARK_PUBLISHED_H
#define FK_BENCHMARK_PUBLISHED_H

#include "base/str.h"
#include "benchmark/bench.h"

/* The text of data/published_mvtec.csv, compiled in. */
extern const char fk_published_csv[];

typedef struct fk_published_row {
    const char *source, *method, *backbone, *setting, *metric, *category;
    double value; /* per cent */
} fk_published_row;

/* Valid when zeroed; owned. */
typedef struct fk_published {
    fk_names text;
    fk_published_row *rows;
    int64_t count;
} fk_published;

/* Parse the table; name is for messages. */
fleck_status fk_published_read(fk_published *out, const char *csv, const char *name,
                               fleck_error *err) FLECK_MUST_CHECK;
void fk_published_free(fk_published *p);

/* A column of a published table: one source with one setting. */
typedef struct fk_published_column {
    const char *source, *setting, *method, *backbone;
} fk_published_column;

#define FK_PUBLISHED_COLUMNS 16

/* The columns to compare a run with, best first: the study with the same setting, the method's
 * paper whatever its K, then others with the same setting.  Returns their number. */
int fk_published_beside(const fk_published *p, const fk_bench_result *run,
                        fk_published_column out[FK_PUBLISHED_COLUMNS]);

/* The figure of a column for a metric and category; NaN if it has none. */
double fk_published_value(const fk_published *p, const fk_published_column *c, const char *metric,
                          const char *category);

#endif
