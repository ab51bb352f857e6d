/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms of pixel scores, one per image: for curves, intervals, and figures of a subset of the
 * images. */
#ifndef FK_METRIC_BINS_H
#define FK_METRIC_BINS_H

#include "metric/interval.h"
#include "metric/metric.h"

/* The histogram of one image.  The scores of a bin share the first 20 bits of their keys (keys.h):
 * it is 1/2048 of an octave wide.  Valid when zeroed; the arrays are owned. */
typedef struct fk_bins {
    int64_t n;
    uint32_t *keys;             /* [n] ascending */
    uint32_t *good, *defective; /* [n] pixels */
} fk_bins;

/* Count the pixels of a finite map [count] with its ground truth (0 good, else defective; NULL: all
 * good), except the pixels that are not 0 in left_out (NULL: none). */
fleck_status fk_bins_make(fk_bins *out, const float *map, const uint8_t *mask,
                          const uint8_t *left_out, int64_t count,
                          fleck_error *err) FLECK_MUST_CHECK;
void fk_bins_free(fk_bins *b);

/* A table has at most FK_BIN_WIDE wide bins.  Without its last narrow bin, a wide bin holds less
 * than 1 / FK_BIN_PARTS of all good pixels and of all defective pixels. */
#define FK_BIN_PARTS 512
#define FK_BIN_WIDE (2 * FK_BIN_PARTS + 1)

/* The histograms of all images over the same wide bins.  Valid when zeroed; the arrays are
 * owned. */
typedef struct fk_bin_table {
    int64_t images, n;
    uint32_t *keys;            /* [n] lowest narrow bin of each, ascending */
    int64_t *good, *defective; /* [images, n] pixels */
} fk_bin_table;

/* Make a table of images [n].  It depends on the images alone. */
fleck_status fk_bin_table_make(fk_bin_table *out, const fk_bins *images, int64_t n,
                               fleck_error *err) FLECK_MUST_CHECK;
void fk_bin_table_free(fk_bin_table *t);

/* ROC-AUC of the defective pixels of the chosen images (not 0 in chosen [images]; NULL: all)
 * against the good pixels of all images; pixels of the same bin count as ties.  NaN if a class is
 * empty.  The error is at most 1 / (2 FK_BIN_PARTS), and far less if good and defective scores have
 * similar distributions within a bin. */
double fk_bin_table_auroc(const fk_bin_table *t, const uint8_t *chosen);

/* Bootstrap percentile interval of the pixel ROC-AUC.  Whole images are resampled, because the
 * pixels of an image depend on each other; good and defective images (labels [images]) separately.
 * Cost: resamples * images * n. */
fleck_status fk_bin_table_interval(fk_interval *out, const fk_bin_table *t, const uint8_t *labels,
                                   const fk_bootstrap *how, fleck_error *err) FLECK_MUST_CHECK;

/* Points of the ROC and precision-recall curves of all pixels, as of fk_metric_curve(), but only
 * where a rate has changed by 1 / FK_BIN_STEPS since the last point.  Each lies on the exact curve.
 * Returns their number. */
#define FK_BIN_STEPS 128
#define FK_BIN_CURVE (2 * FK_BIN_STEPS + 2)
int64_t fk_bin_table_curve(fk_curve_point out[FK_BIN_CURVE], const fk_bin_table *t);

#endif
