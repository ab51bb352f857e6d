/* SPDX-License-Identifier: Apache-2.0 */
/* What photos a model has learned from: their shape, light, sharpness and look, to tell others
 * by. */
#ifndef FK_MODEL_KIND_H
#define FK_MODEL_KIND_H

#include "base/error.h"
#include "base/json.h"
#include "tensor/safetensors.h"

/* Side of the small picture that looks are compared by, and its bytes. */
#define FK_CELLS 16
#define FK_CELLS_BYTES (FK_CELLS * FK_CELLS * 3)
/* Most looks that a model keeps. */
#define FK_LOOKS 64

/* Numbers of a photo whose range is learned. */
enum { FK_TRAIT_BRIGHTNESS, FK_TRAIT_CONTRAST, FK_TRAIT_SHARPNESS, FK_TRAIT_NUMBERS };

/* One photo, as it comes to the network but for its size. */
typedef struct fk_traits {
    int64_t width, height;
    /* Mean of the luma, 0 to 255; log (1 + its standard deviation); log of the variance of its
     * Laplacian by its own, each 1 more.  NaN where nothing counts. */
    double numbers[FK_TRAIT_NUMBERS];
    uint8_t cells[FK_CELLS_BYTES]; /* [16, 16, 3] means of the picture's cells */
} fk_traits;

/* Valid when zeroed: nothing is known.  Owned. */
typedef struct fk_kind {
    int64_t images;              /* learned; 0: nothing is known */
    int64_t width[2], height[2]; /* least and most */
    double aspect[2];            /* width / height */
    double numbers[FK_TRAIT_NUMBERS]
                  [2]; /* with a margin; infinite where too few images were learned */
    /* from the nearest look beyond which a photo is of another part; infinite likewise */
    double distance;
    int64_t n_looks;
    uint8_t *cells; /* [n_looks, FK_CELLS_BYTES] */
    float *looks;   /* the same of even light */
} fk_kind;

void fk_kind_free(fk_kind *k);
/* Learn from the traits of n >= 1 good photos.  A range is what they span and 3 standard deviations
 * on each side, but a fixed least.  Margins are 1 + 5 / n times as wide.  Looks are chosen so that
 * each is as far as may be from those before it; the distance is 1.25 times the largest of a photo
 * from its nearest look but itself, but a fixed least. */
fleck_status fk_kind_learn(fk_kind *k, const fk_traits *const *traits, int64_t n,
                           fleck_error *err) FLECK_MUST_CHECK;
/* In what a photo is unlike all learned: bits of fleck_unlike. */
unsigned fk_kind_compare(const fk_kind *k, const fk_traits *t);
/* Distance of the nearest look; 0 where there is none. */
double fk_kind_distance(const fk_kind *k, const fk_traits *t);

/* Object "kind" and tensor "kind.looks", which is borrowed until the writer's commit. */
fleck_status fk_kind_save(const fk_kind *k, fk_st_writer *w, fk_json *object,
                          fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_kind_load(fk_kind *k, const fk_st_reader *r, const fk_json *object,
                          fleck_error *err) FLECK_MUST_CHECK;

#endif
