/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the image decoders: an accepted file is a whole image within the limit, the same pixels
 * each time; a refused one leaves nothing but a message. */
#include "fuzz.h"

#include "image/decode.h"

/* Small, so that no input is merely big. */
#define MAX_PIXELS (INT64_C(1) << 18)

static fleck_status decode(fk_image *out, const uint8_t *data, size_t size, fk_image_want want)
{
    fk_image_settings settings = {.max_pixels = MAX_PIXELS, .low = 16, .high = 4095, .blend = true};
    fk_image_notes notes = {0};
    fleck_error error = {0};
    fleck_status st =
        fk_image_decode_with(out, data, size, "input", want, &settings, &notes, &error);

    if (st != FLECK_OK) {
        fuzz_check(out->data == NULL && out->width == 0 && error.message[0] != '\0');
        fuzz_check(error.status == st);
        return st;
    }
    fuzz_check(out->width > 0 && out->height > 0 && out->width * out->height <= MAX_PIXELS);
    fuzz_touch(out->data, (size_t)(out->width * out->height * out->channels));
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fk_image rgb, grey, alpha;
    fleck_status st = decode(&rgb, data, size, FK_IMAGE_RGB);

    fuzz_check(decode(&grey, data, size, FK_IMAGE_GREY) == st);
    fuzz_check(decode(&alpha, data, size, FK_IMAGE_ALPHA) == st);
    if (st == FLECK_OK) {
        fuzz_check(rgb.channels == 3 && grey.channels == 1);
        fuzz_check(rgb.width == grey.width && rgb.height == grey.height);
        fuzz_check(rgb.width == alpha.width && rgb.height == alpha.height);
        for (int64_t i = 0; i < rgb.width * rgb.height; i++) {
            const uint8_t *p = rgb.data + 3 * i;

            /* Where something shows through, each is rounded for itself. */
            fuzz_check(alpha.data[i] < 255 ||
                       grey.data[i] == (299 * p[0] + 587 * p[1] + 114 * p[2] + 500) / 1000);
        }
    }
    fk_image_free(&rgb);
    fk_image_free(&grey);
    fk_image_free(&alpha);
    return 0;
}
