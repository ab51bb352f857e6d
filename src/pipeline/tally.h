/* What an evaluation gathers, image by image, whoever made the maps. */
#ifndef FK_PIPELINE_TALLY_H
#define FK_PIPELINE_TALLY_H

#include "dataset/dataset.h"
#include "image/image.h"
#include "metric/metric.h"
#include "model/model.h"

/* Valid when zeroed; see fk_tally_free(). */
typedef struct fk_tally {
    fk_samples samples;
    bool has_masks;
    double *scores;  /* [samples.count], in order of adding */
    uint8_t *labels; /* [samples.count] */
    int64_t n;
    fk_pixel_metric *pixel; /* NULL without masks */
} fk_tally;

/* List the test images of path. */
fleck_status fk_tally_open(fk_tally *t, const char *path, fleck_error *err) FLECK_MUST_CHECK;
void fk_tally_free(fk_tally *t);

/* Load the mask of sample i as it belongs to a map: brought to the crop of p, or (p NULL) at its
 * own size, which must be width x height.  A good image gives an empty mask. */
fleck_status fk_tally_mask(const fk_tally *t, int64_t i, const fk_preprocess *p, int64_t width,
                           int64_t height, fk_image *out, fleck_error *err) FLECK_MUST_CHECK;

/* Add sample i: its score, and its map [height, width] with mask (data NULL: all good). */
fleck_status fk_tally_add(fk_tally *t, int64_t i, double score, const float *map, int64_t height,
                          int64_t width, const fk_image *mask, fleck_error *err) FLECK_MUST_CHECK;

/* Compute every figure into out (which keeps its other fields). */
fleck_status fk_tally_finish(fk_tally *t, double pro_limit, fk_pool *pool, fleck_report *out,
                             fleck_error *err) FLECK_MUST_CHECK;

#endif
