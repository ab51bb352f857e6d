/* SPDX-License-Identifier: Apache-2.0 */
/* Pixel scores counted in narrow bins, image by image: curves, intervals, and figures of some of
 * the images. */
#ifndef FK_METRIC_BINS_H
#define FK_METRIC_BINS_H

#include "metric/interval.h"
#include "metric/metric.h"

/* One image: how many good and defective pixels each bin holds.  A bin is the scores that share the
 * first 20 bits of their key (keys.h), 1/2048 of an octave.  Valid when zeroed; owned. */
typedef struct fk_bins {
    int64_t n;
    uint32_t *keys;             /* [n] rising */
    uint32_t *good, *defective; /* [n] */
} fk_bins;

/* Count a map [count], finite, with its mask (0 good, else defective; NULL: all good), but for the
 * pixels that are not 0 in left_out (NULL: none). */
fleck_status fk_bins_make(fk_bins *out, const float *map, const uint8_t *mask,
                          const uint8_t *left_out, int64_t count,
                          fleck_error *err) FLECK_MUST_CHECK;
void fk_bins_free(fk_bins *b);

/* Wide bins in a table: at most FK_BIN_WIDE, none but a single score's with more than 1 /
 * FK_BIN_PARTS of all good or of all defective pixels beyond what its last score adds. */
#define FK_BIN_PARTS 512
#define FK_BIN_WIDE (2 * FK_BIN_PARTS + 1)

/* Valid when zeroed; owned. */
typedef struct fk_bin_table {
    int64_t images, n;
    uint32_t *keys;            /* [n] lowest of each, rising */
    int64_t *good, *defective; /* [images, n] */
} fk_bin_table;

/* Join images [n] into one table.  Equal images give equal bits, whoever counted them. */
fleck_status fk_bin_table_make(fk_bin_table *out, const fk_bins *images, int64_t n,
                               fleck_error *err) FLECK_MUST_CHECK;
void fk_bin_table_free(fk_bin_table *t);

/* ROC-AUC of the defective pixels of the chosen images (not 0 in chosen [images]; NULL: all)
 * against the good pixels of all images; two of one bin count as half a win.  NaN where either is
 * missing.  Within 1 / (2 FK_BIN_PARTS) of the exact figure, and far nearer where scores are spread
 * alike within a bin. */
double fk_bin_table_auroc(const fk_bin_table *t, const uint8_t *chosen);

/* Percentile interval of the pixel ROC-AUC: whole images are drawn, good and defective (labels
 * [images]) apart, since an image's pixels depend on each other.  Cost: resamples * images * n. */
fleck_status fk_bin_table_interval(fk_interval *out, const fk_bin_table *t, const uint8_t *labels,
                                   const fk_bootstrap *how, fleck_error *err) FLECK_MUST_CHECK;

/* Points of the ROC and precision-recall curves of all pixels, as fk_metric_curve() gives them, but
 * only where one rate has moved by 1 / FK_BIN_STEPS; each lies on the exact curve.  Returns their
 * number. */
#define FK_BIN_STEPS 128
#define FK_BIN_CURVE (2 * FK_BIN_STEPS + 2)
int64_t fk_bin_table_curve(fk_curve_point out[FK_BIN_CURVE], const fk_bin_table *t);

#endif
