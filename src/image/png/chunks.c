/* SPDX-License-Identifier: Apache-2.0 */
/* The chunks of a PNG file: 4 bytes of length, 4 bytes of type, the contents, 4 bytes of CRC. */
#include "image/png/png.h"

#include <string.h>

#define SIGNATURE 8
#define CHUNK_OVERHEAD 12 /* a chunk's length, type and CRC */

static uint32_t big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool is(const uint8_t *chunk, const char *type)
{
    return memcmp(chunk + 4, type, 4) == 0;
}

static void read_header(fk_png_chunks *out, const uint8_t *p)
{
    out->width = big_endian(p);
    out->height = big_endian(p + 4);
    out->depth = p[8];
    out->colour = p[9];
    out->interlace = p[12];
}

fleck_status fk_png_scan(fk_png_chunks *out, const fk_image_bytes *in, fleck_error *err)
{
    const uint8_t *previous = NULL;
    size_t at = SIGNATURE;

    *out = (fk_png_chunks){.plain_order = true};
    while (in->size - at >= CHUNK_OVERHEAD) {
        const uint8_t *chunk = in->data + at;
        size_t length = big_endian(chunk);

        if (length > in->size - at - CHUNK_OVERHEAD)
            break;
        if (at == SIGNATURE && (!is(chunk, "IHDR") || length != 13))
            return fk_error_set(err, FLECK_E_FORMAT, "the file does not begin with a header");
        if (is(chunk, "IEND"))
            return FLECK_OK;
        if (at == SIGNATURE) {
            read_header(out, chunk + 8);
        } else if (is(chunk, "IDAT")) {
            out->plain_order &= out->data == NULL || is(previous, "IDAT");
            out->data = out->data == NULL ? chunk : out->data;
            out->data_bytes += length;
        } else if (is(chunk, "eXIf")) {
            out->exif = chunk + 8;
            out->exif_bytes = length;
        } else if (is(chunk, "tRNS")) {
            out->colour_key = out->colour != 3;
        } else if (is(chunk, "acTL") && length == 8) {
            out->frames = big_endian(chunk + 8);
        } else if ((chunk[4] & 0x20) == 0 && !is(chunk, "PLTE")) {
            out->plain_order = false;
        }
        previous = chunk;
        at += CHUNK_OVERHEAD + length;
    }
    return fk_error_set(err, FLECK_E_FORMAT, "the file ends early");
}
