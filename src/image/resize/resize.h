/* SPDX-License-Identifier: Apache-2.0 */
/* The resamplers of fk_image_resize(): out is already allocated in the wanted size. */
#ifndef FK_IMAGE_RESIZE_RESIZE_H
#define FK_IMAGE_RESIZE_RESIZE_H

#include "image/image.h"

/* A part of an image resized to width x height: it begins at x, y and has out's size. */
typedef struct fk_part {
    int64_t width, height, x, y;
} fk_part;

/* Bilinear, bicubic and Lanczos as Pillow computes them.  If the part is not the whole image, both
 * sides of the whole must differ from those of src. */
fleck_status fk_resize_pillow(fk_image *out, const fk_image *src, const fk_part *part,
                              fk_filter filter, fleck_error *err) FLECK_MUST_CHECK;

/* Nearest as Pillow computes it. */
fleck_status fk_resize_nearest(fk_image *out, const fk_image *src,
                               fleck_error *err) FLECK_MUST_CHECK;

/* INTER_AREA as OpenCV computes it. */
fleck_status fk_resize_area(fk_image *out, const fk_image *src, fleck_error *err) FLECK_MUST_CHECK;

#endif
