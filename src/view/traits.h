/* SPDX-License-Identifier: Apache-2.0 */
/* Traits of a photo, by which it is compared with the learned photos. */
#ifndef FK_VIEW_TRAITS_H
#define FK_VIEW_TRAITS_H

#include "image/image.h"
#include "model/kind.h"

/* Compute the traits of a width x height photo from its RGB pixels.  left_out: empty, or an image
 * of the pixels' size that is not 0 in the ignored region.  The cells' means include ignored
 * pixels. */
fleck_status fk_traits_find(fk_traits *out, const fk_image *pixels, const fk_image *left_out,
                            int64_t width, int64_t height, fleck_error *err) FLECK_MUST_CHECK;

#endif
