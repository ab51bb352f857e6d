/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the text chunks of a picture that fleck has drawn. */
#include "image/image.h"
#include "image/png/png.h"

#include <stdio.h>
#include <string.h>

#define SIGNATURE_BYTES 8
#define CHUNK_OVERHEAD 12 /* a chunk's length, type and CRC */

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The contents of the text chunk whose keyword is key, and their length; NULL if there is none
 * among the complete chunks before the pixels. */
static const char *find_text(const uint8_t *bytes, size_t size, const char *key, size_t *length)
{
    static const uint8_t signature[SIGNATURE_BYTES] = {137, 80, 78, 71, 13, 10, 26, 10};
    size_t at = SIGNATURE_BYTES, head = strlen(key) + 1;

    if (size < SIGNATURE_BYTES || memcmp(bytes, signature, SIGNATURE_BYTES) != 0)
        return NULL;
    while (size - at >= CHUNK_OVERHEAD) {
        const uint8_t *chunk = bytes + at;
        size_t n = get32(chunk);

        if (n > size - at - CHUNK_OVERHEAD || memcmp(chunk + 4, "IDAT", 4) == 0)
            return NULL;
        if (memcmp(chunk + 4, "tEXt", 4) == 0 && n >= head && memcmp(chunk + 8, key, head) == 0) {
            *length = n - head;
            return (const char *)chunk + 8 + head;
        }
        at += CHUNK_OVERHEAD + n;
    }
    return NULL;
}

bool fk_png_made_by_fleck(const void *bytes, size_t size)
{
    size_t n = 0;
    const char *software = find_text(bytes, size, FK_PNG_SOFTWARE, &n);

    return software != NULL && n >= 6 && memcmp(software, "fleck ", 6) == 0;
}

bool fk_png_origin(char out[FK_PNG_ORIGIN_SIZE], const void *bytes, size_t size)
{
    size_t n = 0;
    const char *origin = find_text(bytes, size, FK_PNG_ORIGIN, &n);

    out[0] = '\0';
    if (!fk_png_made_by_fleck(bytes, size) || origin == NULL || n >= FK_PNG_ORIGIN_SIZE)
        return false;
    memcpy(out, origin, n);
    out[n] = '\0';
    return true;
}
