/* Charts as SVG, to stand inside an HTML page: curves and histograms. */
#ifndef FK_RENDER_CHART_H
#define FK_RENDER_CHART_H

#include "base/str.h"

/* A curve through n points within [0, 1] each way. */
typedef struct fk_chart_series {
    const char *name;
    int64_t n;
    const double *x, *y; /* [n] */
} fk_chart_series;

/* Curves on the unit square with a legend.  Points outside it, or not finite, are left out. */
fleck_status fk_chart_curves(fk_text *out, const char *title, const char *x_name,
                             const char *y_name, const fk_chart_series *series, int n,
                             fleck_error *err) FLECK_MUST_CHECK;

#define FK_CHART_BINS 32

/* Counts of values in FK_CHART_BINS equal bins of [*low, *high], which is the finite values' range over both lists;
 * the highest value is in the last bin.  Where there is no finite value or only one, the range is 1 wide. */
void fk_chart_bins(int64_t counts_a[FK_CHART_BINS], int64_t counts_b[FK_CHART_BINS], double *low,
                   double *high, const double *a, int64_t n_a, const double *b, int64_t n_b);

/* Two histograms over each other on one scale: good and defective scores. */
fleck_status fk_chart_histogram(fk_text *out, const char *title, const double *good, int64_t n_good,
                                const double *defective, int64_t n_defective,
                                fleck_error *err) FLECK_MUST_CHECK;

#endif
