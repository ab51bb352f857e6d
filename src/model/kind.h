/* SPDX-License-Identifier: Apache-2.0 */
/* The kind of photos that a model has learned: their shape, light, sharpness and look. */
#ifndef FK_MODEL_KIND_H
#define FK_MODEL_KIND_H

#include "base/error.h"
#include "base/json.h"
#include "tensor/safetensors.h"

/* Side and bytes of the small picture that is the look of a photo. */
#define FK_CELLS 16
#define FK_CELLS_BYTES (FK_CELLS * FK_CELLS * 3)
/* Most looks that a model keeps. */
#define FK_LOOKS 64

/* Numbers of a photo whose range is learned. */
enum { FK_TRAIT_BRIGHTNESS, FK_TRAIT_CONTRAST, FK_TRAIT_SHARPNESS, FK_TRAIT_NUMBERS };

/* The traits of a photo, measured on the network's input. */
typedef struct fk_traits {
    int64_t width, height;
    /* Mean of the luma Y, 0 to 255; log(1 + s), s its standard deviation; log((1 + l^2) / (1 +
     * s^2)), l the standard deviation of its Laplacian.  NaN if no pixel counts. */
    double numbers[FK_TRAIT_NUMBERS];
    uint8_t cells[FK_CELLS_BYTES]; /* [16, 16, 3] means of the picture's cells */
} fk_traits;

/* Valid when zeroed: nothing is known.  Owned. */
typedef struct fk_kind {
    int64_t images;              /* number of learned images; 0: nothing is known */
    int64_t width[2], height[2]; /* least and greatest */
    double aspect[2];            /* least and greatest width / height */
    /* Least and greatest of each number, margins included; infinite if too few images were
     * learned. */
    double numbers[FK_TRAIT_NUMBERS][2];
    /* A photo that is farther from every look shows another part; infinite if too few were
     * learned. */
    double distance;
    int64_t n_looks;
    uint8_t *cells; /* [n_looks, FK_CELLS_BYTES] */
    float *looks;   /* [n_looks, FK_CELLS_BYTES] u of the cells, see kind.c */
} fk_kind;

void fk_kind_free(fk_kind *k);
/* Learn from the traits of n >= 1 good photos.  A range is what they span, and on each side a
 * margin of 3 standard deviations or a fixed minimum; margins are 1 + 5 / n times as wide.  Each
 * look is the photo farthest from the looks before it.  The distance is 1.25 times the largest
 * distance of a photo from its nearest look but itself, or a fixed minimum. */
fleck_status fk_kind_learn(fk_kind *k, const fk_traits *const *traits, int64_t n,
                           fleck_error *err) FLECK_MUST_CHECK;
/* The respects in which a photo is unlike all learned photos: bits of fleck_unlike. */
unsigned fk_kind_compare(const fk_kind *k, const fk_traits *t);
/* Distance of the nearest look; 0 if there are no looks. */
double fk_kind_distance(const fk_kind *k, const fk_traits *t);

/* Save object "kind" and tensor "kind.looks", which is borrowed until the writer's commit. */
fleck_status fk_kind_save(const fk_kind *k, fk_st_writer *w, fk_json *object,
                          fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_kind_load(fk_kind *k, const fk_st_reader *r, const fk_json *object,
                          fleck_error *err) FLECK_MUST_CHECK;

#endif
