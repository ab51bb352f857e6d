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

/* The longest side of any image, and the most pixels of a file, where its reader sets no other
 * limit:
 * a small file can claim a large image, which then takes three bytes a pixel. */
#define FK_IMAGE_MAX_SIDE 65535
#define FK_IMAGE_MAX_PIXELS (INT64_C(1) << 28)

/* A black image.  FLECK_E_LIMIT beyond FK_IMAGE_MAX_SIDE, FLECK_E_FORMAT for no pixels. */
fleck_status fk_image_init(fk_image *out, int64_t width, int64_t height, int channels,
                           fleck_error *err) FLECK_MUST_CHECK;
void fk_image_free(fk_image *im);

typedef enum fk_image_want {
    FK_IMAGE_RGB,  /* 3 channels: grey is repeated, palette looked up */
    FK_IMAGE_GREY, /* 1 channel, for masks: RGB becomes (299 R + 587 G + 114 B + 500) / 1000 */
    FK_IMAGE_ALPHA /* 1 channel: opacity; 255 everywhere in a file without transparency */
} fk_image_want;

/* The largest sample of 16 bits. */
#define FK_IMAGE_WIDEST 65535

/* How a file's samples become 8 bits.  Zeroed: the default of each. */
typedef struct fk_image_settings {
    int64_t max_pixels; /* 0: FK_IMAGE_MAX_PIXELS; at most FK_IMAGE_MAX_SIDE squared */
    uint32_t low,
        high;   /* of wide samples, low < high <= FK_IMAGE_WIDEST: low becomes 0, high 255, what
                              lies outside is clipped; high 0: FK_IMAGE_WIDEST */
    bool blend; /* over the background, where the image is transparent; else alpha is dropped */
    uint8_t background[3]; /* RGB */
} fk_image_settings;

/* What a file's pixels were.  Wide samples are those of 16 bits whose file does not say which part
 * of the range they use: of PNG, of TIFF, and of PNM with a largest value of 65535. */
typedef struct fk_image_notes {
    bool transparent; /* some pixel is not opaque */
    bool wide;
    /* Of wide samples.  A hot pixel is no reason to take a larger range: bits is the smallest of
     * 8, 10, 12, 14 and 16 whose range holds all samples but one in 10,000. */
    int bits;
    uint32_t largest;      /* within that range */
    float above;           /* share of the samples above the settings' window */
    int64_t width, height; /* as it is shown */
} fk_image_notes;

/* Decode path by its first bytes, not its name: PNG, JPEG, TIFF, BMP, PNM (P1 to P6, plain and
 * raw).
 *
 *   samples      a sample v of [0, max] becomes (v * 255 + max / 2) / max, of wide ones v - low of
 *                [0, high - low]; a palette's colours are 8 bits, TIFF's their high bytes; 5 and 6
 *                bits of BMP are cut as Pillow does
 *   alpha        blended over the background, in 8 bits: (a * v + (255 - a) * background + 127) /
 *                255; likewise a palette's alpha and a transparent colour
 *   CMYK         as Pillow does: ((255 - C) * (255 - K) / 255), ...; of JPEG the samples are taken
 *                as inverted, as all writers store them
 *   orientation  EXIF's (JPEG, PNG) and TIFF's is applied
 *   profiles     embedded colour profiles and gamma are ignored, as the training frameworks do
 *   JPEG         libjpeg's defaults: accurate integer transform, smooth chroma up-sampling
 *
 * An 8-bit RGB or grey PNG or JPEG gives the bytes that Pillow's Image.open() gives, turned
 * upright.
 *
 * A file of which only a part would be seen is refused: several pages, frames or images, samples
 * beside colour and alpha.  Previews, masks and reduced copies of the one image do not count.
 *
 * Errors, each naming the file, with *out empty:
 *   FLECK_E_NOTFOUND, FLECK_E_IO   the file cannot be opened
 *   FLECK_E_FORMAT                 no image, or damaged, or it ends early; half an image is none
 *   FLECK_E_UNSUPPORTED            float or signed samples, several pages, compressed BMP, GIF,
 *                                  WebP, ...: the message says what was found
 *   FLECK_E_LIMIT                  beyond the limits; asked before memory is taken
 *   FLECK_E_NOMEM
 * Cost, 900x900 RGB as PNG on one core of an AMD EPYC at 2.4 GHz: about 4 ms.  Safe on many
 * threads. */
fleck_status fk_image_load(fk_image *out, const char *path, fk_image_want want,
                           fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_image_decode(fk_image *out, const void *bytes, size_t size, const char *name,
                             fk_image_want want, fleck_error *err) FLECK_MUST_CHECK;
/* The same with settings and notes, each of which may be NULL. */
fleck_status fk_image_load_with(fk_image *out, const char *path, fk_image_want want,
                                const fk_image_settings *settings, fk_image_notes *notes,
                                fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_image_decode_with(fk_image *out, const void *bytes, size_t size, const char *name,
                                  fk_image_want want, const fk_image_settings *settings,
                                  fk_image_notes *notes, fleck_error *err) FLECK_MUST_CHECK;
/* RGB of pixels in a caller's memory, as of a file with these samples.  borrowed: NULL, or set
 * where out is a view of them, not to be freed, since nothing had to change.  settings and notes
 * may be NULL.
 *   FLECK_E_OPTION  no data, no such format
 *   FLECK_E_FORMAT  no pixel
 *   FLECK_E_SHAPE   rows are shorter than their pixels, or do not fit in memory
 *   FLECK_E_LIMIT   beyond FK_IMAGE_MAX_SIDE */
fleck_status fk_image_of_pixels(fk_image *out, bool *borrowed, const fleck_pixels *p,
                                const fk_image_settings *settings, fk_image_notes *notes,
                                fleck_error *err) FLECK_MUST_CHECK;
/* A mask of a width x height image: 255 where GREY8 pixels are 128 or above.  The same errors, and
 * FLECK_E_SHAPE for another size. */
fleck_status fk_image_mask_of_pixels(fk_image *out, const fleck_pixels *p, int64_t width,
                                     int64_t height, fleck_error *err) FLECK_MUST_CHECK;
/* Whether path can be read as an image, as far as its header tells: it names formats and kinds that
 * are not read, sizes beyond the limits, and a PNG that ends early.  Of the notes only wide and the
 * size are found; content is the digest of the file's bytes in one piece.  settings, notes and
 * content may be NULL.  Errors of fk_image_load(). */
fleck_status fk_image_check(const char *path, const fk_image_settings *settings,
                            fk_image_notes *notes, fk_digest *content,
                            fleck_error *err) FLECK_MUST_CHECK;
/* Whether path's name ends in an extension of what fleck decodes (.png .jpg .jpeg .jpe .jfif
 * .tif .tiff .bmp .dib .pnm .pgm .ppm .pbm), case ignored. */
bool fk_image_has_extension(const char *path);
/* fk_look_fn: a file whose name ends so is an image whatever its bytes, so that a damaged one is
 * named and not left out; of any other the bytes decide. */
fk_look fk_image_look(const char *name, const uint8_t *head, size_t size, const char **format);

/* About how many bytes decoding the image at path to RGB takes, by the first bytes of the file, to
 * plan memory with; 0 where that cannot be told.  A file that is no image, or damaged, is no error
 * here. */
int64_t fk_image_peek_bytes(const char *path);

/* Encode whole or not at all.  PNG: 8-bit grey or RGB. */
fleck_status fk_image_save_png(const fk_image *im, const char *path,
                               fleck_error *err) FLECK_MUST_CHECK;

/* The same for a picture that is drawn of another: a heat map, a panel.  Text chunks behind the
 * header say that fleck made it and of what: origin is a short text of the caller's, or NULL. */
fleck_status fk_image_save_picture(const fk_image *im, const char *origin, const char *path,
                                   fleck_error *err) FLECK_MUST_CHECK;
/* Whether a file that begins with these bytes is such a picture.  The first FK_PNG_NOTE_BYTES of a
 * file suffice. */
#define FK_PNG_NOTE_BYTES 512
bool fk_png_made_by_fleck(const void *bytes, size_t size);
/* Its origin as a text; false, with out empty, where the file is no such picture or names none. */
#define FK_PNG_ORIGIN_SIZE 128
bool fk_png_origin(char out[FK_PNG_ORIGIN_SIZE], const void *bytes, size_t size);

/* The image as the bytes of a JPEG for a page, quality 85; fk_free(*bytes).  The same bytes on any
 * number of threads; another libjpeg may write others. */
fleck_status fk_image_encode_jpeg(uint8_t **bytes, size_t *size, const fk_image *im,
                                  fleck_error *err) FLECK_MUST_CHECK;

/* How EXIF or TIFF turns the image of a file: 1 (not at all) to 8.  1 where that cannot be read, or
 * stands behind the file's first 256 KiB. */
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

/* Resize src to width x height; out is fresh.  Equal to the last bit to Pillow 13.0 and OpenCV 4.14
 * and 5.0 (tests/golden/image_resize.py).  Pillow before 13.0 takes the two passes in the other
 * order where src->height shrinks by more than twice as much as src->width, in pixels, and its
 * result differs there: see resize/pillow.c.  FLECK_E_SHAPE for a size below 1, FLECK_E_LIMIT
 * beyond the limits.  Cost, 900x900 RGB to 256x256 on one core of an AMD EPYC at 2.4 GHz:
 * 1.5 ms bilinear, 2 bicubic and area, 3 Lanczos with AVX2. */
fleck_status fk_image_resize(fk_image *out, const fk_image *src, int64_t width, int64_t height,
                             fk_filter filter, fleck_error *err) FLECK_MUST_CHECK;
/* Copy the centre width x height, at the offset that torchvision's CenterCrop takes:
 * int(round((size - crop) / 2.0)), ties to even.  The crop must fit: FLECK_E_SHAPE. */
fleck_status fk_image_crop_centre(fk_image *out, const fk_image *src, int64_t width, int64_t height,
                                  fleck_error *err) FLECK_MUST_CHECK;
/* Both at once: the bytes of fk_image_resize() to width x height and then fk_image_crop_centre(),
 * of which what falls away is not computed where the filter allows. */
fleck_status fk_image_resize_centre(fk_image *out, const fk_image *src, int64_t width,
                                    int64_t height, int64_t crop_width, int64_t crop_height,
                                    fk_filter filter, fleck_error *err) FLECK_MUST_CHECK;
/* The offset used above along one axis. */
int64_t fk_crop_offset(int64_t size, int64_t crop);

#endif
