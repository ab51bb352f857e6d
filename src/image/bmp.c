/* SPDX-License-Identifier: Apache-2.0 */
/* BMP, without a library: 1, 4 and 8 bits with a palette, 16, 24 and 32 bits, bottom-up or
 * top-down, not compressed.
 *
 * The file consists of 14 bytes ("BM", sizes, the offset of the pixels), a header of 12 bytes
 * (OS/2) or at least 40 (Windows), channel masks if the header says so, the palette and the pixels.
 * All numbers are little-endian.  Rows of pixels are padded to a multiple of 4 bytes; the bottom
 * row comes first unless the height is negative. */
#include "base/mem.h"
#include "image/decode.h"

#define FILE_HEADER 14
#define OS2_HEADER 12
#define WINDOWS_HEADER 40
#define ALPHA_HEADER 56 /* headers of at least this length have a mask of alpha */

enum { RGB = 0, RLE8 = 1, RLE4 = 2, BITFIELDS = 3, ALPHA_BITFIELDS = 6 };

/* One channel of a 16- or 32-bit pixel: (pixel >> shift) & max. */
typedef struct field {
    int shift;
    uint32_t max;
} field;

typedef struct header {
    int64_t width, height;
    bool upside_down; /* first row in the file is the lowest */
    uint32_t bits, compression, palette_count;
    const uint8_t *palette, *pixels;
    int palette_step; /* bytes per palette entry */
    field fields[4];  /* red, green, blue, alpha; max 0: no alpha */
    int64_t row_bytes;
} header;

static uint32_t u16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t u32(const uint8_t *p)
{
    return u16(p) | u16(p + 2) << 16;
}

static fleck_status ends_early(fleck_error *err, const char *where)
{
    return fk_error_set(err, FLECK_E_FORMAT, "the file ends early, in the %s", where);
}

static fleck_status read_sizes(header *h, const fk_image_bytes *in, fleck_error *err)
{
    const uint8_t *p = in->data + FILE_HEADER;
    uint32_t length;
    int32_t height;

    if (in->size < FILE_HEADER + 4 || in->size - FILE_HEADER < u32(p))
        return ends_early(err, "header");
    length = u32(p);
    if (length == OS2_HEADER) {
        h->width = u16(p + 4);
        h->height = u16(p + 6);
        h->bits = u16(p + 10);
        h->upside_down = true;
        return FLECK_OK;
    }
    if (length < WINDOWS_HEADER)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "expected a header of 12 bytes or at least 40, found %u", length);
    h->width = (int32_t)u32(p + 4);
    height = (int32_t)u32(p + 8);
    h->height = height < 0 ? -(int64_t)height : height;
    h->upside_down = height > 0;
    h->bits = u16(p + 14);
    h->compression = u32(p + 16);
    h->palette_count = u32(p + 32);
    return FLECK_OK;
}

static fleck_status check_kind(const header *h, fleck_error *err)
{
    static const char *const names[] = {"RLE8", "RLE4", "", "JPEG", "PNG"};
    bool masks = h->compression == BITFIELDS || h->compression == ALPHA_BITFIELDS;

    if (h->compression != RGB && !masks)
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "expected no compression, found %s",
                            h->compression <= 5 ? names[h->compression - 1] : "an unknown one");
    if (masks && h->bits != 16 && h->bits != 32)
        return fk_error_set(err, FLECK_E_FORMAT, "channel masks belong to 16 or 32 bits, found %u",
                            h->bits);
    switch (h->bits) {
    case 1:
    case 4:
    case 8:
    case 16:
    case 24:
    case 32:
        return FLECK_OK;
    default:
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "expected 1, 4, 8, 16, 24 or 32 bits a pixel, found %u", h->bits);
    }
}

/* Whether there is a fourth mask. */
static bool has_alpha(const header *h, const fk_image_bytes *in)
{
    uint32_t length = u32(in->data + FILE_HEADER);

    return h->compression != RGB && in->size >= FILE_HEADER + ALPHA_HEADER &&
           (length >= ALPHA_HEADER || h->compression == ALPHA_BITFIELDS);
}

static fleck_status read_fields(header *h, const fk_image_bytes *in, fleck_error *err)
{
    static const uint32_t plain16[3] = {0x7c00, 0x03e0, 0x001f};
    static const uint32_t plain32[3] = {0xff0000, 0x00ff00, 0x0000ff};
    const uint8_t *masks = in->data + FILE_HEADER + WINDOWS_HEADER;

    if (h->compression != RGB && in->size < FILE_HEADER + WINDOWS_HEADER + 12)
        return ends_early(err, "channel masks");
    for (int c = 0; c < (has_alpha(h, in) ? 4 : 3); c++) {
        uint32_t mask = h->compression != RGB ? u32(masks + 4 * c)
                        : h->bits == 16       ? plain16[c]
                                              : plain32[c];
        field *f = &h->fields[c];

        f->shift = mask == 0 ? 0 : __builtin_ctz(mask);
        f->max = mask >> f->shift;
        if (c == 3 && mask == 0)
            break;
        if (f->max == 0 || (f->max & (f->max + 1)) != 0 || f->max > 0xffff)
            return fk_error_set(err, FLECK_E_FORMAT,
                                "expected a channel mask of 1 to 16 adjoining bits, found 0x%08x",
                                mask);
    }
    return FLECK_OK;
}

static fleck_status find_palette(header *h, const fk_image_bytes *in, fleck_error *err)
{
    uint32_t length = u32(in->data + FILE_HEADER), most = 1u << h->bits;
    size_t start = FILE_HEADER + (size_t)length;

    h->palette_step = length == OS2_HEADER ? 3 : 4;
    if (h->palette_count == 0)
        h->palette_count = most;
    if (h->palette_count > most)
        return fk_error_set(err, FLECK_E_FORMAT, "expected a palette of at most %u, found %u", most,
                            h->palette_count);
    if (in->size - start < (size_t)h->palette_count * (size_t)h->palette_step)
        return ends_early(err, "palette");
    h->palette = in->data + start;
    return FLECK_OK;
}

static fleck_status find_pixels(header *h, const fk_image_bytes *in, fleck_error *err)
{
    size_t start = u32(in->data + 10);

    h->row_bytes = (h->width * h->bits + 31) / 32 * 4;
    if (start > in->size || (uint64_t)(h->row_bytes * h->height) > in->size - start)
        return ends_early(err, "pixels");
    h->pixels = in->data + start;
    return FLECK_OK;
}

static fleck_status put_palette_row(uint8_t *out, const header *h, const uint8_t *row,
                                    fleck_error *err)
{
    uint32_t most = (1u << h->bits) - 1;

    for (int64_t x = 0; x < h->width; x++) {
        int64_t bit = x * h->bits;
        uint32_t index = (uint32_t)row[bit / 8] >> (8 - h->bits - bit % 8) & most;
        const uint8_t *entry = h->palette + index * (uint32_t)h->palette_step;

        if (index >= h->palette_count)
            return fk_error_set(err, FLECK_E_FORMAT, "colour %u, but the palette has %u", index,
                                h->palette_count);
        out[3 * x] = entry[2];
        out[3 * x + 1] = entry[1];
        out[3 * x + 2] = entry[0];
    }
    return FLECK_OK;
}

static void put_field_row(uint8_t *out, const header *h, const uint8_t *row)
{
    for (int64_t x = 0; x < h->width; x++) {
        uint32_t pixel = h->bits == 16 ? u16(row + 2 * x) : u32(row + 4 * x);

        /* Truncated, not rounded, so that 5- and 6-bit samples give the same bytes as in Pillow. */
        for (int c = 0; c < 3; c++) {
            const field *f = &h->fields[c];

            out[3 * x + c] = (uint8_t)((pixel >> f->shift & f->max) * 255 / f->max);
        }
    }
}

static uint32_t alpha_of(const header *h, const uint8_t *row, int64_t x)
{
    uint32_t pixel = h->bits == 16 ? u16(row + 2 * x) : u32(row + 4 * x);

    return pixel >> h->fields[3].shift & h->fields[3].max;
}

static const uint8_t *row_at(const header *h, int64_t y)
{
    return h->pixels + (h->upside_down ? h->height - 1 - y : y) * h->row_bytes;
}

/* Alpha that is 0 everywhere was never written: such files count as opaque. */
static fleck_status read_alpha(fk_decoded *out, const header *h, fleck_error *err)
{
    int64_t n = h->width * h->height;
    uint8_t *alpha = NULL;
    uint32_t any = 0;
    fleck_status st;

    FK_DO(FK_ALLOC(&alpha, n, err));
    for (int64_t i = 0; i < n; i++) {
        uint32_t a = alpha_of(h, row_at(h, i / h->width), i % h->width);

        any |= a;
        alpha[i] = (uint8_t)(a * 255 / h->fields[3].max);
    }
    if (any != 0)
        FK_DO(fk_decoded_alpha(out, alpha, 1, 1, err));
done:
    fk_free(alpha);
    return st;
}

static void put_rgb_row(uint8_t *out, const header *h, const uint8_t *row)
{
    for (int64_t x = 0; x < h->width; x++) {
        out[3 * x] = row[3 * x + 2];
        out[3 * x + 1] = row[3 * x + 1];
        out[3 * x + 2] = row[3 * x];
    }
}

fleck_status fk_bmp_decode(fk_decoded *out, const fk_image_bytes *in, fleck_error *err)
{
    header h = {0};
    fleck_status st;

    FK_DO(read_sizes(&h, in, err));
    FK_DO(check_kind(&h, err));
    FK_DO(fk_image_check_size(h.width, h.height, in->max_pixels, err));
    if (h.bits == 16 || h.bits == 32)
        FK_DO(read_fields(&h, in, err));
    if (h.bits <= 8)
        FK_DO(find_palette(&h, in, err));
    FK_DO(find_pixels(&h, in, err));
    fk_decoded_size(out, h.width, h.height, 1);
    if (in->only_header)
        return FLECK_OK;
    FK_DO(fk_image_alloc(&out->image, h.width, h.height, 3, err));
    for (int64_t y = 0; y < h.height; y++) {
        const uint8_t *row = row_at(&h, y);
        uint8_t *to = out->image.data + y * h.width * 3;

        if (h.bits <= 8)
            FK_DO(put_palette_row(to, &h, row, err));
        else if (h.bits == 24)
            put_rgb_row(to, &h, row);
        else
            put_field_row(to, &h, row);
    }
    if (h.fields[3].max > 0)
        FK_DO(read_alpha(out, &h, err));
done:
    if (st != FLECK_OK)
        fk_image_free(&out->image);
    return st;
}
