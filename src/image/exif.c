/* SPDX-License-Identifier: Apache-2.0 */
/* EXIF: the orientation tag only.
 *
 * An EXIF block is a small TIFF file: "II" or "MM" for the byte order, 42, and the offset of the
 * first directory, which holds a count and entries of 12 bytes: tag, type, count, value. */
#include "base/file.h"
#include "base/mem.h"
#include "image/decode.h"

#include <string.h>

#define HEAD_BYTES ((size_t)256 << 10)

#define TAG_ORIENTATION 0x0112
#define TYPE_SHORT 3
#define TYPE_LONG 4

typedef struct block {
    const uint8_t *data;
    size_t size;
    bool big_endian;
} block;

/* The number in n bytes (2 or 4) at offset; 0, which is invalid in all fields read here, beyond the
 * end. */
static uint32_t number(const block *b, size_t offset, size_t n)
{
    uint32_t value = 0;

    if (b->size < n || offset > b->size - n)
        return 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | b->data[offset + (b->big_endian ? i : n - 1 - i)];
    return value;
}

int fk_exif_orientation(const uint8_t *data, size_t size)
{
    block b = {data, size, false};
    size_t entry;
    uint32_t count;

    if (size < 8 || data[0] != data[1] || (data[0] != 'I' && data[0] != 'M'))
        return 1;
    b.big_endian = data[0] == 'M';
    if (number(&b, 2, 2) != 42)
        return 1;
    entry = number(&b, 4, 4);
    count = number(&b, entry, 2);
    entry += 2;
    for (uint32_t i = 0; i < count; i++, entry += 12) {
        uint32_t type = number(&b, entry + 2, 2), value;

        if (number(&b, entry, 2) != TAG_ORIENTATION)
            continue;
        if (number(&b, entry + 4, 4) != 1 || (type != TYPE_SHORT && type != TYPE_LONG))
            return 1;
        value = number(&b, entry + 8, type == TYPE_SHORT ? 2 : 4);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

/* The EXIF block of a JPEG is an APP1 segment before the image data. */
static int jpeg_orientation(const uint8_t *p, size_t size)
{
    size_t at = 2;

    while (size - at >= 10 && at < size && p[at] == 0xff) {
        size_t length = (size_t)p[at + 2] << 8 | p[at + 3];

        if (p[at + 1] == 0xda || length < 2)
            break;
        if (p[at + 1] == 0xe1 && length >= 8 && memcmp(p + at + 4, "Exif\0", 6) == 0)
            return fk_exif_orientation(p + at + 10,
                                       length - 8 < size - at - 10 ? length - 8 : size - at - 10);
        at += 2 + length;
        if (at > size)
            break;
    }
    return 1;
}

static int png_orientation(const uint8_t *p, size_t size)
{
    for (size_t at = 8; at < size && size - at >= 12;) {
        size_t length = (size_t)p[at] << 24 | (size_t)p[at + 1] << 16 | (size_t)p[at + 2] << 8 |
                        (size_t)p[at + 3];
        size_t rest = size - at - 8;

        if (memcmp(p + at + 4, "eXIf", 4) == 0)
            return fk_exif_orientation(p + at + 8, length < rest ? length : rest);
        if (length > rest || length + 12 > size - at)
            break;
        at += length + 12;
    }
    return 1;
}

int fk_image_bytes_orientation(const uint8_t *bytes, size_t size)
{
    if (size < 16)
        return 1;
    if (memcmp(bytes, "\xff\xd8\xff", 3) == 0)
        return jpeg_orientation(bytes, size);
    if (memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0)
        return png_orientation(bytes, size);
    return fk_exif_orientation(bytes, size); /* a TIFF file, or nothing */
}

int fk_image_orientation(const char *path)
{
    fk_file file = {0};
    uint8_t *head = NULL;
    size_t size;
    int orientation = 1;

    if (fk_file_open(&file, path, 0, NULL) != FLECK_OK)
        return 1;
    size = (size_t)file.stamp.size < HEAD_BYTES ? (size_t)file.stamp.size : HEAD_BYTES;
    if (FK_ALLOC(&head, (int64_t)size, NULL) == FLECK_OK &&
        fk_file_read(&file, head, 0, size, NULL) == FLECK_OK)
        orientation = fk_image_bytes_orientation(head, size);
    fk_free(head);
    fk_file_close(&file);
    return orientation;
}
