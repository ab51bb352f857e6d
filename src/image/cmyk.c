/* SPDX-License-Identifier: Apache-2.0 */
/* CMYK to RGB without a colour profile, bit-identical to Pillow. */
#include "image/decode.h"

/* a * b / 255, rounded. */
static uint32_t times(uint32_t a, uint32_t b)
{
    uint32_t t = a * b + 128;

    return ((t >> 8) + t) >> 8;
}

void fk_rgb_from_cmyk(uint8_t *rgb, const uint8_t *cmyk, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t light = 255u - cmyk[4 * i + 3];

        for (int64_t c = 0; c < 3; c++)
            rgb[3 * i + c] = (uint8_t)(light - times(cmyk[4 * i + c], light));
    }
}
