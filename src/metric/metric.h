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

/* A NaN score is FLECK_E_FORMAT and says which. */
fleck_status fk_metric_ranking(fk_ranking *out, const double *scores, const uint8_t *labels,
                               int64_t n, fleck_error *err) FLECK_MUST_CHECK;

/* Maps and masks of one category, collected image by image. */
typedef struct fk_pixel_metric fk_pixel_metric;

typedef struct fk_pixel_result {
    fk_ranking ranking; /* over all pixels of all images */
    double pro;         /* area under PRO(FPR) for FPR in [0, limit], divided by limit */
    int64_t regions, pixels, defective_pixels;
} fk_pixel_result;

fleck_status fk_pixel_metric_open(fk_pixel_metric **out, fleck_error *err) FLECK_MUST_CHECK;
void fk_pixel_metric_close(fk_pixel_metric **m);
/* Add one image: map [H, W] f32, mask [H, W] u8 (0 good, else defective; NULL: all good). Both are
 * copied as needed.  NaN or infinite map values are FLECK_E_FORMAT. */
fleck_status fk_pixel_metric_add(fk_pixel_metric *m, const float *map, const uint8_t *mask,
                                 int64_t height, int64_t width, fleck_error *err) FLECK_MUST_CHECK;
/* limit: PRO's FPR limit, 0.3 in the literature. The result does not depend on pool or order of
 * adds. */
fleck_status fk_pixel_metric_finish(fk_pixel_metric *m, double limit, fk_pool *pool,
                                    fk_pixel_result *out, fleck_error *err) FLECK_MUST_CHECK;

/* 8-connected components of mask != 0: labels [H, W] i32, 0 background, 1..*n in raster order of
 * their first pixel. */
fleck_status fk_components(int32_t *labels, int64_t *n, const uint8_t *mask, int64_t height,
                           int64_t width, fleck_error *err) FLECK_MUST_CHECK;

/* The q-quantile (0..1) of n values, linear interpolation as NumPy's default; values are reordered.
 */
double fk_quantile(float *values, int64_t n, double q);

#endif
