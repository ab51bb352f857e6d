/* SPDX-License-Identifier: Apache-2.0 */
/* ROC-AUC, average precision and F1-max from counts, one distinct score at a time. */
#ifndef FK_METRIC_TALLY_H
#define FK_METRIC_TALLY_H

#include "metric/metric.h"

/* More items than this would overflow the 64-bit sums below (2 * P * N must stay below 2^63). */
#define FK_TALLY_LIMIT ((INT64_C(1) << 32) - 1)

/* Begin with the two totals set and the rest zero. */
typedef struct fk_tally {
    int64_t defective, good;
    int64_t found;     /* defective items so far */
    int64_t twice_won; /* twice the ROC area, times defective * good */
    double precision_sum;
    double f1max, f1max_threshold;
} fk_tally;

/* Count one distinct score that `here` >= 1 defective items have.  Scores come in falling order;
 * those of good items alone are not passed.
 *   above  good items with a larger score, all of them, not since the last call
 *   equal  good items with this very score */
void fk_tally_add(fk_tally *t, double score, int64_t here, int64_t above, int64_t equal);

/* The figures; all NaN where a class is empty. */
void fk_tally_finish(const fk_tally *t, fk_ranking *out);

#endif
