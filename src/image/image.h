/* SPDX-License-Identifier: Apache-2.0 */
/* Images: 8-bit pixels, decoded from files, encoded to files, resized and cropped. */
#ifndef FK_IMAGE_IMAGE_H
#define FK_IMAGE_IMAGE_H

#include "base/digest.h"
#include "base/error.h"
#include "base/look.h"

/* [height, width, channels] u8, row-major, no padding; channels is 1 (grey) or 3 (RGB).
 * Valid when zeroed; data is owned. */
typedef struct fk_image {
    int64_t width, height;
    int channels;
    uint8_t *data;
} fk_image;

/* Limits of an image's side, and of a file's pixels unless its reader sets another limit: a small
 * file can claim a large image, which takes three bytes a pixel when decoded. */
#define FK_IMAGE_MAX_SIDE 65535
#define FK_IMAGE_MAX_PIXELS (INT64_C(1) << 28)

/* A black image.  FLECK_E_LIMIT beyond FK_IMAGE_MAX_SIDE, FLECK_E_FORMAT if it has no pixels. */
fleck_status fk_image_init(fk_image *out, int64_t width, int64_t height, int channels,
                           fleck_error *err) FLECK_MUST_CHECK;
void fk_image_free(fk_image *im);

typedef enum fk_image_want {
    FK_IMAGE_RGB,  /* 3 channels: grey is repeated, palettes are looked up */
    FK_IMAGE_GREY, /* 1 channel, for masks: RGB becomes (299 R + 587 G + 114 B + 500) / 1000 */
    FK_IMAGE_ALPHA /* 1 channel: opacity; 255 everywhere in a file without transparency */
} fk_image_want;

/* The largest 16-bit sample. */
#define FK_IMAGE_WIDEST 65535

/* How a file's samples become 8 bits.  Zeroed members mean the defaults. */
typedef struct fk_image_settings {
    int64_t max_pixels; /* 0: FK_IMAGE_MAX_PIXELS; at most FK_IMAGE_MAX_SIDE squared */
    /* The window of wide samples, low < high <= FK_IMAGE_WIDEST: low becomes 0, high 255, values
     * outside are clipped.  high 0: FK_IMAGE_WIDEST. */
    uint32_t low, high;
    bool blend;            /* blend transparent pixels over the background; else drop alpha */
    uint8_t background[3]; /* RGB */
} fk_image_settings;

/* Notes about a file's pixels.  Wide samples are 16-bit samples whose file does not say which part
 * of the range it uses: those of PNG, of TIFF, and of PNM with a largest value of 65535. */
typedef struct fk_image_notes {
    bool transparent; /* some pixel is not opaque */
    bool wide;
    /* Of wide samples: the smallest of 8, 10, 12, 14 and 16 bits that holds all samples but one in
     * 10,000, so that a few hot pixels do not ask for a larger range. */
    int bits;
    uint32_t largest;      /* largest sample within that range */
    float above;           /* fraction of the samples above the settings' window */
    int64_t width, height; /* with the orientation applied */
} fk_image_notes;

/* Decode the file at path: PNG, JPEG, TIFF, BMP or PNM (P1 to P6, plain and raw).  Its first bytes
 * tell the format, not its name.
 *
 *   samples      a sample v of [0, max] becomes (v * 255 + max / 2) / max, a wide one v - low of
 *                [0, high - low]; palette colours have 8 bits (of TIFF's 16 the high byte); 5- and
 *                6-bit samples of BMP are scaled and truncated as Pillow does
 *   alpha        with settings.blend, blended over the background in 8 bits: (a * v + (255 - a) *
 *                background + 127) / 255; so are a palette's alpha and a transparent colour
 *   CMYK         as Pillow does: ((255 - C) * (255 - K) / 255), ...; samples of JPEG are taken as
 *                inverted, because all writers store them so
 *   orientation  applied, from EXIF (JPEG, PNG) or TIFF's tag
 *   profiles     embedded colour profiles and gamma are ignored, as the training frameworks do
 *   JPEG         libjpeg's defaults: accurate integer transform, smooth chroma up-sampling
 *
 * An 8-bit RGB or grey PNG or JPEG gives the bytes of Pillow's Image.open() after
 * ImageOps.exif_transpose().
 *
 * A file is refused if some of its content would be lost: further pages, frames or images, or
 * samples besides colour and alpha.  Previews, masks and reduced copies of the one image do not
 * count.
 *
 * Errors, each naming the file, with *out empty:
 *   FLECK_E_NOTFOUND, FLECK_E_IO   the file cannot be opened
 *   FLECK_E_FORMAT                 not an image, damaged, or truncated
 *   FLECK_E_UNSUPPORTED            float or signed samples, several pages, compressed BMP, GIF,
 *                                  WebP, ...: the message says what was found
 *   FLECK_E_LIMIT                  beyond the limits; checked before memory is allocated
 *   FLECK_E_NOMEM
 * Cost: about 4 ms for a PNG of 900x900 RGB pixels on one core of an AMD EPYC at 2.4 GHz.
 * Thread-safe. */
fleck_status fk_image_load(fk_image *out, const char *path, fk_image_want want,
                           fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_image_decode(fk_image *out, const void *bytes, size_t size, const char *name,
                             fk_image_want want, fleck_error *err) FLECK_MUST_CHECK;
/* The same with settings and notes; either may be NULL. */
fleck_status fk_image_load_with(fk_image *out, const char *path, fk_image_want want,
                                const fk_image_settings *settings, fk_image_notes *notes,
                                fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_image_decode_with(fk_image *out, const void *bytes, size_t size, const char *name,
                                  fk_image_want want, const fk_image_settings *settings,
                                  fk_image_notes *notes, fleck_error *err) FLECK_MUST_CHECK;
/* Convert pixels in a caller's memory to RGB, as if a file held these samples.  borrowed may be
 * NULL; otherwise *borrowed is true if no conversion was needed, so that out points into the
 * caller's pixels and must not be freed.  settings and notes may be NULL.
 *   FLECK_E_OPTION  no data, or no such format
 *   FLECK_E_FORMAT  no pixel
 *   FLECK_E_SHAPE   row_bytes is less than a row of pixels takes, or the rows do not fit in memory
 *   FLECK_E_LIMIT   beyond FK_IMAGE_MAX_SIDE */
fleck_status fk_image_of_pixels(fk_image *out, bool *borrowed, const fleck_pixels *p,
                                const fk_image_settings *settings, fk_image_notes *notes,
                                fleck_error *err) FLECK_MUST_CHECK;
/* Make the mask of a width x height image: 255 where GREY8 pixels are 128 or above.  The same
 * errors, and FLECK_E_SHAPE if the sizes differ. */
fleck_status fk_image_mask_of_pixels(fk_image *out, const fleck_pixels *p, int64_t width,
                                     int64_t height, fleck_error *err) FLECK_MUST_CHECK;
/* Check by its header that path can be read as an image.  This finds formats and kinds that fleck
 * does not read, sizes beyond the limits, and truncated PNGs.  Only wide and the size of the notes
 * are set; *content is the digest of the whole file.  settings, notes and content may be NULL.
 * Errors of fk_image_load(). */
fleck_status fk_image_check(const char *path, const fk_image_settings *settings,
                            fk_image_notes *notes, fk_digest *content,
                            fleck_error *err) FLECK_MUST_CHECK;
/* Whether path has the extension of a format that fleck decodes (.png .jpg .jpeg .jpe .jfif .tif
 * .tiff .bmp .dib .pnm .pgm .ppm .pbm), ignoring case. */
bool fk_image_has_extension(const char *path);
/* fk_look_fn: a file with such an extension counts as an image whatever its bytes are, so that a
 * damaged one is reported instead of skipped.  The bytes of any other file decide. */
fk_look fk_image_look(const char *name, const uint8_t *head, size_t size, const char **format);

/* Estimate from the first bytes of the file how many bytes of memory decoding the image at path to
 * RGB takes; 0 if unknown.  A file that is damaged or not an image is no error here. */
int64_t fk_image_peek_bytes(const char *path);

/* Write an 8-bit grey or RGB PNG, atomically: on failure path is left as it was. */
fleck_status fk_image_save_png(const fk_image *im, const char *path,
                               fleck_error *err) FLECK_MUST_CHECK;

/* The same for a picture that fleck has drawn of an image: a heat map, a panel.  Text chunks after
 * the header say that fleck made it, and of which image: origin is a short text, or NULL. */
fleck_status fk_image_save_picture(const fk_image *im, const char *origin, const char *path,
                                   fleck_error *err) FLECK_MUST_CHECK;
/* Whether a file that begins with these bytes is such a picture.  The first FK_PNG_NOTE_BYTES bytes
 * of a file suffice. */
#define FK_PNG_NOTE_BYTES 512
bool fk_png_made_by_fleck(const void *bytes, size_t size);
/* The origin noted in such a picture; false, with out empty, if the file is no such picture or
 * notes no origin. */
#define FK_PNG_ORIGIN_SIZE 128
bool fk_png_origin(char out[FK_PNG_ORIGIN_SIZE], const void *bytes, size_t size);

/* Encode the image as a JPEG of quality 85, for web pages; fk_free(*bytes).  Another version of
 * libjpeg may write other bytes. */
fleck_status fk_image_encode_jpeg(uint8_t **bytes, size_t *size, const fk_image *im,
                                  fleck_error *err) FLECK_MUST_CHECK;

/* The orientation of a file's image by EXIF or TIFF, 1 (as stored) to 8.  1 if it cannot be read or
 * lies beyond the first 256 KiB of the file. */
int fk_image_orientation(const char *path);
int fk_image_bytes_orientation(const uint8_t *bytes, size_t size);

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

/* Resize src to width x height; out is a new image.  Bit-identical to Pillow 13.0 and OpenCV 4.14
 * and 5.0 (tests/golden/image_resize.py).  Pillow before 13.0 runs the two passes in the other
 * order if src->height shrinks by more than twice as many pixels as src->width, and its result
 * differs then: see resize/pillow.c.  FLECK_E_SHAPE for a size below 1, FLECK_E_LIMIT beyond the
 * limits.  Cost of 900x900 RGB to 256x256 with AVX2, on one core of an AMD EPYC at 2.4 GHz: 1.5 ms
 * bilinear, 2 ms bicubic and area, 3 ms Lanczos. */
fleck_status fk_image_resize(fk_image *out, const fk_image *src, int64_t width, int64_t height,
                             fk_filter filter, fleck_error *err) FLECK_MUST_CHECK;
/* Copy the central width x height pixels, at the offset of torchvision's CenterCrop:
 * int(round((size - crop) / 2.0)), ties to even.  The crop must fit: FLECK_E_SHAPE. */
fleck_status fk_image_crop_centre(fk_image *out, const fk_image *src, int64_t width, int64_t height,
                                  fleck_error *err) FLECK_MUST_CHECK;
/* Resize to width x height, then crop the centre: the same bytes as from fk_image_resize() and
 * fk_image_crop_centre().  Pixels that the crop removes are not computed if the filter allows
 * it. */
fleck_status fk_image_resize_centre(fk_image *out, const fk_image *src, int64_t width,
                                    int64_t height, int64_t crop_width, int64_t crop_height,
                                    fk_filter filter, fleck_error *err) FLECK_MUST_CHECK;
/* The offset of the centre crop along one axis. */
int64_t fk_crop_offset(int64_t size, int64_t crop);

#endif
