/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding: find the format by the first bytes, decode, apply the orientation, convert to the
 * wanted channels. */
#include "image/decode.h"

#include "base/file.h"

#include <stdio.h>
#include <string.h>

typedef fleck_status decoder(fk_decoded *out, const fk_image_bytes *in, fleck_error *err);

/* How files of a format begin, and the decoder; decode is NULL for formats that fleck recognises
 * but cannot read. */
typedef struct format {
    size_t offset, length;
    const char *magic;
    const char *name;
    decoder *decode;
    /* For a short magic number, checks the bytes after it (text may begin with "BM"); or NULL. */
    bool (*confirms)(const uint8_t *bytes, size_t size);
} format;

/* "P" and a digit, then white space or a comment, then the width. */
static bool begins_pnm(const uint8_t *bytes, size_t size)
{
    size_t i = 2;

    if (size < 4 || strchr(" \t\r\n#", bytes[2]) == NULL || bytes[2] == '\0')
        return false;
    while (i < size && strchr(" \t\r\n", bytes[i]) != NULL && bytes[i] != '\0')
        i++;
    return i < size && (bytes[i] == '#' || (bytes[i] >= '0' && bytes[i] <= '9'));
}

/* After the file's size and the pixels' offset comes the length of the header, 12 to 124 bytes. */
static bool begins_bmp(const uint8_t *bytes, size_t size)
{
    return size >= 18 && bytes[14] >= 12 && bytes[14] <= 124 && bytes[15] == 0 && bytes[16] == 0 &&
           bytes[17] == 0;
}

static const format formats[] = {
    {0, 8, "\x89PNG\r\n\x1a\n", "PNG", fk_png_decode, NULL},
    {0, 3, "\xff\xd8\xff", "JPEG", fk_jpeg_decode, NULL},
    {0, 4, "II*\0", "TIFF", fk_tiff_decode, NULL},
    {0, 4, "MM\0*", "TIFF", fk_tiff_decode, NULL},
    {0, 4, "II+\0", "TIFF", fk_tiff_decode, NULL},
    {0, 4, "MM\0+", "TIFF", fk_tiff_decode, NULL},
    {0, 2, "BM", "BMP", fk_bmp_decode, begins_bmp},
    {0, 2, "P1", "PNM", fk_pnm_decode, begins_pnm},
    {0, 2, "P2", "PNM", fk_pnm_decode, begins_pnm},
    {0, 2, "P3", "PNM", fk_pnm_decode, begins_pnm},
    {0, 2, "P4", "PNM", fk_pnm_decode, begins_pnm},
    {0, 2, "P5", "PNM", fk_pnm_decode, begins_pnm},
    {0, 2, "P6", "PNM", fk_pnm_decode, begins_pnm},
    {0, 3, "P7\n", "PAM", NULL, NULL},
    {0, 3, "PF\n", "float PNM", NULL, NULL},
    {0, 3, "Pf\n", "float PNM", NULL, NULL},
    {0, 4, "GIF8", "GIF", NULL, NULL},
    {8, 4, "WEBP", "WebP", NULL, NULL},
    {4, 8, "ftypavif", "AVIF", NULL, NULL},
    {4, 8, "ftypavis", "AVIF", NULL, NULL},
    {4, 7, "ftyphei", "HEIC", NULL, NULL},
    {4, 7, "ftyphev", "HEIC", NULL, NULL},
    {4, 8, "ftypmif1", "HEIF", NULL, NULL},
    {4, 8, "ftypmsf1", "HEIF", NULL, NULL},
    {4, 8, "ftypcrx ", "camera raw", NULL, NULL},
    {0, 4, "IIU\0", "camera raw", NULL, NULL},
    {0, 4, "IIRO", "camera raw", NULL, NULL},
    {0, 8, "FUJIFILM", "camera raw", NULL, NULL},
    {0, 8, "\0\0\0\x0cjP  ", "JPEG 2000", NULL, NULL},
    {0, 4, "\xff\x4f\xff\x51", "JPEG 2000", NULL, NULL},
    {0, 2, "\xff\x0a", "JPEG XL", NULL, NULL},
    {0, 8, "\0\0\0\x0cJXL ", "JPEG XL", NULL, NULL},
    {0, 4, "qoif", "QOI", NULL, NULL},
    {0, 4, "DDS ", "DDS", NULL, NULL},
    {0, 11, "#?RADIANCE\n", "Radiance", NULL, NULL},
    {0, 9, "SIMPLE  =", "FITS", NULL, NULL},
    {0, 4, "8BPS", "Photoshop", NULL, NULL},
    {0, 4, "%PDF", "PDF", NULL, NULL},
    {0, 4, "\x76\x2f\x31\x01", "OpenEXR", NULL, NULL},
    {128, 4, "DICM", "DICOM", NULL, NULL},
};

/* The first format whose magic number matches, or NULL. */
static const format *match(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        const format *f = &formats[i];

        if (size >= f->offset + f->length && memcmp(bytes + f->offset, f->magic, f->length) == 0)
            return f;
    }
    return NULL;
}

const char *fk_image_format(const uint8_t *bytes, size_t size, bool *read)
{
    const format *f = match(bytes, size);

    if (f == NULL || (f->confirms != NULL && !f->confirms(bytes, size)))
        return NULL;
    *read = f->decode != NULL;
    return f->name;
}

static fleck_status find_format(const format **out, const fk_image_bytes *in, fleck_error *err)
{
    char found[3 * 8 + 1] = "";

    *out = match(in->data, in->size);
    if (*out != NULL && (*out)->decode == NULL)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "expected PNG, JPEG, TIFF, BMP or PNM, found %s", (*out)->name);
    if (*out != NULL)
        return FLECK_OK;
    if (in->size == 0)
        return fk_error_set(err, FLECK_E_FORMAT, "expected an image, found an empty file");
    for (size_t i = 0; i < 8 && i < in->size; i++)
        snprintf(found + 3 * i, 4, " %02x", in->data[i]);
    return fk_error_set(err, FLECK_E_FORMAT,
                        "expected PNG, JPEG, TIFF, BMP or PNM, found a file that begins with%s",
                        found);
}

fleck_status fk_decoded_finish(fk_image *out, fk_decoded *d, fk_image_want want,
                               const fk_image_settings *s, fleck_error *err)
{
    fk_image *kept = &d->image;
    fleck_status st = FLECK_OK;

    if (want == FK_IMAGE_ALPHA) {
        kept = &d->alpha;
        if (kept->data == NULL) {
            FK_DO(fk_image_alloc(kept, d->image.width, d->image.height, 1, err));
            memset(kept->data, 255, (size_t)(kept->width * kept->height));
        }
    } else if (s->blend && d->alpha.data != NULL) {
        FK_DO(fk_image_convert(kept, want, err)); /* the background's colour shows through grey
                                                     images too */
        fk_decoded_blend(d, s->background);
    }
    FK_DO(fk_image_orient(kept, d->orientation, err));
    FK_DO(fk_image_convert(kept, want, err));
    *out = *kept;
    *kept = (fk_image){0};
done:
    return st;
}

static fk_image_bytes bytes_of(const void *bytes, size_t size, const fk_image_settings *s)
{
    return (fk_image_bytes){.data = bytes,
                            .size = size,
                            .max_pixels = s->max_pixels > 0 ? s->max_pixels : FK_IMAGE_MAX_PIXELS,
                            .low = s->low,
                            .high = s->high > 0 ? s->high : FK_IMAGE_WIDEST};
}

fleck_status fk_image_decode_with(fk_image *out, const void *bytes, size_t size, const char *name,
                                  fk_image_want want, const fk_image_settings *settings,
                                  fk_image_notes *notes, fleck_error *err)
{
    fk_image_settings s = settings != NULL ? *settings : (fk_image_settings){0};
    fk_image_bytes in = bytes_of(bytes, size, &s);
    fk_decoded decoded = {.orientation = 1};
    const format *f = NULL;
    fleck_status st;

    *out = (fk_image){0};
    FK_DO(find_format(&f, &in, err));
    st = f->decode(&decoded, &in, err);
    if (st != FLECK_OK) {
        fk_error_context(err, "%s", f->name);
        goto done;
    }
    decoded.notes.transparent = decoded.alpha.data != NULL;
    if (notes != NULL)
        *notes = decoded.notes;
    FK_DO(fk_decoded_finish(out, &decoded, want, &s, err));
done:
    if (st != FLECK_OK)
        fk_error_context(err, "%s", name);
    fk_image_free(&decoded.image);
    fk_image_free(&decoded.alpha);
    return st;
}

fleck_status fk_image_decode(fk_image *out, const void *bytes, size_t size, const char *name,
                             fk_image_want want, fleck_error *err)
{
    return fk_image_decode_with(out, bytes, size, name, want, NULL, NULL, err);
}

/* The largest file that an uncompressed image within the limit needs: 4 samples of 16 bits a pixel,
 * and 1 MiB of header. */
static size_t largest_file(const fk_image_settings *s)
{
    int64_t pixels = s != NULL && s->max_pixels > 0 ? s->max_pixels : 0;

    if (pixels < FK_IMAGE_MAX_PIXELS) /* a large file is harmless by itself */
        pixels = FK_IMAGE_MAX_PIXELS;
    return (size_t)pixels * 8 + (1u << 20);
}

fleck_status fk_image_load_with(fk_image *out, const char *path, fk_image_want want,
                                const fk_image_settings *settings, fk_image_notes *notes,
                                fleck_error *err)
{
    fk_contents file;
    fleck_status st;

    *out = (fk_image){0};
    FK_DO(fk_contents_read(&file, path, largest_file(settings), err));
    st = fk_image_decode_with(out, file.data, file.size, path, want, settings, notes, err);
    fk_contents_free(&file);
done:
    return st;
}

fleck_status fk_image_load(fk_image *out, const char *path, fk_image_want want, fleck_error *err)
{
    return fk_image_load_with(out, path, want, NULL, NULL, err);
}

fleck_status fk_image_check(const char *path, const fk_image_settings *settings,
                            fk_image_notes *notes, fk_digest *content, fleck_error *err)
{
    fk_image_settings s = settings != NULL ? *settings : (fk_image_settings){0};
    fk_decoded decoded = {.orientation = 1};
    fk_contents file = {0};
    fk_image_bytes in;
    const format *f = NULL;
    fleck_status st;

    FK_DO(fk_contents_read(&file, path, largest_file(&s), err));
    in = bytes_of(file.data, file.size, &s);
    in.only_header = true;
    st = find_format(&f, &in, err);
    if (st == FLECK_OK) {
        st = f->decode(&decoded, &in, err);
        if (st != FLECK_OK)
            fk_error_context(err, "%s", f->name);
    }
    if (st != FLECK_OK)
        fk_error_context(err, "%s", path);
    if (notes != NULL)
        *notes = decoded.notes;
    if (content != NULL)
        *content = fk_digest_block(file.data, file.size);
done:
    fk_contents_free(&file);
    return st;
}
