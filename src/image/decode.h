/* What the decoders of this room share: their input, their result, and the check of sizes. */
#ifndef FK_IMAGE_DECODE_H
#define FK_IMAGE_DECODE_H

#include "image/image.h"

/* The bytes of one file, borrowed, and how many pixels an image may have. */
typedef struct fk_image_bytes {
    const uint8_t *data;
    size_t size;
    int64_t max_pixels;
} fk_image_bytes;

/* An image as its file stores it: 1 or 3 channels, not yet turned.  orientation is EXIF's, 1 to 8
 * (1: as stored).  On failure a decoder leaves image empty. */
typedef struct fk_decoded {
    fk_image image;
    int orientation;
} fk_decoded;

/* The format of a file that begins with these bytes, or NULL; *read: whether fleck reads it.  Static
 * text.  Asks for more than two bytes of magic, where fk_image_decode() does not. */
const char *fk_image_format(const uint8_t *bytes, size_t size, bool *read);

/* One decoder a format.  Messages do not name the file; fk_image_decode() puts its name in front.
 */
fleck_status fk_png_decode(fk_decoded *out, const fk_image_bytes *in,
                           fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_jpeg_decode(fk_decoded *out, const fk_image_bytes *in,
                            fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_tiff_decode(fk_decoded *out, const fk_image_bytes *in,
                            fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_bmp_decode(fk_decoded *out, const fk_image_bytes *in,
                           fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_pnm_decode(fk_decoded *out, const fk_image_bytes *in,
                           fleck_error *err) FLECK_MUST_CHECK;

/* fk_image_decode() with a limit of its own on the number of pixels. */
fleck_status fk_image_decode_limited(fk_image *out, const void *bytes, size_t size,
                                     int64_t max_pixels, const char *name, fk_image_want want,
                                     fleck_error *err) FLECK_MUST_CHECK;

/* What a decoder returns where only the header was wanted, and is right. */
#define FK_IMAGE_HEADER_READ FLECK_E_CANCELLED

/* Whether an image may be this large: FLECK_E_FORMAT for an empty one, FLECK_E_LIMIT beyond
 * FK_IMAGE_MAX_SIDE or max_pixels.  Every decoder asks before it allocates.  A negative max_pixels
 * stands for its amount, and ends the decoding with FK_IMAGE_HEADER_READ. */
fleck_status fk_image_check_size(int64_t width, int64_t height, int64_t max_pixels,
                                 fleck_error *err) FLECK_MUST_CHECK;

/* fk_image_init() without clearing the pixels, for those who write every one of them. */
fleck_status fk_image_alloc(fk_image *out, int64_t width, int64_t height, int channels,
                            fleck_error *err) FLECK_MUST_CHECK;

/* Turn im as orientation (1 to 8) says, in place of the old one. */
fleck_status fk_image_orient(fk_image *im, int orientation, fleck_error *err) FLECK_MUST_CHECK;

/* Bring im to the wanted number of channels, in place of the old one. */
fleck_status fk_image_convert(fk_image *im, fk_image_want want, fleck_error *err) FLECK_MUST_CHECK;

/* Orientation, 1 to 8, from EXIF's bytes (they begin with a TIFF header).  1 where there is none
 * or the block is damaged: metadata never makes an image unreadable. */
int fk_exif_orientation(const uint8_t *data, size_t size);

/* A sample of [0, max] on the scale of 8 bits, rounded to nearest. */
static inline uint8_t fk_sample_scale(uint32_t value, uint32_t max)
{
    return (uint8_t)((value * 255u + max / 2u) / max);
}

#endif
