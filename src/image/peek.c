/* SPDX-License-Identifier: Apache-2.0 */
/* Estimating the memory that decoding takes, from the first bytes of a file. */
#include "image/image.h"

#include <stdio.h>
#include <string.h>

static int64_t big_endian(const uint8_t *p, int n)
{
    int64_t v = 0;

    for (int i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* The number of pixels in the frame header of a JPEG; 0 if no frame header comes before the
 * data. */
static int64_t jpeg_pixels(FILE *f)
{
    uint8_t b[9];

    for (int segments = 0; segments < 1000; segments++) {
        if (fread(b, 1, 4, f) != 4 || b[0] != 0xff || b[1] == 0xd9 || b[1] == 0xda)
            return 0;
        if (b[1] >= 0xc0 && b[1] <= 0xcf && b[1] != 0xc4 && b[1] != 0xc8 && b[1] != 0xcc)
            return fread(b, 1, 5, f) == 5 ? big_endian(b + 1, 2) * big_endian(b + 3, 2) : 0;
        if (fseek(f, (long)big_endian(b + 2, 2) - 2, SEEK_CUR) != 0)
            return 0;
    }
    return 0;
}

int64_t fk_image_peek_bytes(const char *path)
{
    FILE *f = fopen(path, "rbe");
    uint8_t b[24] = {0};
    int64_t pixels = 0, each = 3;
    size_t n;

    if (f == NULL)
        return 0;
    n = fread(b, 1, sizeof b, f);
    if (n == sizeof b && memcmp(b, "\x89PNG\r\n\x1a\n", 8) == 0) {
        pixels = big_endian(b + 16, 4) * big_endian(b + 20, 4);
        each = 6; /* the decoder inflates the whole image before it undoes the filters */
    }
    if (n == sizeof b && b[0] == 0xff && b[1] == 0xd8 && fseek(f, 2, SEEK_SET) == 0)
        pixels = jpeg_pixels(f);
    else if (pixels == 0 && fseek(f, 0, SEEK_END) == 0) /* most other files are not compressed */
        pixels = ftell(f) / 3;
    fclose(f);
    return (pixels < 0 ? 0 : pixels < FK_IMAGE_MAX_PIXELS ? pixels : FK_IMAGE_MAX_PIXELS) * each;
}
