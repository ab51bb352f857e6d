/* SPDX-License-Identifier: Apache-2.0 */
/* The resamplers behind fk_image_resize(): out is allocated, its size says what is wanted. */
#ifndef FK_IMAGE_RESIZE_RESIZE_H
#define FK_IMAGE_RESIZE_RESIZE_H

#include "image/image.h"

/* The part of a resized image that is wanted: out's size, from x, y on, of width x height. */
typedef struct fk_part {
    int64_t width, height, x, y;
} fk_part;

/* Bilinear, bicubic and Lanczos as Pillow computes them.  Both sides of the whole change, or all of
 * it is wanted. */
fleck_status fk_resize_pillow(fk_image *out, const fk_image *src, const fk_part *part,
                              fk_filter filter, fleck_error *err) FLECK_MUST_CHECK;

/* Nearest as Pillow computes it. */
fleck_status fk_resize_nearest(fk_image *out, const fk_image *src,
                               fleck_error *err) FLECK_MUST_CHECK;

/* INTER_AREA as OpenCV computes it. */
fleck_status fk_resize_area(fk_image *out, const fk_image *src, fleck_error *err) FLECK_MUST_CHECK;

#endif
