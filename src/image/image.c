/* SPDX-License-Identifier: Apache-2.0 */
/* Images in memory: allocation, limits, conversion between grey and RGB. */
#include "image/image.h"

#include "base/mem.h"
#include "image/decode.h"

#include <assert.h>
#include <string.h>

fleck_status fk_image_check_size(int64_t width, int64_t height, int64_t max_pixels,
                                 fleck_error *err)
{
    if (width < 1 || height < 1)
        return fk_error_set(err, FLECK_E_FORMAT, "expected an image with pixels, found %lldx%lld",
                            (long long)width, (long long)height);
    if (width > FK_IMAGE_MAX_SIDE || height > FK_IMAGE_MAX_SIDE)
        return fk_error_set(err, FLECK_E_LIMIT, "%lldx%lld pixels, the limit is %d a side",
                            (long long)width, (long long)height, FK_IMAGE_MAX_SIDE);
    if (width * height > max_pixels)
        return fk_error_set(err, FLECK_E_LIMIT,
                            "%lldx%lld pixels, the limit is %lld in all (--max-pixels sets it)",
                            (long long)width, (long long)height, (long long)max_pixels);
    return FLECK_OK;
}

fleck_status fk_image_alloc(fk_image *out, int64_t width, int64_t height, int channels,
                            fleck_error *err)
{
    fleck_status st;

    assert(channels == 1 || channels == 3);
    *out = (fk_image){0};
    st = fk_image_check_size(width, height, INT64_MAX, err);
    if (st == FLECK_OK)
        st = FK_ALLOC(&out->data, width * height * channels, err);
    if (st != FLECK_OK)
        return st;
    out->width = width;
    out->height = height;
    out->channels = channels;
    return FLECK_OK;
}

fleck_status fk_image_init(fk_image *out, int64_t width, int64_t height, int channels,
                           fleck_error *err)
{
    fleck_status st = fk_image_alloc(out, width, height, channels, err);

    if (st == FLECK_OK)
        memset(out->data, 0, (size_t)(width * height * channels));
    return st;
}

void fk_image_free(fk_image *im)
{
    fk_free(im->data);
    *im = (fk_image){0};
}

static void grey_from_rgb(uint8_t *grey, const uint8_t *rgb, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        int sum = 299 * rgb[3 * i] + 587 * rgb[3 * i + 1] + 114 * rgb[3 * i + 2];

        grey[i] = (uint8_t)((sum + 500) / 1000);
    }
}

static void rgb_from_grey(uint8_t *rgb, const uint8_t *grey, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        rgb[3 * i] = rgb[3 * i + 1] = rgb[3 * i + 2] = grey[i];
}

fleck_status fk_image_convert(fk_image *im, fk_image_want want, fleck_error *err)
{
    int channels = want == FK_IMAGE_RGB ? 3 : 1;
    fk_image other;
    fleck_status st;

    if (im->channels == channels)
        return FLECK_OK;
    st = fk_image_alloc(&other, im->width, im->height, channels, err);
    if (st != FLECK_OK)
        return st;
    if (channels == 1)
        grey_from_rgb(other.data, im->data, im->width * im->height);
    else
        rgb_from_grey(other.data, im->data, im->width * im->height);
    fk_image_free(im);
    *im = other;
    return FLECK_OK;
}
