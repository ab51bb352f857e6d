/* SPDX-License-Identifier: Apache-2.0 */
/* How sure a ROC-AUC is, and whether two differ: bootstrap and DeLong's test. */
#ifndef FK_METRIC_INTERVAL_H
#define FK_METRIC_INTERVAL_H

#include "base/watch.h"

/* n items: two scores each (b NULL where there is one only), none of them NaN, and a label (0 good,
 * else defective); both classes are there. */
typedef struct fk_scored {
    const double *a, *b;
    const uint8_t *labels;
    int64_t n;
} fk_scored;

typedef struct fk_bootstrap {
    int64_t resamples; /* at least 1 */
    uint64_t seed;
    double level;    /* 0.95 */
    fk_watch *watch; /* NULL, or who is told of resamples, in stage "bootstrap", and may stop */
} fk_bootstrap;

typedef struct fk_interval {
    double value, low, high;
    double p; /* of a difference: two-sided, that there is none; NaN for one ROC-AUC */
} fk_interval;

/* Percentile interval of the ROC-AUC of a.  Each resample draws as many good and as many defective
 * items as there are, with replacement (Efron and Tibshirani 1993, chapters 13 and 16), so that no
 * class is ever empty.  The same seed gives the same bits.  Cost: resamples * n.
 *   FLECK_E_FORMAT  a class is empty, or a score is NaN */
fleck_status fk_bootstrap_auroc(fk_interval *out, const fk_scored *s, const fk_bootstrap *how,
                                fleck_error *err) FLECK_MUST_CHECK;

/* The same of ROC-AUC(b) - ROC-AUC(a), paired: both see the same draws. */
fleck_status fk_bootstrap_difference(fk_interval *out, const fk_scored *s, const fk_bootstrap *how,
                                     fleck_error *err) FLECK_MUST_CHECK;

/* A figure of items, item i counted weights[i] times; NaN where they have none. */
typedef double fk_statistic(void *ctx, const int32_t *weights);

/* Percentile interval of it for n items with labels, drawn as above.  Draws without a figure are
 * passed over; out is NaN throughout where the items themselves have none.  p is two-sided, that it
 * is 0. */
fleck_status fk_bootstrap_statistic(fk_interval *out, const uint8_t *labels, int64_t n,
                                    const fk_bootstrap *how, fk_statistic *statistic, void *ctx,
                                    fleck_error *err) FLECK_MUST_CHECK;

typedef struct fk_delong {
    double a, b;           /* ROC-AUCs */
    double variance[3];    /* of a, of b, and their covariance */
    double difference, se; /* b - a, and its standard error */
    double z, p; /* two-sided normal test; z 0, p 1 where both are equal without any variance */
} fk_delong;

/* DeLong's test for two correlated ROC-AUCs.  Cost: n log n.  Errors as above, and where a class
 * has one item only, since it has no variance then. */
fleck_status fk_delong_test(fk_delong *out, const fk_scored *s, fleck_error *err) FLECK_MUST_CHECK;

#endif
