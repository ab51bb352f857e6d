/* Labelled test images and what an evaluation gathers of them, whoever made the maps. */
#ifndef FK_EVALUATE_TESTSET_H
#define FK_EVALUATE_TESTSET_H

#include "fleck_tools.h"
#include "dataset/dataset.h"
#include "image/image.h"
#include "metric/bins.h"
#include "metric/metric.h"
#include "model/model.h"
#include "view/mask.h"

#include <stdatomic.h>

/* Valid when zeroed; see fk_testset_free(). */
typedef struct fk_testset {
    const fk_samples *samples; /* borrowed */
    double *scores;            /* [samples->count], in order of adding */
    uint8_t *labels;           /* [samples->count] */
    int64_t n;
    fk_pixel_metric *pixel; /* NULL without masks */
    fk_mask_notes notes;    /* of masks, said by fk_testset_finish() */
    fk_warn warn;
    fk_bins *bins; /* borrowed; NULL, or [samples->count]: those of the maps added */
    atomic_bool has_outlines;
    _Atomic int64_t outlined, hit; /* pixels: outlined, and those of them that are defective */
} fk_testset;

/* scratch: a folder for temporary files, where pixels are kept beyond FK_TESTSET_BYTES; NULL: all
 * are kept in memory. */
fleck_status fk_testset_open(fk_testset *t, const fk_samples *samples, const char *scratch,
                             fk_warn warn, fleck_error *err) FLECK_MUST_CHECK;
#define FK_TESTSET_BYTES (INT64_C(64) << 20)
void fk_testset_free(fk_testset *t);

/* Load the mask of sample i's defects, or (ignore) of what it leaves out, as it belongs to a map:
 * brought to the crop of p, or (p NULL) at its own size, which must be width x height.  Empty where
 * there is none.  *kinds as fk_mask_load() sets them. */
fleck_status fk_testset_mask(const fk_testset *t, int64_t i, bool ignore, const fk_preprocess *p,
                             int64_t width, int64_t height, fk_image *out, unsigned *kinds,
                             fleck_error *err) FLECK_MUST_CHECK;

/* Count the map [height, width] of sample i with its mask (data NULL: all good), but for the pixels
 * that are not 0 in left_out (data NULL: none); does nothing without masks. May be called by
 * several threads at once; figures do not depend on the order.
 * FLECK_E_NOMEM, FLECK_E_IO and FLECK_E_NOTFOUND (of the temporary file) are no fault of the
 * sample. */
fleck_status fk_testset_add_map(fk_testset *t, int64_t i, const float *map, int64_t height,
                                int64_t width, const fk_image *mask, const fk_image *left_out,
                                fleck_error *err) FLECK_MUST_CHECK;
/* Count what is outlined above level of a map that fk_testset_add_map() has taken; NaN: nothing is
 * known of it.  May be called by several threads at once. */
void fk_testset_add_outline(fk_testset *t, double level, const float *map, int64_t n,
                            const fk_image *mask, const fk_image *left_out);
/* Note what is to be said of sample i's mask, and of that of what is left out.  One call at a
 * time. */
fleck_status fk_testset_note(fk_testset *t, int64_t i, unsigned kinds, unsigned ignored,
                             fleck_error *err) FLECK_MUST_CHECK;
/* Add sample i's score. */
void fk_testset_add_score(fk_testset *t, int64_t i, double score);

/* Compute every figure into out (which keeps its other fields). */
fleck_status fk_testset_finish(fk_testset *t, double pro_limit, fk_pool *pool, fleck_report *out,
                               fleck_error *err) FLECK_MUST_CHECK;

#endif
