/* TIFF, by libtiff: grey, palette, RGB and CMYK with samples of 1 to 16 bits, in strips or tiles. */
#include "base/mem.h"
#include "image/tiff.h"

/* What its strips or tiles become. */
typedef struct reading {
    const fk_tiff_layout *layout;
    const fk_tiff_source *source;
    TIFF *tif;
    fk_decoded *out;
    fk_wide wide;
    uint8_t *buffer; /* a strip or tile */
    int64_t buffer_size;
} reading;

/* Sample i of a row. */
static uint32_t sample(const uint8_t *row, int64_t i, int bits)
{
    int64_t bit = i * bits;
    uint32_t v = 0;

    if (bits == 8)
        return row[i];
    if (bits == 16)
        return ((const uint16_t *)(const void *)row)[i];
    if (bits < 8)
        return (uint32_t)row[bit / 8] >> (8 - bits - bit % 8) & ((1u << bits) - 1);
    for (int64_t end = bit + bits, byte = bit / 8; byte * 8 < end; byte++)
        v = v << 8 | row[byte];
    return v >> ((8 - (bit + bits) % 8) % 8) & ((1u << bits) - 1);
}

/* Sample i of a row, in 8 bits of the range that the bits have. */
static uint8_t sample8(const uint8_t *row, int64_t i, int bits)
{
    return fk_sample_scale(sample(row, i, bits), (1u << bits) - 1);
}

/* A palette holds 16-bit colours; their high bytes are the 8-bit ones, whether the writer multiplied by
 * 256 or by 257. */
static void put_palette(uint8_t *out, const uint8_t *row, int64_t n, const fk_tiff_layout *l,
                        int64_t stride)
{
    for (int64_t x = 0; x < n; x++)
        for (int c = 0; c < 3; c++)
            out[3 * x + c] = (uint8_t)(l->map[c][sample(row, x * stride, l->bits)] >> 8);
}

static void put_ink(uint8_t *out, const uint8_t *row, int64_t n, const fk_tiff_layout *l)
{
    for (int64_t x = 0; x < n; x++) {
        uint8_t ink[4];

        for (int64_t c = 0; c < 4; c++)
            ink[c] = sample8(row, x * l->samples + c, l->bits);
        fk_rgb_from_cmyk(out + 3 * x, ink, 1);
    }
}

/* One channel of n pixels: the row's samples from `first` on, `stride` apart. */
static void put_channel(reading *r, uint8_t *out, const uint8_t *row, int64_t n, int64_t first,
                        int64_t stride)
{
    const fk_tiff_layout *l = r->layout;

    if (l->bits == 16) {
        fk_wide_samples(&r->wide, out, l->channels, (const uint16_t *)(const void *)row + first,
                        stride, n, l->inverted);
        return;
    }
    for (int64_t x = 0; x < n; x++) {
        uint8_t v = sample8(row, first + x * stride, l->bits);

        out[x * l->channels] = l->inverted ? 255 - v : v;
    }
}

/* n pixels of a chunk's row from (x0, y) on; plane: the sample that a file with separate planes stores
 * here, -1 where the samples lie together. */
static void put_row(reading *r, const uint8_t *row, int64_t n, int64_t x0, int64_t y, int plane)
{
    const fk_tiff_layout *l = r->layout;
    int64_t at = y * l->width + x0, stride = plane < 0 ? l->samples : 1;
    uint8_t *out = r->out->image.data + at * l->channels;

    if (l->alpha > 0 && (plane < 0 || plane == l->alpha))
        for (int64_t x = 0; x < n; x++)
            r->out->alpha.data[at + x] =
                sample8(row, x * stride + (plane < 0 ? l->alpha : 0), l->bits);
    if (l->alpha > 0 && plane == l->alpha)
        return;
    if (l->palette)
        put_palette(out, row, n, l, stride);
    else if (l->cmyk)
        put_ink(out, row, n, l);
    else if (plane >= 0)
        put_channel(r, out + plane, row, n, 0, 1);
    else
        for (int64_t c = 0; c < l->channels; c++)
            put_channel(r, out + c, row, n, c, stride);
}

/* Decode the strip or tile whose upper left pixel is (x0, y0) and copy what lies inside the image. */
static fleck_status read_chunk(reading *r, int64_t x0, int64_t y0, int plane, fleck_error *err)
{
    const fk_tiff_layout *l = r->layout;
    int64_t stride = plane < 0 ? l->samples : 1;
    int64_t row_bytes = (l->chunk_width * stride * l->bits + 7) / 8;
    int64_t rows = l->chunk_height, columns = l->chunk_width, got;
    uint16_t p = plane < 0 ? 0 : (uint16_t)plane;

    if (columns > l->width - x0)
        columns = l->width - x0;
    if (rows > l->height - y0)
        rows = l->height - y0;
    if (l->tiled)
        got = TIFFReadEncodedTile(r->tif, TIFFComputeTile(r->tif, (uint32_t)x0, (uint32_t)y0, 0, p),
                                  r->buffer, r->buffer_size);
    else
        got = TIFFReadEncodedStrip(r->tif, TIFFComputeStrip(r->tif, (uint32_t)y0, p), r->buffer,
                                   r->buffer_size);
    if (got < row_bytes * rows)
        return fk_tiff_failed(r->source, "the pixels", err);
    for (int64_t y = 0; y < rows; y++)
        put_row(r, r->buffer + y * row_bytes, columns, x0, y0 + y, plane);
    return FLECK_OK;
}

static fleck_status read_pixels(reading *r, fleck_error *err)
{
    const fk_tiff_layout *l = r->layout;
    bool separate = l->planar == PLANARCONFIG_SEPARATE && l->samples > 1;
    int planes = separate ? l->samples : 1;
    int64_t size = l->tiled ? TIFFTileSize(r->tif) : TIFFStripSize(r->tif);
    int64_t least = (l->chunk_width * (separate ? 1 : l->samples) * l->bits + 7) / 8;
    fleck_status st = FLECK_OK;

    if (size < least * l->chunk_height)
        FK_FAIL(err, FLECK_E_FORMAT, "strips or tiles have no room for their pixels");
    if (size > r->source->max_chunk)
        FK_FAIL(err, FLECK_E_LIMIT, "a strip or tile of %lld bytes", (long long)size);
    /* Zeroed: libtiff calls a damaged JPEG strip read though it has not written all of it. */
    FK_DO(FK_CALLOC(&r->buffer, size, err));
    r->buffer_size = size;
    for (int plane = 0; plane < planes; plane++)
        for (int64_t y = 0; y < l->height; y += l->chunk_height)
            for (int64_t x = 0; x < l->width; x += l->chunk_width)
                FK_DO(read_chunk(r, x, y, separate ? plane : -1, err));
done:
    fk_free(r->buffer);
    return st;
}

/* The pixels of a layout. */
static fleck_status decode(fk_decoded *out, const fk_tiff_layout *l, TIFF *tif,
                           const fk_tiff_source *s, const fk_image_bytes *in, fleck_error *err)
{
    reading r = {.layout = l,
                 .source = s,
                 .tif = tif,
                 .out = out,
                 .wide = {.low = in->low, .high = in->high}};
    fk_image alpha = {0};
    fleck_status st;

    FK_DO(fk_image_alloc(&out->image, l->width, l->height, l->channels, err));
    if (l->alpha > 0)
        FK_DO(fk_image_alloc(&out->alpha, l->width, l->height, 1, err));
    FK_DO(read_pixels(&r, err));
    if (out->notes.wide)
        fk_wide_note(&r.wide, &out->notes);
    out->premultiplied = l->premultiplied;
    alpha = out->alpha;
    out->alpha = (fk_image){0};
    if (l->alpha > 0) /* kept only where something is transparent */
        FK_DO(fk_decoded_alpha(out, alpha.data, 1, 1, err));
done:
    fk_image_free(&alpha);
    return st;
}

fleck_status fk_tiff_decode(fk_decoded *out, const fk_image_bytes *in, fleck_error *err)
{
    fk_tiff_source s;
    fk_tiff_layout l = {0};
    TIFF *tif = fk_tiff_open(&s, in);
    fleck_status st = FLECK_OK;

    if (tif == NULL) {
        st = fk_tiff_failed(&s, "the header", err);
        goto done;
    }
    FK_DO(fk_tiff_read_layout(&l, tif, &s, in->max_pixels, err));
    out->notes.wide = l.bits == 16 && !l.cmyk;
    if (in->only_header)
        goto done;
    FK_DO(decode(out, &l, tif, &s, in, err));
    if (l.orientation >= 1 && l.orientation <= 8)
        out->orientation = l.orientation;
done:
    if (tif != NULL)
        TIFFClose(tif);
    if (st != FLECK_OK) {
        fk_image_free(&out->image);
        fk_image_free(&out->alpha);
    }
    return st;
}
