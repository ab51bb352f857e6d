/* Decoding: the format told by the first bytes, then turned and brought to the wanted channels. */
#include "image/decode.h"

#include "base/file.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

/* No stored image within the pixel limit is larger: 4 samples of 16 bit, and a mebibyte of header.
 */
#define MAX_FILE ((size_t)FK_IMAGE_MAX_PIXELS * 8 + (1u << 20))

typedef fleck_status decoder(fk_decoded *out, const fk_image_bytes *in, fleck_error *err);

/* How files of a kind begin, and who decodes them; decode is NULL for the kinds that fleck can
 * only name. */
typedef struct format {
    size_t offset, length;
    const char *magic;
    const char *name;
    decoder *decode;
} format;

static const format formats[] = {
    {0, 8, "\x89PNG\r\n\x1a\n", "PNG", fk_png_decode},
    {0, 3, "\xff\xd8\xff", "JPEG", fk_jpeg_decode},
    {0, 4, "II*\0", "TIFF", fk_tiff_decode},
    {0, 4, "MM\0*", "TIFF", fk_tiff_decode},
    {0, 4, "II+\0", "TIFF", fk_tiff_decode},
    {0, 4, "MM\0+", "TIFF", fk_tiff_decode},
    {0, 2, "BM", "BMP", fk_bmp_decode},
    {0, 2, "P1", "PNM", fk_pnm_decode},
    {0, 2, "P2", "PNM", fk_pnm_decode},
    {0, 2, "P3", "PNM", fk_pnm_decode},
    {0, 2, "P4", "PNM", fk_pnm_decode},
    {0, 2, "P5", "PNM", fk_pnm_decode},
    {0, 2, "P6", "PNM", fk_pnm_decode},
    {0, 3, "P7\n", "PAM", NULL},
    {0, 3, "PF\n", "float PNM", NULL},
    {0, 3, "Pf\n", "float PNM", NULL},
    {0, 4, "GIF8", "GIF", NULL},
    {8, 4, "WEBP", "WebP", NULL},
    {4, 8, "ftypavif", "AVIF", NULL},
    {4, 8, "ftypheic", "HEIC", NULL},
    {0, 8, "\0\0\0\x0cjP  ", "JPEG 2000", NULL},
    {0, 4, "\xff\x4f\xff\x51", "JPEG 2000", NULL},
    {0, 2, "\xff\x0a", "JPEG XL", NULL},
    {0, 4, "8BPS", "Photoshop", NULL},
    {0, 4, "%PDF", "PDF", NULL},
    {0, 4, "\x76\x2f\x31\x01", "OpenEXR", NULL},
    {128, 4, "DICM", "DICOM", NULL},
};

static fleck_status find_format(const format **out, const fk_image_bytes *in, fleck_error *err)
{
    char found[3 * 8 + 1] = "";

    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        const format *f = &formats[i];

        if (in->size < f->offset + f->length ||
            memcmp(in->data + f->offset, f->magic, f->length) != 0)
            continue;
        if (f->decode == NULL)
            return fk_error_set(err, FLECK_E_UNSUPPORTED,
                                "expected PNG, JPEG, TIFF, BMP or PNM, found %s", f->name);
        *out = f;
        return FLECK_OK;
    }
    if (in->size == 0)
        return fk_error_set(err, FLECK_E_FORMAT, "expected an image, found an empty file");
    for (size_t i = 0; i < 8 && i < in->size; i++)
        snprintf(found + 3 * i, 4, " %02x", in->data[i]);
    return fk_error_set(err, FLECK_E_FORMAT,
                        "expected PNG, JPEG, TIFF, BMP or PNM, found a file that begins with%s",
                        found);
}

fleck_status fk_image_decode_limited(fk_image *out, const void *bytes, size_t size,
                                     int64_t max_pixels, const char *name, fk_image_want want,
                                     fleck_error *err)
{
    fk_image_bytes in = {bytes, size, max_pixels};
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
    FK_DO(fk_image_orient(&decoded.image, decoded.orientation, err));
    FK_DO(fk_image_convert(&decoded.image, want, err));
    *out = decoded.image;
    decoded.image = (fk_image){0};
done:
    if (st != FLECK_OK)
        fk_error_context(err, "%s", name);
    fk_image_free(&decoded.image);
    return st;
}

fleck_status fk_image_decode(fk_image *out, const void *bytes, size_t size, const char *name,
                             fk_image_want want, fleck_error *err)
{
    return fk_image_decode_limited(out, bytes, size, FK_IMAGE_MAX_PIXELS, name, want, err);
}

fleck_status fk_image_load(fk_image *out, const char *path, fk_image_want want, fleck_error *err)
{
    fk_mapped file;
    fleck_status st;

    *out = (fk_image){0};
    FK_DO(fk_mapped_open(&file, path, MAX_FILE, err));
    st = fk_image_decode(out, file.data, file.size, path, want, err);
    fk_mapped_close(&file);
done:
    return st;
}

bool fk_image_has_extension(const char *path)
{
    static const char *const extensions[] = {".png", ".jpg", ".jpeg", ".tif", ".tiff",
                                             ".bmp", ".pnm", ".pgm",  ".ppm", ".pbm"};

    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++)
        if (fk_ends_with(path, extensions[i]))
            return true;
    return false;
}
