/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the decoders: their input, their result, the size limits, and conversions of pixels. */
#ifndef FK_IMAGE_DECODE_H
#define FK_IMAGE_DECODE_H

#include "image/image.h"

/* The bytes of one file (borrowed) and the settings to decode it with (see fk_image_settings).
 * high is never 0 here. */
typedef struct fk_image_bytes {
    const uint8_t *data;
    size_t size;
    int64_t max_pixels;
    uint32_t low, high;
    bool only_header; /* stop when the header has been checked, before allocating the pixels */
} fk_image_bytes;

/* An image as its file stores it: 1 or 3 channels, orientation not yet applied.  On failure a
 * decoder leaves image and alpha empty. */
typedef struct fk_decoded {
    fk_image image;
    fk_image alpha;     /* [height, width, 1] opacity, or empty: all is opaque */
    bool premultiplied; /* the samples are already multiplied by alpha */
    int orientation;    /* EXIF's, 1 to 8 (1: as stored) */
    fk_image_notes notes;
} fk_decoded;

/* Note the size as stored and the orientation, both from the header. */
static inline void fk_decoded_size(fk_decoded *out, int64_t width, int64_t height, int orientation)
{
    bool turned = orientation >= 5; /* by 90 degrees: width and height swap */

    out->orientation = orientation;
    out->notes.width = turned ? height : width;
    out->notes.height = turned ? width : height;
}

/* The name of the format of a file that begins with these bytes, or NULL; static text.  *read says
 * whether fleck can decode it.  Where the magic number has two bytes only, more of the header is
 * checked, which fk_image_decode() does not do. */
const char *fk_image_format(const uint8_t *bytes, size_t size, bool *read);

/* One decoder for each format.  Their messages do not name the file; fk_image_decode() prepends the
 * name. */
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

/* Check the size of an image: FLECK_E_FORMAT if it is empty, FLECK_E_LIMIT beyond FK_IMAGE_MAX_SIDE
 * or max_pixels.  Every decoder calls this before it allocates. */
fleck_status fk_image_check_size(int64_t width, int64_t height, int64_t max_pixels,
                                 fleck_error *err) FLECK_MUST_CHECK;

/* fk_image_init() without clearing the pixels, for callers that write all of them. */
fleck_status fk_image_alloc(fk_image *out, int64_t width, int64_t height, int channels,
                            fleck_error *err) FLECK_MUST_CHECK;

/* Apply an EXIF orientation (1 to 8) to im, in place. */
fleck_status fk_image_orient(fk_image *im, int orientation, fleck_error *err) FLECK_MUST_CHECK;

/* Convert im to the wanted number of channels, in place. */
fleck_status fk_image_convert(fk_image *im, fk_image_want want, fleck_error *err) FLECK_MUST_CHECK;

/* The orientation, 1 to 8, in an EXIF block (which begins with a TIFF header).  1 if there is none
 * or the block is damaged: bad metadata never makes an image unreadable. */
int fk_exif_orientation(const uint8_t *data, size_t size);

/* Copy alpha samples into out->alpha, which stays empty if all pixels are opaque.  A sample has 1
 * or 2 bytes in the machine's byte order, pixels are `step` samples apart, and out->image gives the
 * size. */
fleck_status fk_decoded_alpha(fk_decoded *out, const void *alpha, int64_t step, int bytes,
                              fleck_error *err) FLECK_MUST_CHECK;
/* Blend out->image (1 or 3 channels) over the background, by its alpha. */
void fk_decoded_blend(fk_decoded *out, const uint8_t background[3]);

/* Move the decoded image into out, with transparency, channels and orientation as asked for. */
fleck_status fk_decoded_finish(fk_image *out, fk_decoded *d, fk_image_want want,
                               const fk_image_settings *s, fleck_error *err) FLECK_MUST_CHECK;

/* RGB of n CMYK pixels, as Pillow computes it: R = (255 - C) (255 - K) / 255 rounded; G and B from
 * M and Y likewise. */
void fk_rgb_from_cmyk(uint8_t *rgb, const uint8_t *cmyk, int64_t n);

/* The window that maps 16-bit samples to 8 bits, and statistics of the samples seen. */
typedef struct fk_wide {
    uint32_t low, high;
    int64_t count, above_high;
    int64_t above[4]; /* samples of more than 8, 10, 12 and 14 bits */
    uint32_t largest;
} fk_wide;

/* Convert n samples, in_step apart, to 8 bits, out_step apart, and count them in w.  inverted: 0 is
 * the brightest. */
void fk_wide_samples(fk_wide *w, uint8_t *out, int64_t out_step, const uint16_t *in,
                     int64_t in_step, int64_t n, bool inverted);
void fk_wide_note(const fk_wide *w, fk_image_notes *notes);

/* A sample of [0, max] scaled to 8 bits, rounded to nearest. */
static inline uint8_t fk_sample_scale(uint32_t value, uint32_t max)
{
    return (uint8_t)((value * 255u + max / 2u) / max);
}

#endif
