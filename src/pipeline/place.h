/* Between an image's own pixels and the network's crop: maps go back, masks come forward. */
#ifndef FK_PIPELINE_PLACE_H
#define FK_PIPELINE_PLACE_H

#include "image/image.h"
#include "model/model.h"

/* Bring map [crop_height, crop_width] back to the image: out [height, width].  Each pixel's centre
 * is taken through resize and crop; inside the crop the map is read bilinearly (clamped half a
 * pixel at its border), outside it the pixel gets the map's lowest value. */
void fk_place_map(float *out, int64_t height, int64_t width, const float *map,
                  const fk_preprocess *p);

/* Bring a mask to the crop as the published code does: nearest resize, centre crop; grey. */
fleck_status fk_place_mask(fk_image *out, const fk_image *mask, const fk_preprocess *p,
                           fleck_error *err) FLECK_MUST_CHECK;

#endif
