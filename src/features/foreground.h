/* SPDX-License-Identifier: Apache-2.0 */
/* Foreground: the positions of a photo that show the part, not what it lies on. */
#ifndef FK_FEATURES_FOREGROUND_H
#define FK_FEATURES_FOREGROUND_H

#include "features/embed.h"

/* A rule that tells foreground from background by a position's feature.  Valid when zeroed;
 * owned. */
typedef struct fk_foreground {
    int64_t dim;      /* of the features; 0: no rule, so that the whole photo counts */
    float *axis;      /* [dim] of length 1 */
    double threshold; /* positions with a larger coordinate on the axis are foreground */
    double share;     /* mean share of foreground positions in the good photos */
    double least;     /* smallest share of foreground positions in a good photo */
} fk_foreground;

/* Where a feature of a sample comes from. */
enum { FK_PLACE_BETWEEN, FK_PLACE_CENTRE, FK_PLACE_BORDER };

/* What was seen while a rule was looked for. */
typedef struct fk_foreground_signs {
    double separation; /* share of the variance along the axis that lies between the two sides */
    double contrast;   /* share of centre that is foreground, less that of the border */
} fk_foreground_signs;

/* Least values of a clear foreground, see foreground.c. */
#define FK_FOREGROUND_SEPARATION 0.75
#define FK_FOREGROUND_CONTRAST 0.5

void fk_foreground_free(fk_foreground *f);

/* Where position (y, x) of a height x width grid lies: in its outermost ring, in the inner three
 * fifths of both directions, or between. */
int fk_foreground_place(int64_t y, int64_t x, int64_t height, int64_t width);

/* Find the rule of a sample of good photos' features.
 *
 *   x       [n, dim]
 *   places  [n] FK_PLACE_...
 *   signs   what was seen, may be NULL
 *
 * out->dim is 0 if there is no clear foreground.  share and least are left 0.
 * Cost: up to 200 n dim multiply-adds in double. */
fleck_status fk_foreground_learn(fk_foreground *out, const float *x, const uint8_t *places,
                                 int64_t n, int64_t dim, fk_foreground_signs *signs,
                                 fleck_error *err) FLECK_MUST_CHECK;

/* Set shown [height * width] to 1 where the level's position is foreground, and *above to the share
 * of positions above the threshold, before it is dilated and holes are filled. */
fleck_status fk_foreground_find(uint8_t *shown, double *above, const fk_foreground *f,
                                const fk_level *level, fleck_error *err) FLECK_MUST_CHECK;

/* Save the axis as tensor "foreground.axis", which is borrowed until the writer's commit, and the
 * rest in meta. */
fleck_status fk_foreground_save(const fk_foreground *f, fk_st_writer *w, fk_json *meta,
                                fleck_error *err) FLECK_MUST_CHECK;
/* Load a saved rule; meta may be NULL, which is no rule, or have any contents: FLECK_E_FORMAT,
 * FLECK_E_NOTFOUND and FLECK_E_SHAPE say what is wrong. */
fleck_status fk_foreground_load(fk_foreground *out, int64_t dim, const fk_st_reader *r,
                                const fk_json *meta, fleck_error *err) FLECK_MUST_CHECK;

#endif
