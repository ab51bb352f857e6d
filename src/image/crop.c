/* SPDX-License-Identifier: Apache-2.0 */
/* The centre crop. */
#include "image/decode.h"

#include <string.h>

int64_t fk_crop_offset(int64_t size, int64_t crop)
{
    int64_t half = (size - crop) / 2;

    /* round((size - crop) / 2.0) with ties to even: n + 0.5 becomes n if n is even. */
    return (size - crop) % 2 != 0 ? half + half % 2 : half;
}

fleck_status fk_image_crop_centre(fk_image *out, const fk_image *src, int64_t width, int64_t height,
                                  fleck_error *err)
{
    int64_t x0 = fk_crop_offset(src->width, width), y0 = fk_crop_offset(src->height, height);
    int64_t c = src->channels;
    fleck_status st;

    *out = (fk_image){0};
    if (width < 1 || height < 1 || width > src->width || height > src->height)
        return fk_error_set(err, FLECK_E_SHAPE, "cannot crop %lldx%lld from an image of %lldx%lld",
                            (long long)width, (long long)height, (long long)src->width,
                            (long long)src->height);
    st = fk_image_alloc(out, width, height, src->channels, err);
    if (st != FLECK_OK)
        return st;
    for (int64_t y = 0; y < height; y++)
        memcpy(out->data + y * width * c, src->data + ((y0 + y) * src->width + x0) * c,
               (size_t)(width * c));
    return FLECK_OK;
}
