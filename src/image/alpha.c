/* SPDX-License-Identifier: Apache-2.0 */
/* Transparency: colours of transparent pixels must not show. */
#include "image/decode.h"

#include <string.h>

static bool is_opaque(const void *alpha, int64_t step, int bytes, int64_t n)
{
    const uint16_t *wide = alpha;
    const uint8_t *narrow = alpha;
    uint16_t least = 0xffff;

    if (bytes == 1)
        least = 0xff;
    for (int64_t i = 0; i < n && bytes == 1; i++)
        least &= narrow[i * step];
    for (int64_t i = 0; i < n && bytes == 2; i++)
        least &= wide[i * step];
    return least == (bytes == 1 ? 0xff : 0xffff);
}

fleck_status fk_decoded_alpha(fk_decoded *out, const void *alpha, int64_t step, int bytes,
                              fleck_error *err)
{
    int64_t n = out->image.width * out->image.height;
    const uint16_t *wide = alpha;
    const uint8_t *narrow = alpha;
    fleck_status st;

    if (is_opaque(alpha, step, bytes, n))
        return FLECK_OK;
    FK_DO(fk_image_alloc(&out->alpha, out->image.width, out->image.height, 1, err));
    for (int64_t i = 0; i < n; i++)
        out->alpha.data[i] =
            bytes == 1 ? narrow[i * step] : fk_sample_scale(wide[i * step], FK_IMAGE_WIDEST);
done:
    return st;
}

/* Blend a sample v of opacity a over b. */
static uint8_t over(uint32_t v, uint32_t a, uint32_t b, bool premultiplied)
{
    uint32_t sum = (premultiplied ? 255 * v : a * v) + (255 - a) * b;

    return sum > 255 * 255 ? 255 : (uint8_t)((sum + 127) / 255);
}

void fk_decoded_blend(fk_decoded *out, const uint8_t background[3])
{
    int64_t n = out->alpha.width * out->alpha.height, channels = out->image.channels == 1 ? 1 : 3;
    uint8_t colour[3] = {background[0], background[1], background[2]};

    if (channels == 1)
        colour[0] =
            (uint8_t)((299 * background[0] + 587 * background[1] + 114 * background[2] + 500) /
                      1000);
    for (int64_t i = 0; i < n; i++) {
        uint8_t *pixel = out->image.data + i * channels, a = out->alpha.data[i];

        for (int64_t c = 0; a < 255 && c < channels; c++)
            pixel[c] = over(pixel[c], a, colour[c], out->premultiplied);
    }
}
