/* Traits of a photo: what it is compared by with the photos that a model has learned. */
#ifndef FK_VIEW_TRAITS_H
#define FK_VIEW_TRAITS_H

#include "image/image.h"
#include "model/kind.h"

/* Traits of pixels, RGB, of a width x height photo.  left_out: empty, or of the pixels' size, not 0
 * where they do not count; the cells' means have them as they are. */
fleck_status fk_traits_find(fk_traits *out, const fk_image *pixels, const fk_image *left_out,
                            int64_t width, int64_t height, fleck_error *err) FLECK_MUST_CHECK;

#endif
