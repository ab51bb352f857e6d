/* SPDX-License-Identifier: Apache-2.0 */
/* One-channel TIFF maps, with libtiff.
 *
 * libtiff reads and writes memory through client procedures.  So a file appears whole or not at
 * all, and libtiff's messages belong to one call, not to a global handler. */
#include "map/map_file.h"
#include "base/file.h"
#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <tiffio.h>

/* The fuzzing build has a smaller limit, since legal blocks of gigabytes only make it slow. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define MAX_COUNT (INT64_C(1) << 20)
#else
#define MAX_COUNT FK_MAP_MAX_COUNT
#endif

/* Most bytes of one block: a strip of the largest map in float64. */
#define MAX_BLOCK ((tmsize_t)MAX_COUNT * 8)

/* A file in memory: the caller's bytes for reading, or an array that grows for writing. */
typedef struct stream {
    const uint8_t *from; /* reading */
    uint8_t *to;         /* writing */
    int64_t size, room, at;
    fleck_status status; /* of an error in these procedures */
    char message[256];   /* libtiff's first error */
} stream;

/* ---- Client procedures ---- */

static tmsize_t stream_read(thandle_t handle, void *out, tmsize_t n)
{
    stream *s = handle;
    int64_t left = s->at < s->size ? s->size - s->at : 0;

    if (n > left)
        n = left;
    if (n <= 0)
        return 0;
    memcpy(out, (s->to != NULL ? s->to : s->from) + s->at, (size_t)n);
    s->at += n;
    return n;
}

static tmsize_t stream_write(thandle_t handle, void *bytes, tmsize_t n)
{
    stream *s = handle;
    int64_t end = s->at + n;

    if (n <= 0 || s->from != NULL)
        return 0;
    if (end > s->room) {
        int64_t room = s->room > 0 ? s->room : 4096;

        while (room < end)
            room *= 2;
        s->status = fk_grow((void **)&s->to, s->size, room, 1, NULL);
        if (s->status != FLECK_OK)
            return -1;
        s->room = room;
    }
    if (s->at > s->size) /* a gap left by seeking reads as zeros */
        memset(s->to + s->size, 0, (size_t)(s->at - s->size));
    memcpy(s->to + s->at, bytes, (size_t)n);
    s->at = end;
    if (end > s->size)
        s->size = end;
    return n;
}

static toff_t stream_seek(thandle_t handle, toff_t offset, int whence)
{
    stream *s = handle;
    int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? s->at : s->size, at;

    /* A negative offset is a huge toff_t; the unsigned sum is right. */
    at = (int64_t)((uint64_t)base + offset);
    if (at < 0)
        return (toff_t)-1;
    s->at = at;
    return (toff_t)at;
}

static int stream_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t stream_size(thandle_t handle)
{
    return (toff_t)((stream *)handle)->size;
}

/* Keep the first error as "module: text", without the module if it is only the file's name. */
static int store_error(TIFF *tif, void *handle, const char *module, const char *format, va_list ap)
{
    stream *s = handle;
    int used = 0;

    if (s->message[0] == '\0') {
        if (module != NULL && (tif == NULL || strcmp(module, TIFFFileName(tif)) != 0))
            used = snprintf(s->message, sizeof s->message, "%s: ", module);
        if (used >= 0 && (size_t)used < sizeof s->message)
            vsnprintf(s->message + used, sizeof s->message - (size_t)used, format, ap);
    }
    return 1; /* no global handler is called */
}

static int drop_warning(TIFF *tif, void *handle, const char *module, const char *format, va_list ap)
{
    (void)tif;
    (void)handle;
    (void)module;
    (void)format;
    (void)ap;
    return 1;
}

static TIFF *open_stream(stream *s, const char *name, const char *mode)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    TIFF *tif;

    if (options == NULL)
        return NULL;
    TIFFOpenOptionsSetErrorHandlerExtR(options, store_error, s);
    TIFFOpenOptionsSetWarningHandlerExtR(options, drop_warning, s);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, MAX_BLOCK);
    tif = TIFFClientOpenExt(name, mode, s, stream_read, stream_write, stream_seek, stream_close,
                            stream_size, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    return tif;
}

/* ---- Reading ---- */

typedef struct layout {
    uint32_t width, height;
    uint16_t bits, format;              /* of a sample */
    bool tiled, plain;                  /* plain: not compressed */
    uint32_t block_width, block_height; /* a tile's, or width and rows of a strip */
} layout;

static bool is_read(uint16_t bits, uint16_t format)
{
    if (format == SAMPLEFORMAT_IEEEFP)
        return bits == 32 || bits == 64;
    return format == SAMPLEFORMAT_UINT && (bits == 8 || bits == 16);
}

static const char *format_name(uint16_t format)
{
    return format == SAMPLEFORMAT_IEEEFP ? "floating"
           : format == SAMPLEFORMAT_UINT ? "unsigned"
           : format == SAMPLEFORMAT_INT  ? "signed"
                                         : "other";
}

static fleck_status read_layout(TIFF *tif, layout *l, const char *name, fleck_error *err)
{
    uint16_t samples = 1, photometric = PHOTOMETRIC_MINISBLACK, compression = COMPRESSION_NONE;
    fleck_status st = FLECK_OK;

    if (!TIFFGetField(tif, TIFFTAG_IMAGEWIDTH, &l->width) ||
        !TIFFGetField(tif, TIFFTAG_IMAGELENGTH, &l->height) || l->width == 0 || l->height == 0)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: the TIFF has no width or height", name);
    if (l->width > FK_MAP_MAX_SIDE || l->height > FK_MAP_MAX_SIDE ||
        (int64_t)l->width * l->height > MAX_COUNT)
        FK_FAIL(err, FLECK_E_LIMIT, "%s: %u x %u, the limit is %d a side and %lld in all", name,
                l->width, l->height, FK_MAP_MAX_SIDE, (long long)MAX_COUNT);
    TIFFGetFieldDefaulted(tif, TIFFTAG_BITSPERSAMPLE, &l->bits);
    TIFFGetFieldDefaulted(tif, TIFFTAG_SAMPLEFORMAT, &l->format);
    TIFFGetFieldDefaulted(tif, TIFFTAG_SAMPLESPERPIXEL, &samples);
    TIFFGetFieldDefaulted(tif, TIFFTAG_COMPRESSION, &compression);
    TIFFGetField(tif, TIFFTAG_PHOTOMETRIC, &photometric);
    if (samples != 1)
        FK_FAIL(err, FLECK_E_UNSUPPORTED, "%s: expected a map of 1 channel, found %d", name,
                samples);
    if (!is_read(l->bits, l->format))
        FK_FAIL(err, FLECK_E_UNSUPPORTED,
                "%s: expected samples of float32, float64, u8 or u16, found %d bits %s", name,
                l->bits, format_name(l->format));
    if (photometric != PHOTOMETRIC_MINISBLACK)
        FK_FAIL(err, FLECK_E_UNSUPPORTED, "%s: expected grey values with 0 for black, found %s",
                name,
                photometric == PHOTOMETRIC_MINISWHITE ? "0 for white"
                : photometric == PHOTOMETRIC_PALETTE  ? "a palette"
                                                      : "another kind of colour");
    if (!TIFFIsCODECConfigured(compression))
        FK_FAIL(err, FLECK_E_UNSUPPORTED, "%s: libtiff here cannot undo compression %d", name,
                compression);
    l->plain = compression == COMPRESSION_NONE;
    l->tiled = TIFFIsTiled(tif) != 0;
    l->block_width = l->width;
    l->block_height = l->height;
    if (l->tiled) {
        TIFFGetField(tif, TIFFTAG_TILEWIDTH, &l->block_width);
        TIFFGetField(tif, TIFFTAG_TILELENGTH, &l->block_height);
    } else {
        TIFFGetFieldDefaulted(tif, TIFFTAG_ROWSPERSTRIP, &l->block_height);
        if (l->block_height > l->height)
            l->block_height = l->height;
    }
    if (l->block_width == 0 || l->block_height == 0 || l->block_width > 2 * FK_MAP_MAX_SIDE ||
        (int64_t)l->block_width * l->block_height > MAX_COUNT)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: the TIFF's tiles or strips have an impossible size",
                name);
done:
    return st;
}

/* Convert n samples, which are in this machine's byte order, to float. */
static void to_float(float *out, const void *from, int64_t n, uint16_t bits, bool floating)
{
    if (floating && bits == 32) {
        memcpy(out, from, (size_t)n * sizeof *out);
    } else if (floating) {
        for (int64_t i = 0; i < n; i++)
            out[i] = (float)((const double *)from)[i];
    } else if (bits == 16) {
        for (int64_t i = 0; i < n; i++)
            out[i] = (float)((const uint16_t *)from)[i];
    } else {
        for (int64_t i = 0; i < n; i++)
            out[i] = (float)((const uint8_t *)from)[i];
    }
}

/* Whether the tables have the block.  libtiff would read a missing one from the start of the
 * file. */
static bool block_is_there(TIFF *tif, uint32_t number, int64_t wanted, bool plain)
{
    int bad = 0;
    uint64_t offset = TIFFGetStrileOffsetWithErr(tif, number, &bad), bytes;

    if (bad != 0 || offset == 0)
        return false;
    bytes = TIFFGetStrileByteCountWithErr(tif, number, &bad);
    return bad == 0 && bytes >= (plain ? (uint64_t)wanted : 1);
}

/* Read block by block.  out is allocated after the first block, so that a small file that claims to
 * be huge fails before that. */
static fleck_status read_blocks(fk_tensor *out, TIFF *tif, const layout *l, const stream *s,
                                const char *name, fleck_error *err)
{
    int64_t bytes = l->bits / 8, row = l->block_width * bytes, size = row * l->block_height;
    uint8_t *block = NULL;
    uint32_t number = 0;
    fleck_status st;

    if (TIFFIsTiled(tif) ? TIFFTileSize64(tif) != (uint64_t)size
                         : TIFFVStripSize64(tif, l->block_height) != (uint64_t)size)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: the TIFF's tiles or strips have an impossible size",
                name);
    /* Zeroed, since libtiff may not fill a damaged block though it reports success. */
    FK_DO(FK_CALLOC(&block, size, err));
    for (uint32_t y = 0; y < l->height; y += l->block_height) {
        uint32_t rows = l->height - y < l->block_height ? l->height - y : l->block_height;

        for (uint32_t x = 0; x < l->width; x += l->block_width, number++) {
            uint32_t columns = l->width - x < l->block_width ? l->width - x : l->block_width;
            int64_t wanted = l->tiled ? size : row * rows;
            tmsize_t got = -1;

            if (block_is_there(tif, number, wanted, l->plain))
                got = l->tiled ? TIFFReadEncodedTile(tif, number, block, wanted)
                               : TIFFReadEncodedStrip(tif, number, block, wanted);
            if (got != wanted)
                FK_FAIL(err, FLECK_E_FORMAT, "%s: damaged or cut short in row %u: %s", name, y,
                        s->message[0] != '\0' ? s->message : "too few samples");
            if (out->data == NULL)
                FK_DO(fk_tensor_init(out, FK_F32, 2, (int64_t[]){l->height, l->width}, err));
            for (uint32_t r = 0; r < rows; r++)
                to_float((float *)out->data + (int64_t)(y + r) * l->width + x, block + r * row,
                         columns, l->bits, l->format == SAMPLEFORMAT_IEEEFP);
        }
    }
done:
    fk_free(block);
    if (st != FLECK_OK)
        fk_tensor_free(out);
    return st;
}

fleck_status fk_tiff_read_bytes(fk_tensor *out, const void *bytes, size_t size, const char *name,
                                fleck_error *err)
{
    stream s = {.from = bytes != NULL ? bytes : (const uint8_t *)"", .size = (int64_t)size};
    layout l = {.width = 0};
    TIFF *tif;
    fleck_status st;

    *out = (fk_tensor){0};
    tif = open_stream(&s, name, "r");
    if (tif == NULL)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: not a readable TIFF: %s", name,
                s.message[0] != '\0' ? s.message : "it does not begin as one");
    FK_DO(read_layout(tif, &l, name, err));
    FK_DO(read_blocks(out, tif, &l, &s, name, err));
done:
    if (tif != NULL)
        TIFFClose(tif);
    return st;
}

fleck_status fk_tiff_read(fk_tensor *out, const char *path, fleck_error *err)
{
    fk_contents file;
    fleck_status st;

    *out = (fk_tensor){0};
    st = fk_contents_read(&file, path, 0, err);
    if (st == FLECK_OK)
        st = fk_tiff_read_bytes(out, file.data, file.size, path, err);
    fk_contents_free(&file);
    return st;
}

/* ---- Writing ---- */

static bool set_fields(TIFF *tif, uint32_t height, uint32_t width, const char *origin)
{
    return TIFFSetField(tif, TIFFTAG_SOFTWARE, "fleck " FLECK_VERSION) &&
           (origin == NULL || TIFFSetField(tif, TIFFTAG_DOCUMENTNAME, origin)) &&
           TIFFSetField(tif, TIFFTAG_IMAGEWIDTH, width) &&
           TIFFSetField(tif, TIFFTAG_IMAGELENGTH, height) &&
           TIFFSetField(tif, TIFFTAG_BITSPERSAMPLE, 32) &&
           TIFFSetField(tif, TIFFTAG_SAMPLESPERPIXEL, 1) &&
           TIFFSetField(tif, TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_IEEEFP) &&
           TIFFSetField(tif, TIFFTAG_COMPRESSION, COMPRESSION_NONE) &&
           TIFFSetField(tif, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK) &&
           TIFFSetField(tif, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) &&
           TIFFSetField(tif, TIFFTAG_ROWSPERSTRIP, TIFFDefaultStripSize(tif, 0));
}

/* Compose the file in s; false, with a message in s, if libtiff fails. */
static bool encode(stream *s, const char *path, const float *data, uint32_t height, uint32_t width,
                   const char *origin)
{
    TIFF *tif = open_stream(s, path, "wl");
    uint32_t rows = 0, strip = 0;
    bool good = tif != NULL && set_fields(tif, height, width, origin) &&
                TIFFGetField(tif, TIFFTAG_ROWSPERSTRIP, &rows) && rows > 0;

    for (uint32_t y = 0; good && y < height; y += rows, strip++) {
        uint32_t n = height - y < rows ? height - y : rows;
        tmsize_t size = (tmsize_t)n * width * (tmsize_t)sizeof *data;

        /* libtiff takes a pointer to what it might swap in place; the byte order is this
         * machine's, so it only reads. */
        good = TIFFWriteEncodedStrip(tif, strip, (void *)(uintptr_t)(data + (size_t)y * width),
                                     size) == size;
    }
    good = good && TIFFFlush(tif);
    if (tif != NULL)
        TIFFClose(tif);
    return good && s->status == FLECK_OK && s->message[0] == '\0';
}

fleck_status fk_tiff_write(const char *path, const float *data, int64_t height, int64_t width,
                           const char *origin, fleck_error *err)
{
    stream s = {0};
    fleck_status st;

    if (height < 1 || width < 1 || height > FK_MAP_MAX_SIDE || width > FK_MAP_MAX_SIDE ||
        height * width > FK_MAP_MAX_COUNT)
        FK_FAIL(err, FLECK_E_LIMIT,
                "cannot write %s: expected 1 to %d a side and at most %lld values, got %lld x %lld",
                path, FK_MAP_MAX_SIDE, (long long)FK_MAP_MAX_COUNT, (long long)width,
                (long long)height);
    if (!encode(&s, path, data, (uint32_t)height, (uint32_t)width, origin)) {
        if (s.status != FLECK_OK)
            FK_FAIL(err, s.status, "cannot write %s: out of memory for a TIFF of %lld x %lld", path,
                    (long long)width, (long long)height);
        FK_FAIL(err, FLECK_E_IO, "cannot write %s: %s", path,
                s.message[0] != '\0' ? s.message : "libtiff failed");
    }
    FK_DO(fk_file_write(path, s.to, (size_t)s.size, err));
done:
    fk_free(s.to);
    return st;
}

bool fk_tiff_origin(char *out, size_t size, const char *path)
{
    fk_contents file;
    const char *software = NULL, *origin = NULL;
    stream s = {0};
    TIFF *tif;
    bool own = false;

    out[0] = '\0';
    if (fk_contents_read(&file, path, 0, NULL) != FLECK_OK)
        return false;
    s.from = file.data;
    s.size = (int64_t)file.size;
    tif = file.size > 0 ? open_stream(&s, path, "r") : NULL;
    if (tif != NULL) {
        own = TIFFGetField(tif, TIFFTAG_SOFTWARE, &software) && strncmp(software, "fleck ", 6) == 0;
        if (own && TIFFGetField(tif, TIFFTAG_DOCUMENTNAME, &origin))
            snprintf(out, size, "%s", origin);
        TIFFClose(tif);
    }
    fk_contents_free(&file);
    return own;
}
