/* SPDX-License-Identifier: Apache-2.0 */
/* Rotated copies of a canvas, for learning parts that lie at any angle. */
#ifndef FK_VIEW_ROTATE_H
#define FK_VIEW_ROTATE_H

#include "image/image.h"

/* Rotate im [height, width, channels] by `turn` of `turns` of a full circle about its centre, into
 * out of the same size, by cubic convolution.  What lies outside is reflected at the edges.  A
 * quarter of a square image is exact. */
void fk_rotate_pixels(uint8_t *out, const fk_image *im, int64_t turn, int64_t turns);

/* Set out [height, width] to 255 where the nearest pixel of mask, rotated so, is not 0, and where
 * there is none.  mask has data NULL: nothing is masked. */
void fk_rotate_mask(uint8_t *out, const fk_image *mask, int64_t height, int64_t width, int64_t turn,
                    int64_t turns);

#endif
