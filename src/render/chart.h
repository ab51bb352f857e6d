/* SPDX-License-Identifier: Apache-2.0 */
/* Charts as SVG for an HTML page: curves, histograms and dots.
 *
 * Each is a figure of class "chart" with a title.  Series of one style look the same in all charts
 * and in the legend. */
#ifndef FK_RENDER_CHART_H
#define FK_RENDER_CHART_H

#include "base/str.h"

/* A list of class "legend": the styles 0 to n - 1 with their names. */
fleck_status fk_chart_legend(fk_text *out, const char *const *names, int n,
                             fleck_error *err) FLECK_MUST_CHECK;

/* A curve through n points within [0, 1] each way. */
typedef struct fk_chart_series {
    const char *name;
    int style;
    int64_t n;
    const double *x, *y; /* [n] */
} fk_chart_series;

/* Curves on the unit square.  Points outside it and points that are not finite are left out. */
fleck_status fk_chart_curves(fk_text *out, const char *title, const char *x_name,
                             const char *y_name, const fk_chart_series *series, int n,
                             fleck_error *err) FLECK_MUST_CHECK;

#define FK_CHART_BINS 32

/* Counts of values in FK_CHART_BINS equal bins of [*low, *high], the range of the finite values of
 * both lists and `also`; the highest value is in the last bin.  With no finite value or only one
 * the range is 1 wide. */
void fk_chart_bins(int64_t counts_a[FK_CHART_BINS], int64_t counts_b[FK_CHART_BINS], double *low,
                   double *high, const double *a, int64_t n_a, const double *b, int64_t n_b,
                   double also);

/* Two histograms, one above the other, on one scale: good and defective scores, with a line at the
 * threshold unless it is NaN. */
fleck_status fk_chart_histogram(fk_text *out, const char *title, const double *good, int64_t n_good,
                                const double *defective, int64_t n_defective, double threshold,
                                fleck_error *err) FLECK_MUST_CHECK;

/* A row of dots, one for each of n values. */
typedef struct fk_chart_row {
    const char *name, *note; /* above the row, to the left and to the right */
    const double *values;    /* [n] up to 100; NaN has no dot */
    int best;                /* index of the value with a ring; -1: none */
} fk_chart_row;

/* Rows of dots on one scale that ends at 100; value i has style i. */
fleck_status fk_chart_dots(fk_text *out, const char *title, const fk_chart_row *rows,
                           int64_t n_rows, const char *const *names, int n,
                           fleck_error *err) FLECK_MUST_CHECK;

#endif
