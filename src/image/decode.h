/* SPDX-License-Identifier: Apache-2.0 */
/* What the decoders of this room share: their input, their result, and the check of sizes. */
#ifndef FK_IMAGE_DECODE_H
#define FK_IMAGE_DECODE_H

#include "image/image.h"

/* The bytes of one file, borrowed, and what its reader wants: see fk_image_settings.  high is
 * set. */
typedef struct fk_image_bytes {
    const uint8_t *data;
    size_t size;
    int64_t max_pixels;
    uint32_t low, high;
    bool only_header; /* stop before memory is taken, once the header is known to be right */
} fk_image_bytes;

/* An image as its file stores it: 1 or 3 channels, not yet turned.  On failure a decoder leaves
 * image and alpha empty. */
typedef struct fk_decoded {
    fk_image image;
    fk_image alpha;     /* [height, width, 1] opacity, or empty: all is opaque */
    bool premultiplied; /* image's samples hold their share of alpha already */
    int orientation;    /* EXIF's, 1 to 8 (1: as stored) */
    fk_image_notes notes;
} fk_decoded;

/* What a header says: the size as stored, and the orientation. */
static inline void fk_decoded_size(fk_decoded *out, int64_t width, int64_t height, int orientation)
{
    bool turned = orientation >= 5; /* a quarter, so that width and height change places */

    out->orientation = orientation;
    out->notes.width = turned ? height : width;
    out->notes.height = turned ? width : height;
}

/* The format of a file that begins with these bytes, or NULL; *read: whether fleck reads it.
 * Static text.  Asks for more than two bytes of magic, where fk_image_decode() does not. */
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

/* Whether an image may be this large: FLECK_E_FORMAT for an empty one, FLECK_E_LIMIT beyond
 * FK_IMAGE_MAX_SIDE or max_pixels.  Every decoder asks before it allocates. */
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

/* Take alpha's samples (of 1 or 2 bytes, as the machine orders them), `step` samples from pixel to
 * pixel, into out; nothing where all is opaque.  out->image says the size. */
fleck_status fk_decoded_alpha(fk_decoded *out, const void *alpha, int64_t step, int bytes,
                              fleck_error *err) FLECK_MUST_CHECK;
/* Blend out->image (1 or 3 channels) over the background where alpha says so. */
void fk_decoded_blend(fk_decoded *out, const uint8_t background[3]);

/* Move the decoded image into out as it is wanted: transparency, channels, orientation. */
fleck_status fk_decoded_finish(fk_image *out, fk_decoded *d, fk_image_want want,
                               const fk_image_settings *s, fleck_error *err) FLECK_MUST_CHECK;

/* RGB of n pixels of CMYK ink, as Pillow computes it: (255 - C) (255 - K) / 255 rounded, and so
 * on. */
void fk_rgb_from_cmyk(uint8_t *rgb, const uint8_t *cmyk, int64_t n);

/* Wide samples under a window, and how they are spread. */
typedef struct fk_wide {
    uint32_t low, high;
    int64_t count, above_high;
    int64_t above[4]; /* samples of more than 8, 10, 12 and 14 bits */
    uint32_t largest;
} fk_wide;

/* n samples, in_step apart, to 8 bits, out_step apart; inverted: 0 is the brightest. */
void fk_wide_samples(fk_wide *w, uint8_t *out, int64_t out_step, const uint16_t *in,
                     int64_t in_step, int64_t n, bool inverted);
void fk_wide_note(const fk_wide *w, fk_image_notes *notes);

/* A sample of [0, max] on the scale of 8 bits, rounded to nearest. */
static inline uint8_t fk_sample_scale(uint32_t value, uint32_t max)
{
    return (uint8_t)((value * 255u + max / 2u) / max);
}

#endif
