/* SPDX-License-Identifier: Apache-2.0 */
/* From an image's pixels to the network's crop and back, for masks and maps. */
#ifndef FK_VIEW_PLACE_H
#define FK_VIEW_PLACE_H

#include "image/image.h"
#include "model/model.h"

/* Map of the crop [crop_height, crop_width] -> map of the image, out [height, width].  The centre
 * of each pixel is mapped through resize and crop.  Inside the crop, the map is sampled bilinearly
 * (clamped half a pixel at its border); outside, the pixel gets the map's lowest value.  If images
 * keep their own size, the map is copied. */
void fk_place_map(float *out, int64_t height, int64_t width, const float *map,
                  const fk_preprocess *p);

/* Mask of the image -> mask of the crop, grey, as in the published code: nearest resize, centre
 * crop. */
fleck_status fk_place_mask(fk_image *out, const fk_image *mask, const fk_preprocess *p,
                           fleck_error *err) FLECK_MUST_CHECK;

/* Mask of the crop -> mask of the image, out [height, width]: the nearest pixel, 0 outside the
 * crop. */
void fk_place_mask_back(uint8_t *out, int64_t height, int64_t width, const uint8_t *mask,
                        const fk_preprocess *p);

/* Set pixels of out [height, width] outside the crop to 255; others are unchanged. */
void fk_place_outside(uint8_t *out, int64_t height, int64_t width, const fk_preprocess *p);
/* Share of an image outside the crop. */
double fk_place_outside_share(const fk_preprocess *p);

#endif
