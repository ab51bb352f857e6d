/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: ROC-AUC, average precision, F1-max and PRO, all exact; equal scores are one
 * threshold. */
#ifndef FK_METRIC_METRIC_H
#define FK_METRIC_METRIC_H

#include "base/pool.h"

/* How well scores rank defective items above good ones.  NaN if a class is empty. */
typedef struct fk_ranking {
    double auroc;           /* area under ROC: P(s+ > s-) + P(s+ == s-) / 2 */
    double ap;              /* step-wise average precision, sum (R_n - R_n-1) P_n */
    double f1max;           /* largest F1 over all thresholds "score >= t is defective" */
    double f1max_threshold; /* the largest t that reaches f1max */
} fk_ranking;

/* Rank scores [n] with labels [n] (0 good, else defective).  Infinities are allowed.  Thresholds
 * are the distinct scores, as in scikit-learn's roc_auc_score and average_precision_score.  The
 * result does not depend on the order of the items.  On failure all members of out are NaN.
 *   FLECK_E_FORMAT  a score is NaN; the message says which
 *   FLECK_E_LIMIT   more than 2^32 - 1 scores */
fleck_status fk_metric_ranking(fk_ranking *out, const double *scores, const uint8_t *labels,
                               int64_t n, fleck_error *err) FLECK_MUST_CHECK;

/* One threshold: the numbers of defective items (found) and of good items (alarms) whose scores are
 * at least threshold. */
typedef struct fk_curve_point {
    double threshold;
    int64_t found, alarms;
} fk_curve_point;

/* Write the points of the ROC and precision-recall curves of n scores into out [n + 1], and their
 * number into *n_points: first infinity with no items, then each distinct score in descending
 * order.  FLECK_E_FORMAT: a score is NaN. */
fleck_status fk_metric_curve(fk_curve_point *out, int64_t *n_points, const double *scores,
                             const uint8_t *labels, int64_t n, fleck_error *err) FLECK_MUST_CHECK;

/* Maps and ground truths of one category, added image by image. */
typedef struct fk_pixel_metric fk_pixel_metric;

typedef struct fk_pixel_result {
    fk_ranking ranking; /* over all pixels of all images */
    double pro;         /* area under PRO(FPR) for FPR in [0, limit], divided by limit; 0..1 */
    int64_t regions, pixels, defective_pixels;
} fk_pixel_result;

fleck_status fk_pixel_metric_open(fk_pixel_metric **out, fleck_error *err) FLECK_MUST_CHECK;
void fk_pixel_metric_close(fk_pixel_metric **m);

/* From now on, store pixels beyond `budget` bytes in a nameless temporary file in folder.  The
 * figures do not change.  Without this call all pixels stay in memory. */
fleck_status fk_pixel_metric_spill(fk_pixel_metric *m, const char *folder, int64_t budget,
                                   fleck_error *err) FLECK_MUST_CHECK;

/* Add one image: map [height, width] f32 and ground truth mask [height, width] u8 (0 good, else
 * defective; NULL: all good).  Pixels that are not 0 in left_out [height, width] (NULL: none) count
 * neither as good nor as defective.  Regions are those of the whole mask; a region with no pixel
 * left does not count.  The arrays are only borrowed.  Images may differ in size.  Several threads
 * may add to one m at the same time.
 *
 * Cost: a few passes.  Memory: 2 bytes for each good pixel, 8 for each defective one and 12 for
 * each 1/128 of an octave that has any; during the call, 4 bytes more for each pixel of an image
 * with a defect.  On failure m is unchanged:
 *   FLECK_E_IO      the temporary file cannot be made, or the disk is full
 *   FLECK_E_SHAPE   no pixel
 *   FLECK_E_FORMAT  a map value is NaN or infinite; the message says where
 *   FLECK_E_LIMIT   an image of 2^31 - 1 pixels or more, or more than 2^32 - 1 pixels in all */
fleck_status fk_pixel_metric_add(fk_pixel_metric *m, const float *map, const uint8_t *mask,
                                 const uint8_t *left_out, int64_t height, int64_t width,
                                 fleck_error *err) FLECK_MUST_CHECK;

/* The figures of all images added so far.  It may be called again, with another limit or after more
 * adds, but not while an add or another finish of m runs.
 *
 *   limit  the limit of PRO's false-positive rate, in (0, 1]; 0.3 in the literature
 *   pool   may be NULL
 *   out    the figures are NaN without a defective or without a good pixel; the counts are set
 *
 * PRO: Bergmann et al., IJCV 129 (2021).  The curve has a point for each distinct threshold: the
 * fraction of a region that is found, averaged over all regions (8-connected components of all
 * masks), against the false-positive rate over the good pixels of all images.  It starts at (0, 0),
 * ends at (1, 1), and its points are joined by straight lines; the line that crosses the limit is
 * cut there.  The result does not depend on the pool or the order of the adds.  FLECK_E_OPTION:
 * limit out of range. */
fleck_status fk_pixel_metric_finish(fk_pixel_metric *m, double limit, fk_pool *pool,
                                    fk_pixel_result *out, fleck_error *err) FLECK_MUST_CHECK;

/* 8-connected components of mask != 0.
 *
 *   labels  [height, width] i32: 0 for background; regions are 1 to *n, in raster order of their
 *           first pixels
 *
 * Allocates nothing.  FLECK_E_LIMIT: 2^31 - 1 pixels or more. */
fleck_status fk_components(int32_t *labels, int64_t *n, const uint8_t *mask, int64_t height,
                           int64_t width, fleck_error *err) FLECK_MUST_CHECK;

/* The q-quantile (0 <= q <= 1) of n values without NaN, with linear interpolation in double, like
 * NumPy's default.  Reorders the values.  NaN for n == 0.  Linear time. */
double fk_quantile(float *values, int64_t n, double q);

/* Sort n values without NaN in ascending order; -0 becomes 0.  Linear time, and memory for 2 n
 * numbers. */
fleck_status fk_sort(float *values, int64_t n, fleck_error *err) FLECK_MUST_CHECK;

/* Mean of the count largest of n values without NaN (1 <= count <= n, asserted), summed in double.
 * Reorders the values.  Linear time. */
double fk_top_mean(float *values, int64_t n, int64_t count);

#endif
