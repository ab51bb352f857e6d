/* SPDX-License-Identifier: Apache-2.0 */
/* ROC-AUC, average precision and F1-max, accumulated one distinct score at a time. */
#ifndef FK_METRIC_TALLY_H
#define FK_METRIC_TALLY_H

#include "metric/metric.h"

/* The largest number of items: 2 * P * N must stay below 2^63. */
#define FK_TALLY_LIMIT ((INT64_C(1) << 32) - 1)

/* The sums so far.  Initially the two totals are set and the rest is zero. */
typedef struct fk_tally {
    int64_t defective, good;
    int64_t found;     /* defective items so far */
    int64_t twice_won; /* 2 * AUROC * defective * good */
    double precision_sum;
    double f1max, f1max_threshold;
} fk_tally;

/* Count one distinct score, which `here` >= 1 defective items have.  Scores are passed in
 * descending order, without those that only good items have.
 *   above  number of all good items with a larger score
 *   equal  number of good items with this score */
void fk_tally_add(fk_tally *t, double score, int64_t here, int64_t above, int64_t equal);

/* The figures; all NaN if a class is empty. */
void fk_tally_finish(const fk_tally *t, fk_ranking *out);

#endif
