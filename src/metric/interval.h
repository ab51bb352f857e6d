/* SPDX-License-Identifier: Apache-2.0 */
/* Confidence intervals of a ROC-AUC, and tests whether two differ: bootstrap and DeLong's test. */
#ifndef FK_METRIC_INTERVAL_H
#define FK_METRIC_INTERVAL_H

#include "base/watch.h"

/* n items, each with two scores (one if b is NULL), which must not be NaN, and a label (0 good,
 * else defective).  Neither class may be empty. */
typedef struct fk_scored {
    const double *a, *b;
    const uint8_t *labels;
    int64_t n;
} fk_scored;

typedef struct fk_bootstrap {
    int64_t resamples; /* at least 1 */
    uint64_t seed;
    double level;    /* 0.95 */
    fk_watch *watch; /* gets the progress, as stage "bootstrap", and may cancel; NULL: none */
} fk_bootstrap;

typedef struct fk_interval {
    double value, low, high;
    double p; /* two-sided p-value of "the difference is 0"; NaN for a single ROC-AUC */
} fk_interval;

/* Bootstrap percentile interval of the ROC-AUC of a.  Each resample draws as many good and as many
 * defective items as there are, with replacement (Efron and Tibshirani 1993, chapters 13 and 16),
 * so no class is ever empty.  The same seed gives the same bits.  Cost: resamples * n.
 *   FLECK_E_FORMAT  a class is empty, or a score is NaN */
fleck_status fk_bootstrap_auroc(fk_interval *out, const fk_scored *s, const fk_bootstrap *how,
                                fleck_error *err) FLECK_MUST_CHECK;

/* The same for ROC-AUC(b) - ROC-AUC(a), paired: both use the same draws. */
fleck_status fk_bootstrap_difference(fk_interval *out, const fk_scored *s, const fk_bootstrap *how,
                                     fleck_error *err) FLECK_MUST_CHECK;

/* A statistic of the items, with item i counted weights[i] times; NaN if it is undefined. */
typedef double fk_statistic(void *ctx, const int32_t *weights);

/* Bootstrap percentile interval of a statistic for n items with labels, drawn as above.  Draws for
 * which it is undefined are skipped; if it is undefined for the items themselves, all members of
 * out are NaN.  p is the two-sided p-value of "the statistic is 0". */
fleck_status fk_bootstrap_statistic(fk_interval *out, const uint8_t *labels, int64_t n,
                                    const fk_bootstrap *how, fk_statistic *statistic, void *ctx,
                                    fleck_error *err) FLECK_MUST_CHECK;

typedef struct fk_delong {
    double a, b;           /* ROC-AUCs */
    double variance[3];    /* variance of a, variance of b, covariance */
    double difference, se; /* b - a, and its standard error */
    double z, p;           /* two-sided normal test; if a == b, z is 0 and p is 1 */
} fk_delong;

/* DeLong's test for two correlated ROC-AUCs.  Cost: n log n.  Errors as above; besides, each class
 * needs two items, because one has no variance. */
fleck_status fk_delong_test(fk_delong *out, const fk_scored *s, fleck_error *err) FLECK_MUST_CHECK;

#endif
