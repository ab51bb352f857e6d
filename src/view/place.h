/* Between an image's own pixels and the network's crop: maps go back, masks come forward. */
#ifndef FK_VIEW_PLACE_H
#define FK_VIEW_PLACE_H

#include "image/image.h"
#include "model/model.h"

/* Bring map [crop_height, crop_width] back to the image: out [height, width].  Each pixel's centre
 * is taken through resize and crop; inside the crop the map is read bilinearly (clamped half a
 * pixel at its border), outside it the pixel gets the map's lowest value.  Where images keep their
 * own size the map is copied. */
void fk_place_map(float *out, int64_t height, int64_t width, const float *map,
                  const fk_preprocess *p);

/* Bring a mask to the crop as the published code does: nearest resize, centre crop; grey. */
fleck_status fk_place_mask(fk_image *out, const fk_image *mask, const fk_preprocess *p,
                           fleck_error *err) FLECK_MUST_CHECK;

/* Bring a mask of the crop back to an image: out [height, width], the nearest pixel's, 0 outside
 * the crop. */
void fk_place_mask_back(uint8_t *out, int64_t height, int64_t width, const uint8_t *mask,
                        const fk_preprocess *p);

/* Set out [height, width] to 255 at the pixels of an image that lie outside the crop; the others
 * stay. */
void fk_place_outside(uint8_t *out, int64_t height, int64_t width, const fk_preprocess *p);
/* Share of an image outside the crop. */
double fk_place_outside_share(const fk_preprocess *p);

#endif
