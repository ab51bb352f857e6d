/* SPDX-License-Identifier: Apache-2.0 */
/* TIFF, by libtiff: grey, palette, RGB and CMYK with samples of 1 to 16 bits, in strips or tiles.
 *
 * libtiff reads from memory through the functions below.  Its messages go to handlers of this file
 * handle only, so that nothing is printed and no global handler is replaced. */
#include "base/mem.h"
#include "image/decode.h"

#include <stdio.h>
#include <string.h>
#include <tiffio.h>

/* The file, libtiff's position in it, and libtiff's first error message. */
typedef struct tiff_source {
    const uint8_t *data;
    uint64_t size, at;
    int64_t max_chunk; /* bytes; larger strips and tiles are refused */
    char message[256];
} tiff_source;

/* How the samples are stored. */
typedef struct tiff_layout {
    int64_t width, height;
    uint16_t bits, samples, photometric, compression, sample_format, planar, orientation;
    bool palette, inverted, cmyk, tiled, premultiplied;
    int channels;   /* of the decoded image: 1 or 3; palette and CMYK give 3 */
    uint16_t alpha; /* index of a pixel's alpha sample; 0: none */
    int64_t chunk_width, chunk_height;
    const uint16_t *map[3];
} tiff_layout;

/* Limit of a strip or tile, which is decoded as a whole, in bytes.  It grows with a limit of pixels
 * that allows larger images. */
#define MAX_CHUNK (INT64_C(1) << 30)

#define MAX_SAMPLES 8

static tmsize_t read_proc(thandle_t handle, void *out, tmsize_t size)
{
    tiff_source *s = handle;
    uint64_t left = s->at < s->size ? s->size - s->at : 0, n = (uint64_t)size;

    if (n > left)
        n = left;
    memcpy(out, s->data + s->at, (size_t)n);
    s->at += n;
    return (tmsize_t)n;
}

static tmsize_t write_proc(thandle_t handle, void *bytes, tmsize_t size)
{
    (void)handle;
    (void)bytes;
    (void)size;
    return -1;
}

static toff_t seek_proc(thandle_t handle, toff_t offset, int whence)
{
    tiff_source *s = handle;

    if (whence == SEEK_CUR)
        offset += s->at;
    else if (whence == SEEK_END)
        offset += s->size;
    /* Clamped so that `data + at` stays a valid address; nothing is read beyond the end. */
    s->at = offset < s->size ? offset : s->size;
    return offset;
}

static int close_proc(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t size_proc(thandle_t handle)
{
    return ((tiff_source *)handle)->size;
}

static int on_error(TIFF *tif, void *user, const char *module, const char *format, va_list ap)
{
    tiff_source *s = user;

    (void)tif;
    (void)module;
    if (s->message[0] == '\0')
        vsnprintf(s->message, sizeof s->message, format, ap);
    return 1;
}

static int on_warning(TIFF *tif, void *user, const char *module, const char *format, va_list ap)
{
    (void)tif;
    (void)user;
    (void)module;
    (void)format;
    (void)ap;
    return 1;
}

static TIFF *open_tiff(tiff_source *s, const fk_image_bytes *in)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    TIFF *tif;

    *s = (tiff_source){.data = in->data, .size = in->size, .max_chunk = MAX_CHUNK};
    if (in->max_pixels > MAX_CHUNK / 8) /* 4 samples of 16 bits */
        s->max_chunk = in->max_pixels * 8;
    if (options == NULL)
        return NULL;
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, s);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, s);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, s->max_chunk);
    /* "m": read through read_proc instead of mapping the file. */
    tif = TIFFClientOpenExt("", "rm", s, read_proc, write_proc, seek_proc, close_proc, size_proc,
                            NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    return tif;
}

static fleck_status tiff_failed(const tiff_source *s, const char *what, fleck_error *err)
{
    return fk_error_set(err, FLECK_E_FORMAT, "%s: %s", what,
                        s->message[0] != '\0' ? s->message : "the file is damaged or ends early");
}

static fleck_status check_kind(const tiff_layout *l, fleck_error *err)
{
    static const char *const kinds[] = {"?", "unsigned", "signed", "floating-point"};
    const char *kind = l->sample_format < 4 ? kinds[l->sample_format] : "unknown";
    int64_t least = l->palette ? 1 : l->cmyk ? 4 : l->channels;

    if (l->sample_format != SAMPLEFORMAT_UINT)
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "expected unsigned samples, found %s ones",
                            kind);
    if (!TIFFIsCODECConfigured(l->compression))
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "compression %u is not read", l->compression);
    if (l->bits < 1 || l->bits > 16 || l->bits % 2 > (l->bits == 1) || l->bits == 6)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "expected samples of 1, 2, 4, 8, 10, 12, 14 or 16 bits, found %u",
                            l->bits);
    if (l->samples > MAX_SAMPLES || l->samples < least)
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "%u samples a pixel", l->samples);
    if (l->channels == 3 && !l->palette && l->bits < 8)
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "RGB of %u bits", l->bits);
    if (l->cmyk && l->planar == PLANARCONFIG_SEPARATE)
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "CMYK in separate planes");
    return FLECK_OK;
}

/* A sample besides the colours must be alpha: other samples would be lost, so they are refused. */
static fleck_status read_alpha(tiff_layout *l, TIFF *tif, fleck_error *err)
{
    uint16_t colours = l->palette ? 1 : l->cmyk ? 4 : (uint16_t)l->channels, n = 0, *kinds = NULL;
    uint16_t kind = EXTRASAMPLE_UNASSALPHA; /* of a single extra sample without a stated kind */

    if (l->samples == colours)
        return FLECK_OK;
    if (TIFFGetField(tif, TIFFTAG_EXTRASAMPLES, &n, &kinds) && n > 0)
        kind = kinds[0];
    if (l->samples > colours + 1 || kind == EXTRASAMPLE_UNSPECIFIED)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "expected %u samples a pixel, or alpha beside them, found %u%s",
                            colours, l->samples,
                            l->samples == colours + 1 ? ", the last of no kind" : "");
    l->alpha = colours;
    l->premultiplied = kind == EXTRASAMPLE_ASSOCALPHA;
    return FLECK_OK;
}

static fleck_status read_photometric(tiff_layout *l, TIFF *tif, const tiff_source *s,
                                     fleck_error *err)
{
    uint16_t *map[3], ink = INKSET_CMYK;

    switch (l->photometric) {
    case PHOTOMETRIC_MINISWHITE:
        l->inverted = true;
        l->channels = 1;
        return FLECK_OK;
    case PHOTOMETRIC_MINISBLACK:
        l->channels = 1;
        return FLECK_OK;
    case PHOTOMETRIC_RGB:
        l->channels = 3;
        return FLECK_OK;
    case PHOTOMETRIC_YCBCR:
        if (l->compression != COMPRESSION_JPEG)
            break;
        TIFFSetField(tif, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        l->channels = 3;
        return FLECK_OK;
    case PHOTOMETRIC_PALETTE:
        l->palette = true;
        l->channels = 3;
        if (l->bits > 8)
            break;
        if (!TIFFGetField(tif, TIFFTAG_COLORMAP, &map[0], &map[1], &map[2]))
            return tiff_failed(s, "no palette", err);
        for (int c = 0; c < 3; c++)
            l->map[c] = map[c];
        return FLECK_OK;
    case PHOTOMETRIC_SEPARATED:
        TIFFGetFieldDefaulted(tif, TIFFTAG_INKSET, &ink);
        if (ink != INKSET_CMYK || l->bits < 8)
            break;
        l->cmyk = true;
        l->channels = 3;
        return FLECK_OK;
    default:
        break;
    }
    return fk_error_set(
        err, FLECK_E_UNSUPPORTED,
        "expected grey, palette, RGB or CMYK, found photometric kind %u with %u bits",
        l->photometric, l->bits);
}

/* Size of a strip or tile; a small file may claim tiles far larger than its image. */
static fleck_status read_chunks(tiff_layout *l, TIFF *tif, fleck_error *err)
{
    uint32_t width = (uint32_t)l->width, height = 0;

    l->tiled = TIFFIsTiled(tif) != 0;
    if (l->tiled) {
        if (!TIFFGetField(tif, TIFFTAG_TILEWIDTH, &width) ||
            !TIFFGetField(tif, TIFFTAG_TILELENGTH, &height))
            return fk_error_set(err, FLECK_E_FORMAT, "the tiles have no size");
        if (width == 0 || height == 0)
            return fk_error_set(err, FLECK_E_FORMAT, "the tiles are empty");
        if (width > l->width + 4096 || height > l->height + 4096)
            return fk_error_set(err, FLECK_E_LIMIT, "tiles of %ux%u for an image of %lldx%lld",
                                width, height, (long long)l->width, (long long)l->height);
    } else {
        TIFFGetFieldDefaulted(tif, TIFFTAG_ROWSPERSTRIP, &height);
        if (height == 0)
            return fk_error_set(err, FLECK_E_FORMAT, "the strips are empty");
        if (height > l->height)
            height = (uint32_t)l->height;
    }
    l->chunk_width = width;
    l->chunk_height = height;
    return FLECK_OK;
}

/* Whether the directory holds no image of its own, but a preview or mask of another. */
static bool is_auxiliary(TIFF *tif)
{
    uint32_t kind = 0;
    uint16_t old = 0;

    if (TIFFGetField(tif, TIFFTAG_SUBFILETYPE, &kind))
        return (kind & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK)) != 0;
    return TIFFGetField(tif, TIFFTAG_OSUBFILETYPE, &old) && old == OFILETYPE_REDUCEDIMAGE;
}

/* Select the directory of the file's only image. */
static fleck_status find_image(TIFF *tif, const tiff_source *s, fleck_error *err)
{
    tdir_t first = 0;
    int64_t images = 0;

    for (;;) {
        if (!is_auxiliary(tif) && images++ == 0)
            first = TIFFCurrentDirectory(tif);
        if (TIFFLastDirectory(tif))
            break;
        if (!TIFFReadDirectory(tif))
            return tiff_failed(s, "the next page", err);
    }
    if (images > 1)
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "expected one image, found %lld pages",
                            (long long)images);
    if (images == 0) /* the image itself is missing */
        return fk_error_set(err, FLECK_E_FORMAT, "expected an image, found only previews or masks");
    if (!TIFFSetDirectory(tif, first))
        return tiff_failed(s, "the directory", err);
    return FLECK_OK;
}

static fleck_status read_size(tiff_layout *l, TIFF *tif, fleck_error *err)
{
    uint32_t width = 0, height = 0, depth = 1;

    if (!TIFFGetField(tif, TIFFTAG_IMAGEWIDTH, &width) ||
        !TIFFGetField(tif, TIFFTAG_IMAGELENGTH, &height))
        return fk_error_set(err, FLECK_E_FORMAT, "the image has no size");
    TIFFGetFieldDefaulted(tif, TIFFTAG_IMAGEDEPTH, &depth);
    if (depth > 1)
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "expected one image, found %u layers", depth);
    l->width = width;
    l->height = height;
    return FLECK_OK;
}

static fleck_status read_layout(tiff_layout *l, TIFF *tif, const tiff_source *s, int64_t max_pixels,
                                fleck_error *err)
{
    fleck_status st = FLECK_OK;

    FK_DO(find_image(tif, s, err));
    FK_DO(read_size(l, tif, err));
    FK_DO(fk_image_check_size(l->width, l->height, max_pixels, err));
    TIFFGetFieldDefaulted(tif, TIFFTAG_BITSPERSAMPLE, &l->bits);
    TIFFGetFieldDefaulted(tif, TIFFTAG_SAMPLESPERPIXEL, &l->samples);
    TIFFGetFieldDefaulted(tif, TIFFTAG_SAMPLEFORMAT, &l->sample_format);
    TIFFGetFieldDefaulted(tif, TIFFTAG_PLANARCONFIG, &l->planar);
    TIFFGetFieldDefaulted(tif, TIFFTAG_COMPRESSION, &l->compression);
    TIFFGetFieldDefaulted(tif, TIFFTAG_ORIENTATION, &l->orientation);
    if (!TIFFGetField(tif, TIFFTAG_PHOTOMETRIC, &l->photometric))
        l->photometric = l->samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
    FK_DO(read_photometric(l, tif, s, err));
    FK_DO(check_kind(l, err));
    FK_DO(read_alpha(l, tif, err));
    FK_DO(read_chunks(l, tif, err));
done:
    return st;
}

/* ---- Pixels ---- */

/* The state of decoding strips or tiles. */
typedef struct reading {
    const tiff_layout *layout;
    const tiff_source *source;
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

/* Sample i of a row, scaled from the full range of its bits to 8 bits. */
static uint8_t sample8(const uint8_t *row, int64_t i, int bits)
{
    return fk_sample_scale(sample(row, i, bits), (1u << bits) - 1);
}

/* A palette holds 16-bit colours.  Their high bytes are the 8-bit colours, whether the writer
 * multiplied these by 256 or by 257. */
static void put_palette(uint8_t *out, const uint8_t *row, int64_t n, const tiff_layout *l,
                        int64_t stride)
{
    for (int64_t x = 0; x < n; x++)
        for (int c = 0; c < 3; c++)
            out[3 * x + c] = (uint8_t)(l->map[c][sample(row, x * stride, l->bits)] >> 8);
}

static void put_ink(uint8_t *out, const uint8_t *row, int64_t n, const tiff_layout *l)
{
    for (int64_t x = 0; x < n; x++) {
        uint8_t ink[4];

        for (int64_t c = 0; c < 4; c++)
            ink[c] = sample8(row, x * l->samples + c, l->bits);
        fk_rgb_from_cmyk(out + 3 * x, ink, 1);
    }
}

/* Store one channel of n pixels: the row's samples from index `first` on, `stride` apart. */
static void put_channel(reading *r, uint8_t *out, const uint8_t *row, int64_t n, int64_t first,
                        int64_t stride)
{
    const tiff_layout *l = r->layout;

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

/* Store n pixels of a row of a strip or tile at (x0, y).  plane is the sample that the row holds if
 * the file has separate planes, and -1 if samples are interleaved. */
static void put_row(reading *r, const uint8_t *row, int64_t n, int64_t x0, int64_t y, int plane)
{
    const tiff_layout *l = r->layout;
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

/* Decode the strip or tile whose top left pixel is (x0, y0), and copy the part inside the image. */
static fleck_status read_chunk(reading *r, int64_t x0, int64_t y0, int plane, fleck_error *err)
{
    const tiff_layout *l = r->layout;
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
        return tiff_failed(r->source, "the pixels", err);
    for (int64_t y = 0; y < rows; y++)
        put_row(r, r->buffer + y * row_bytes, columns, x0, y0 + y, plane);
    return FLECK_OK;
}

static fleck_status read_pixels(reading *r, fleck_error *err)
{
    const tiff_layout *l = r->layout;
    bool separate = l->planar == PLANARCONFIG_SEPARATE && l->samples > 1;
    int planes = separate ? l->samples : 1;
    int64_t size = l->tiled ? TIFFTileSize(r->tif) : TIFFStripSize(r->tif);
    int64_t least = (l->chunk_width * (separate ? 1 : l->samples) * l->bits + 7) / 8;
    fleck_status st = FLECK_OK;

    if (size < least * l->chunk_height)
        FK_FAIL(err, FLECK_E_FORMAT, "strips or tiles have no room for their pixels");
    if (size > r->source->max_chunk)
        FK_FAIL(err, FLECK_E_LIMIT, "a strip or tile of %lld bytes", (long long)size);
    /* Zeroed, because libtiff reports success for a damaged JPEG strip that it has not written
     * completely. */
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

/* Decode the pixels of a file of this layout. */
static fleck_status decode(fk_decoded *out, const tiff_layout *l, TIFF *tif, const tiff_source *s,
                           const fk_image_bytes *in, fleck_error *err)
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
    if (l->alpha > 0) /* it stays empty if everything is opaque */
        FK_DO(fk_decoded_alpha(out, alpha.data, 1, 1, err));
done:
    fk_image_free(&alpha);
    return st;
}

fleck_status fk_tiff_decode(fk_decoded *out, const fk_image_bytes *in, fleck_error *err)
{
    tiff_source s;
    tiff_layout l = {0};
    TIFF *tif = open_tiff(&s, in);
    fleck_status st = FLECK_OK;

    if (tif == NULL) {
        st = tiff_failed(&s, "the header", err);
        goto done;
    }
    FK_DO(read_layout(&l, tif, &s, in->max_pixels, err));
    out->notes.wide = l.bits == 16 && !l.cmyk;
    fk_decoded_size(out, l.width, l.height,
                    l.orientation >= 1 && l.orientation <= 8 ? l.orientation : 1);
    if (in->only_header)
        goto done;
    FK_DO(decode(out, &l, tif, &s, in, err));
done:
    if (tif != NULL)
        TIFFClose(tif);
    if (st != FLECK_OK) {
        fk_image_free(&out->image);
        fk_image_free(&out->alpha);
    }
    return st;
}
