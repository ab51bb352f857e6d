/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: ROC-AUC, average precision, F1-max and PRO; exact, ties kept together. */
#ifndef FK_METRIC_METRIC_H
#define FK_METRIC_METRIC_H

#include "base/pool.h"

/* Ranking quality of n scores with labels (0 good, 1 defective).  NaN where a class is empty. */
typedef struct fk_ranking {
    double auroc;           /* area under ROC: P(s+ > s-) + P(s+ == s-) / 2 */
    double ap;              /* step-wise average precision, sum (R_n - R_n-1) P_n */
    double f1max;           /* largest F1 over all thresholds "score >= t is defective" */
    double f1max_threshold; /* the t of it, the largest where several reach it */
} fk_ranking;

/* Rank n scores [n] by labels [n] (0 good, else defective).  Infinities have their place; a NaN is
 * FLECK_E_FORMAT and says which.  More than 2^32 - 1 scores are FLECK_E_LIMIT.  Thresholds step at
 * distinct scores only, as in scikit-learn's roc_auc_score and average_precision_score.  The order
 * of the items changes no bit.  On failure out is NaN throughout. */
fleck_status fk_metric_ranking(fk_ranking *out, const double *scores, const uint8_t *labels,
                               int64_t n, fleck_error *err) FLECK_MUST_CHECK;

/* One threshold: how many defective and how many good items are called "score >= threshold". */
typedef struct fk_curve_point {
    double threshold;
    int64_t found, alarms;
} fk_curve_point;

/* The points of n scores' ROC and precision-recall curves into out [n + 1], *n_points of them: one
 * a distinct score, falling, behind one that calls nothing.  FLECK_E_FORMAT: a score is NaN. */
fleck_status fk_metric_curve(fk_curve_point *out, int64_t *n_points, const double *scores,
                             const uint8_t *labels, int64_t n, fleck_error *err) FLECK_MUST_CHECK;

/* Maps and masks of one category, collected image by image. */
typedef struct fk_pixel_metric fk_pixel_metric;

typedef struct fk_pixel_result {
    fk_ranking ranking; /* over all pixels of all images */
    double pro;         /* area under PRO(FPR) for FPR in [0, limit], divided by limit; 0..1 */
    int64_t regions, pixels, defective_pixels;
} fk_pixel_result;

fleck_status fk_pixel_metric_open(fk_pixel_metric **out, fleck_error *err) FLECK_MUST_CHECK;
void fk_pixel_metric_close(fk_pixel_metric **m);

/* From now on keep what comes beyond `budget` bytes in a temporary file without a name in folder;
 * the figures are the same.  Without this call all stays in memory. */
fleck_status fk_pixel_metric_spill(fk_pixel_metric *m, const char *folder, int64_t budget,
                                   fleck_error *err) FLECK_MUST_CHECK;

/* Add one image: map [height, width] f32, mask [height, width] u8 (0 good, else defective; NULL:
 * all good), without the pixels that are not 0 in left_out [height, width] (NULL: all count): they
 * are neither good nor defective.  Regions are those of the whole mask; one with no pixel left is
 * none.  Nothing is kept.  Images may differ in size, and several threads may add to one m at the
 * same time.
 *
 * Cost: a few passes; keeps 2 bytes a good pixel, 8 a defective one and 12 for each 1/128 of an
 * octave in which there are any, and uses 4 of each pixel in an image with a defect while it runs.
 * Errors, with m as it was:
 *   FLECK_E_IO      the temporary file cannot be made, or the disk is full
 *   FLECK_E_SHAPE   no pixel
 *   FLECK_E_FORMAT  a map value is NaN or infinite; says where
 *   FLECK_E_LIMIT   an image of 2^31 - 1 pixels or more, or more than 2^32 - 1 pixels in all */
fleck_status fk_pixel_metric_add(fk_pixel_metric *m, const float *map, const uint8_t *mask,
                                 const uint8_t *left_out, int64_t height, int64_t width,
                                 fleck_error *err) FLECK_MUST_CHECK;

/* The figures of all images added so far.  What was added stays, so this may be called again, with
 * another limit or after more adds, but not while an add or another finish of m runs.
 *
 *   limit  of PRO's false-positive rate, in (0, 1]; 0.3 in the literature
 *   pool   NULL is legal
 *   out    NaN without a defective or without a good pixel, the counts then still set
 *
 * PRO: Bergmann et al., IJCV 129 (2021).  For each distinct threshold the share of
 * every region that is found, averaged over all regions (8-connected components of every mask, all
 * images pooled), against the false-positive rate over the good pixels of all images, good images
 * and defective ones.  The curve starts at (0, 0) and its points are joined by straight lines; the
 * line that crosses the limit is cut there.  It always ends at (1, 1), so that it reaches any
 * limit. Neither pool nor the order of the adds changes a bit.  FLECK_E_OPTION: limit out of range.
 */
fleck_status fk_pixel_metric_finish(fk_pixel_metric *m, double limit, fk_pool *pool,
                                    fk_pixel_result *out, fleck_error *err) FLECK_MUST_CHECK;

/* 8-connected components of mask != 0.
 *
 *   labels [height, width] i32: 0 background, 1..*n in raster order of each region's first pixel
 *
 * Allocates nothing.  FLECK_E_LIMIT: 2^31 - 1 pixels or more. */
fleck_status fk_components(int32_t *labels, int64_t *n, const uint8_t *mask, int64_t height,
                           int64_t width, fleck_error *err) FLECK_MUST_CHECK;

/* The q-quantile (0 <= q <= 1) of n values without NaN, with linear interpolation in double, as
 * NumPy's default; values are reordered.  NaN for n == 0.  Linear time. */
double fk_quantile(float *values, int64_t n, double q);

/* Sort n values without NaN upward; -0 becomes 0.  Linear time, and memory for 2 n numbers. */
fleck_status fk_sort(float *values, int64_t n, fleck_error *err) FLECK_MUST_CHECK;

/* Mean of the count largest of n values without NaN (1 <= count <= n, asserted), summed in double;
 * values are reordered.  Linear time. */
double fk_top_mean(float *values, int64_t n, int64_t count);

#endif
