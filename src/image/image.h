/* Images: 8-bit pixels, decoded from files, encoded to files, resized and cropped. */
#ifndef FK_IMAGE_IMAGE_H
#define FK_IMAGE_IMAGE_H

#include "base/error.h"

/* [height, width, channels] u8, row-major, no padding; channels is 1 (grey) or 3 (RGB).
 * Valid when zeroed; data is owned. */
typedef struct fk_image {
    int64_t width, height;
    int channels;
    uint8_t *data;
} fk_image;

/* Limits against hostile files: width and height at most 65535, at most 2^28 pixels. */
#define FK_IMAGE_MAX_SIDE 65535
#define FK_IMAGE_MAX_PIXELS (INT64_C(1) << 28)

fleck_status fk_image_init(fk_image *out, int64_t width, int64_t height, int channels,
                           fleck_error *err) FLECK_MUST_CHECK;
void fk_image_free(fk_image *im);

typedef enum fk_image_want {
    FK_IMAGE_RGB, /* 3 channels: grey is repeated, alpha is dropped, palette looked up */
    FK_IMAGE_GREY /* 1 channel, for masks: RGB becomes (299 R + 587 G + 114 B + 500) / 1000 */
} fk_image_want;

/* Decode path by its first bytes, not its name: PNG, JPEG, TIFF, BMP, PNM (P1 to P6, plain and
 * raw). 16-bit samples become 8-bit by (v * 255 + 32767) / 65535.  EXIF orientation is applied.
 * CMYK JPEG, float TIFF and other unread kinds are FLECK_E_UNSUPPORTED with what was found; bytes
 * that end early or are damaged FLECK_E_FORMAT; an image beyond the limits FLECK_E_LIMIT.
 * Embedded colour profiles are ignored, as the training frameworks do (docs/MODEL.md). */
fleck_status fk_image_load(fk_image *out, const char *path, fk_image_want want,
                           fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_image_decode(fk_image *out, const void *bytes, size_t size, const char *name,
                             fk_image_want want, fleck_error *err) FLECK_MUST_CHECK;
/* Whether path's name ends in an extension fleck decodes (.png .jpg .jpeg .tif .tiff .bmp .pnm .pgm
 * .ppm .pbm), case ignored. */
bool fk_image_has_extension(const char *path);

/* Encode whole or not at all.  PNG: 8-bit grey or RGB. */
fleck_status fk_image_save_png(const fk_image *im, const char *path,
                               fleck_error *err) FLECK_MUST_CHECK;

typedef enum fk_filter {
    FK_FILTER_NEAREST,  /* Pillow's NEAREST: the sample under each output centre */
    FK_FILTER_BILINEAR, /* Pillow's, antialiased, 8-bit rounding between the two passes */
    FK_FILTER_BICUBIC,  /* Pillow's, a = -0.5 */
    FK_FILTER_LANCZOS,  /* Pillow's, a = 3 */
    FK_FILTER_AREA      /* OpenCV's INTER_AREA, enlarging included */
} fk_filter;

/* "nearest", "bilinear", ...; parse returns false on another word. */
const char *fk_filter_name(fk_filter filter);
bool fk_filter_parse(const char *name, fk_filter *out);

/* Resize src to width x height; out is fresh.  Equal to the named original to the last bit. */
fleck_status fk_image_resize(fk_image *out, const fk_image *src, int64_t width, int64_t height,
                             fk_filter filter, fleck_error *err) FLECK_MUST_CHECK;
/* Copy the centre width x height, offset floor-rounded as torchvision's CenterCrop does:
 * int(round((size - crop) / 2.0)), ties to even.  The crop must fit: FLECK_E_SHAPE. */
fleck_status fk_image_crop_centre(fk_image *out, const fk_image *src, int64_t width, int64_t height,
                                  fleck_error *err) FLECK_MUST_CHECK;
/* The offset used above along one axis. */
int64_t fk_crop_offset(int64_t size, int64_t crop);

#endif
