/* EXIF: the orientation tag, and nothing else.
 *
 * An EXIF block is a little TIFF file: "II" or "MM" for the byte order, 42, the offset of the first
 * directory; there a count and entries of 12 bytes: tag, type, count, value. */
#include "image/decode.h"

#define TAG_ORIENTATION 0x0112
#define TYPE_SHORT 3
#define TYPE_LONG 4

typedef struct block {
    const uint8_t *data;
    size_t size;
    bool big_endian;
} block;

/* n bytes (2 or 4) at offset as a number; 0 beyond the end, which no valid field here is. */
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
