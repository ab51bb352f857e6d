/* TIFF, by libtiff: grey, palette and RGB with samples of 1 to 16 bits, in strips or tiles.
 *
 * libtiff reads from memory through the functions below, and its messages go to a handler of this
 * one file handle, so that nothing is printed and nothing global is touched. */
#include "base/mem.h"
#include "image/decode.h"

#include <stdio.h>
#include <string.h>

#include <tiffio.h>

/* A strip or tile is decoded whole; the largest that is read, in bytes. */
#define MAX_CHUNK (INT64_C(1) << 30)

#define MAX_SAMPLES 8

typedef struct source {
    const uint8_t *data;
    uint64_t size, at;
    char message[256]; /* libtiff's first complaint */
} source;

static tmsize_t read_proc(thandle_t handle, void *out, tmsize_t size)
{
    source *s = handle;
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
    source *s = handle;

    if (whence == SEEK_CUR)
        offset += s->at;
    else if (whence == SEEK_END)
        offset += s->size;
    /* Beyond the end nothing is read; held there so that `data + at` stays a valid address. */
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
    return ((source *)handle)->size;
}

static int on_error(TIFF *tif, void *user, const char *module, const char *format, va_list ap)
{
    source *s = user;

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

/* How the samples lie. */
typedef struct layout {
    int64_t width, height;
    uint16_t bits, samples, photometric, compression, sample_format, planar, orientation;
    bool palette, inverted, tiled;
    int channels; /* 1 or 3, of the samples or looked up */
    int64_t chunk_width, chunk_height;
    const uint16_t *map[3];
} layout;

static fleck_status failed(const source *s, const char *what, fleck_error *err)
{
    return fk_error_set(err, FLECK_E_FORMAT, "%s: %s", what,
                        s->message[0] != '\0' ? s->message : "the file is damaged or ends early");
}

static fleck_status check_kind(const layout *l, fleck_error *err)
{
    static const char *const kinds[] = {"?", "unsigned", "signed", "floating-point"};
    const char *kind = l->sample_format < 4 ? kinds[l->sample_format] : "unknown";

    if (l->sample_format != SAMPLEFORMAT_UINT)
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "expected unsigned samples, found %s ones",
                            kind);
    if (!TIFFIsCODECConfigured(l->compression))
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "compression %u is not read", l->compression);
    if (l->bits != 1 && l->bits != 2 && l->bits != 4 && l->bits != 8 && l->bits != 16)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "expected samples of 1, 2, 4, 8 or 16 bits, found %u", l->bits);
    if (l->samples > MAX_SAMPLES || l->samples < (l->palette ? 1 : l->channels))
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "%u samples a pixel", l->samples);
    if (l->channels == 3 && !l->palette && l->bits < 8)
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "RGB of %u bits", l->bits);
    return FLECK_OK;
}

static fleck_status read_photometric(layout *l, TIFF *tif, const source *s, fleck_error *err)
{
    uint16_t *map[3];

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
            return failed(s, "no palette", err);
        for (int c = 0; c < 3; c++)
            l->map[c] = map[c];
        return FLECK_OK;
    case PHOTOMETRIC_SEPARATED:
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "expected grey, palette or RGB, found CMYK");
    default:
        break;
    }
    return fk_error_set(err, FLECK_E_UNSUPPORTED,
                        "expected grey, palette or RGB, found photometric kind %u with %u bits",
                        l->photometric, l->bits);
}

/* Sizes of a strip or tile; a file of few bytes may name tiles far larger than its image. */
static fleck_status read_chunks(layout *l, TIFF *tif, fleck_error *err)
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

static fleck_status read_layout(layout *l, TIFF *tif, const source *s, int64_t max_pixels,
                                fleck_error *err)
{
    uint32_t width = 0, height = 0;
    fleck_status st = FLECK_OK;

    if (!TIFFGetField(tif, TIFFTAG_IMAGEWIDTH, &width) ||
        !TIFFGetField(tif, TIFFTAG_IMAGELENGTH, &height))
        FK_FAIL(err, FLECK_E_FORMAT, "the image has no size");
    l->width = width;
    l->height = height;
    FK_DO(fk_image_check_size(width, height, max_pixels, err));
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
    FK_DO(read_chunks(l, tif, err));
done:
    return st;
}

/* Sample i of a row. */
static uint32_t sample(const uint8_t *row, int64_t i, int bits)
{
    int64_t bit = i * bits;

    if (bits == 8)
        return row[i];
    if (bits == 16)
        return ((const uint16_t *)(const void *)row)[i];
    return (uint32_t)row[bit / 8] >> (8 - bits - bit % 8) & ((1u << bits) - 1);
}

/* n pixels of a chunk's row; stride: samples from one pixel to the next; plane: the channel that a
 * file with separate planes stores here, -1 where the channels lie together. */
static void put_row(uint8_t *out, const uint8_t *row, int64_t n, const layout *l, int stride,
                    int plane)
{
    uint32_t max = (1u << l->bits) - 1;

    if (l->palette) {
        /* A palette holds 16-bit colours; their high bytes are the 8-bit ones, whether the writer
         * multiplied by 256 or by 257. */
        for (int64_t x = 0; x < n; x++)
            for (int c = 0; c < 3; c++)
                out[3 * x + c] = (uint8_t)(l->map[c][sample(row, x * stride, l->bits)] >> 8);
        return;
    }
    for (int c = plane < 0 ? 0 : plane; c < (plane < 0 ? l->channels : plane + 1); c++)
        for (int64_t x = 0; x < n; x++) {
            uint32_t v = sample(row, x * stride + (plane < 0 ? c : 0), l->bits);

            out[x * l->channels + c] = fk_sample_scale(l->inverted ? max - v : v, max);
        }
}

/* Decode one strip or tile whose upper left pixel is (x0, y0) into buffer and copy what lies
 * inside the image. */
static fleck_status read_chunk(fk_image *im, TIFF *tif, const layout *l, uint8_t *buffer,
                               int64_t buffer_size, int64_t x0, int64_t y0, int plane,
                               const source *s, fleck_error *err)
{
    int stride = l->planar == PLANARCONFIG_SEPARATE ? 1 : l->samples;
    int64_t row_bytes = (l->chunk_width * stride * l->bits + 7) / 8;
    int64_t rows = l->chunk_height, columns = l->chunk_width, got;
    uint16_t p = plane < 0 ? 0 : (uint16_t)plane;

    if (columns > l->width - x0)
        columns = l->width - x0;
    if (rows > l->height - y0)
        rows = l->height - y0;
    if (l->tiled)
        got = TIFFReadEncodedTile(tif, TIFFComputeTile(tif, (uint32_t)x0, (uint32_t)y0, 0, p),
                                  buffer, buffer_size);
    else
        got =
            TIFFReadEncodedStrip(tif, TIFFComputeStrip(tif, (uint32_t)y0, p), buffer, buffer_size);
    if (got < row_bytes * rows)
        return failed(s, "the pixels", err);
    for (int64_t y = 0; y < rows; y++)
        put_row(im->data + ((y0 + y) * im->width + x0) * im->channels, buffer + y * row_bytes,
                columns, l, stride, plane);
    return FLECK_OK;
}

static fleck_status read_pixels(fk_image *im, TIFF *tif, const layout *l, const source *s,
                                fleck_error *err)
{
    bool separate = l->planar == PLANARCONFIG_SEPARATE;
    int planes = separate && !l->palette ? l->channels : 1;
    int64_t size = l->tiled ? TIFFTileSize(tif) : TIFFStripSize(tif);
    int64_t least = (l->chunk_width * (separate ? 1 : l->samples) * l->bits + 7) / 8;
    uint8_t *buffer = NULL;
    fleck_status st = FLECK_OK;

    if (size < least * l->chunk_height)
        FK_FAIL(err, FLECK_E_FORMAT, "strips or tiles have no room for their pixels");
    if (size > MAX_CHUNK)
        FK_FAIL(err, FLECK_E_LIMIT, "a strip or tile of %lld bytes", (long long)size);
    /* Zeroed: libtiff calls a damaged JPEG strip read though it has not written all of it. */
    FK_DO(FK_CALLOC(&buffer, size, err));
    for (int plane = 0; plane < planes; plane++)
        for (int64_t y = 0; y < l->height; y += l->chunk_height)
            for (int64_t x = 0; x < l->width; x += l->chunk_width)
                FK_DO(read_chunk(im, tif, l, buffer, size, x, y, planes > 1 ? plane : -1, s, err));
done:
    fk_free(buffer);
    return st;
}

static TIFF *open_tiff(source *s)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    TIFF *tif;

    if (options == NULL)
        return NULL;
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, s);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, s);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, MAX_CHUNK);
    /* "m": read through read_proc, do not ask for a mapping. */
    tif = TIFFClientOpenExt("", "rm", s, read_proc, write_proc, seek_proc, close_proc, size_proc,
                            NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    return tif;
}

fleck_status fk_tiff_decode(fk_decoded *out, const fk_image_bytes *in, fleck_error *err)
{
    source s = {.data = in->data, .size = in->size};
    layout l = {0};
    TIFF *tif = open_tiff(&s);
    fleck_status st = FLECK_OK;

    if (tif == NULL) {
        st = failed(&s, "the header", err);
        goto done;
    }
    FK_DO(read_layout(&l, tif, &s, in->max_pixels, err));
    FK_DO(fk_image_alloc(&out->image, l.width, l.height, l.channels, err));
    FK_DO(read_pixels(&out->image, tif, &l, &s, err));
    if (l.orientation >= 1 && l.orientation <= 8)
        out->orientation = l.orientation;
done:
    if (tif != NULL)
        TIFFClose(tif);
    if (st != FLECK_OK)
        fk_image_free(&out->image);
    return st;
}
