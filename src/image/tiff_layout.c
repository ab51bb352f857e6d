/* A TIFF's header: the one image of the file, and how its samples lie.
 *
 * libtiff reads from memory through the functions below, and its messages go to a handler of this
 * one file handle, so that nothing is printed and nothing global is touched. */
#include "image/tiff.h"

#include <stdio.h>
#include <string.h>

/* A strip or tile is decoded whole; the largest that is read, in bytes, unless the image may be larger. */
#define MAX_CHUNK (INT64_C(1) << 30)

#define MAX_SAMPLES 8

static tmsize_t read_proc(thandle_t handle, void *out, tmsize_t size)
{
    fk_tiff_source *s = handle;
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
    fk_tiff_source *s = handle;

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
    return ((fk_tiff_source *)handle)->size;
}

static int on_error(TIFF *tif, void *user, const char *module, const char *format, va_list ap)
{
    fk_tiff_source *s = user;

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

TIFF *fk_tiff_open(fk_tiff_source *s, const fk_image_bytes *in)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    TIFF *tif;

    *s = (fk_tiff_source){.data = in->data, .size = in->size, .max_chunk = MAX_CHUNK};
    if (in->max_pixels > MAX_CHUNK / 8) /* 4 samples of 16 bits */
        s->max_chunk = in->max_pixels * 8;
    if (options == NULL)
        return NULL;
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, s);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, s);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, s->max_chunk);
    /* "m": read through read_proc, do not ask for a mapping. */
    tif = TIFFClientOpenExt("", "rm", s, read_proc, write_proc, seek_proc, close_proc, size_proc,
                            NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    return tif;
}

fleck_status fk_tiff_failed(const fk_tiff_source *s, const char *what, fleck_error *err)
{
    return fk_error_set(err, FLECK_E_FORMAT, "%s: %s", what,
                        s->message[0] != '\0' ? s->message : "the file is damaged or ends early");
}

static fleck_status check_kind(const fk_tiff_layout *l, fleck_error *err)
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

/* Samples beside the colours are alpha, or something that would be lost. */
static fleck_status read_alpha(fk_tiff_layout *l, TIFF *tif, fleck_error *err)
{
    uint16_t colours = l->palette ? 1 : l->cmyk ? 4 : (uint16_t)l->channels, n = 0, *kinds = NULL;
    uint16_t kind = EXTRASAMPLE_UNASSALPHA; /* of a lone one that says nothing */

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

static fleck_status read_photometric(fk_tiff_layout *l, TIFF *tif, const fk_tiff_source *s,
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
            return fk_tiff_failed(s, "no palette", err);
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

/* Sizes of a strip or tile; a file of few bytes may name tiles far larger than its image. */
static fleck_status read_chunks(fk_tiff_layout *l, TIFF *tif, fleck_error *err)
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

/* What a directory holds beside the image: a preview of it, or its mask. */
static bool is_beside(TIFF *tif)
{
    uint32_t kind = 0;
    uint16_t old = 0;

    if (TIFFGetField(tif, TIFFTAG_SUBFILETYPE, &kind))
        return (kind & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK)) != 0;
    return TIFFGetField(tif, TIFFTAG_OSUBFILETYPE, &old) && old == OFILETYPE_REDUCEDIMAGE;
}

/* Go to the file's one image. */
static fleck_status find_image(TIFF *tif, const fk_tiff_source *s, fleck_error *err)
{
    tdir_t first = 0;
    int64_t images = 0;

    for (;;) {
        if (!is_beside(tif) && images++ == 0)
            first = TIFFCurrentDirectory(tif);
        if (TIFFLastDirectory(tif))
            break;
        if (!TIFFReadDirectory(tif))
            return fk_tiff_failed(s, "the next page", err);
    }
    if (images > 1)
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "expected one image, found %lld pages",
                            (long long)images);
    if (images == 0) /* the image itself was cut off, or never there */
        return fk_error_set(err, FLECK_E_FORMAT, "expected an image, found only previews or masks");
    if (!TIFFSetDirectory(tif, first))
        return fk_tiff_failed(s, "the directory", err);
    return FLECK_OK;
}

static fleck_status read_size(fk_tiff_layout *l, TIFF *tif, fleck_error *err)
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

fleck_status fk_tiff_read_layout(fk_tiff_layout *l, TIFF *tif, const fk_tiff_source *s,
                                 int64_t max_pixels, fleck_error *err)
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
