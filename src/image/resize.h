/* The resamplers behind fk_image_resize(): out is allocated, its size says what is wanted. */
#ifndef FK_IMAGE_RESIZE_H
#define FK_IMAGE_RESIZE_H

#include "image/image.h"

/* Bilinear, bicubic and Lanczos as Pillow computes them. */
fleck_status fk_resize_pillow(fk_image *out, const fk_image *src, fk_filter filter,
                              fleck_error *err) FLECK_MUST_CHECK;

/* Nearest as Pillow computes it. */
fleck_status fk_resize_nearest(fk_image *out, const fk_image *src,
                               fleck_error *err) FLECK_MUST_CHECK;

/* INTER_AREA as OpenCV computes it. */
fleck_status fk_resize_area(fk_image *out, const fk_image *src, fleck_error *err) FLECK_MUST_CHECK;

#endif
