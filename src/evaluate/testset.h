/* SPDX-License-Identifier: Apache-2.0 */
/* Labelled test images, and what an evaluation counts of their scores and maps. */
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
    fk_pixel_metric *pixel; /* NULL without ground truth */
    fk_mask_notes notes;    /* of mask files; fk_testset_finish() warns of them */
    fk_warn warn;
    fk_bins *bins; /* borrowed; NULL, or [samples->count], filled by fk_testset_add_map() */
    atomic_bool has_outlines;
    _Atomic int64_t outlined, hit; /* outlined pixels, and those that are defective */
} fk_testset;

/* scratch: folder of temporary files for pixels beyond FK_TESTSET_BYTES; NULL: all pixels stay in
 * memory. */
fleck_status fk_testset_open(fk_testset *t, const fk_samples *samples, const char *scratch,
                             fk_warn warn, fleck_error *err) FLECK_MUST_CHECK;
#define FK_TESTSET_BYTES (INT64_C(64) << 20)
void fk_testset_free(fk_testset *t);

/* Path of the ground truth of sample i, NULL if there is none. */
const char *fk_testset_truth(const fk_testset *t, int64_t i);

/* Count the map [height, width] of sample i with its ground truth, mask (data NULL: all good),
 * without pixels that are not 0 in left_out (data NULL: none).  It does nothing if no sample has
 * ground truth.  Several threads may call it; figures do not depend on the order.
 * FLECK_E_NOMEM, FLECK_E_IO and FLECK_E_NOTFOUND (of the temporary file) are not errors of the
 * sample. */
fleck_status fk_testset_add_map(fk_testset *t, int64_t i, const float *map, int64_t height,
                                int64_t width, const fk_image *mask, const fk_image *left_out,
                                fleck_error *err) FLECK_MUST_CHECK;
/* Count the pixels above level of a map that was added by fk_testset_add_map(); NaN: it has no
 * level.  Several threads may call it. */
void fk_testset_add_outline(fk_testset *t, double level, const float *map, int64_t n,
                            const fk_image *mask, const fk_image *left_out);
/* Record the kinds of sample i's ground truth and of its ignored region, for warnings.  Only one
 * thread may call it at a time. */
fleck_status fk_testset_note(fk_testset *t, int64_t i, unsigned kinds, unsigned ignored,
                             fleck_error *err) FLECK_MUST_CHECK;
/* Add sample i's score. */
void fk_testset_add_score(fk_testset *t, int64_t i, double score);

/* Compute all figures into out; its other fields are unchanged. */
fleck_status fk_testset_finish(fk_testset *t, double pro_limit, fk_pool *pool, fleck_report *out,
                               fleck_error *err) FLECK_MUST_CHECK;

#endif
