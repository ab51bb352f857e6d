/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the two PNG decoders and the two encoders. */
#ifndef FK_IMAGE_PNG_PNG_H
#define FK_IMAGE_PNG_PNG_H

#include "base/file.h"
#include "image/decode.h"

/* A file's header and the places of its chunks, whose contents are not read yet. */
typedef struct fk_png_chunks {
    uint32_t width, height;
    uint8_t depth, colour, interlace; /* as the header says; not checked */
    const uint8_t *data;              /* the first IDAT chunk */
    size_t data_bytes;                /* contents of all IDAT chunks */
    const uint8_t *exif;              /* contents of eXIf, or NULL */
    size_t exif_bytes;
    bool colour_key;  /* grey or RGB with a transparent colour (tRNS) */
    uint32_t frames;  /* of an animation; 0: none */
    bool plain_order; /* IHDR first, IDAT chunks adjacent, no critical chunk but PNG's four */
} fk_png_chunks;

/* Walk the chunks up to IEND; a file that ends before it is FLECK_E_FORMAT.  No CRC is checked. */
fleck_status fk_png_scan(fk_png_chunks *out, const fk_image_bytes *in,
                         fleck_error *err) FLECK_MUST_CHECK;

/* The fast decoder of the common kinds: 8-bit grey, RGB and RGBA, not interlaced, without a
 * transparent colour.  *done says whether out holds the image.  For another kind, or any damage,
 * *done is false and out stays empty: the general decoder reports what is wrong.  The only error is
 * FLECK_E_NOMEM. */
fleck_status fk_png_decode_fast(fk_decoded *out, bool *done, const fk_png_chunks *chunks,
                                const fk_image_bytes *in, fleck_error *err) FLECK_MUST_CHECK;

/* The general decoder: libspng. */
fleck_status fk_png_decode_plain(fk_decoded *out, const fk_image_bytes *in,
                                 fleck_error *err) FLECK_MUST_CHECK;

/* Keywords of the text chunks in pictures that fleck has drawn. */
#define FK_PNG_SOFTWARE "Software"
#define FK_PNG_ORIGIN "fleck image"

/* The contents of these text chunks. */
typedef struct fk_png_note {
    const char *software; /* NULL: no note at all */
    const char *origin;   /* NULL: none */
} fk_png_note;

/* The fast encoder: filter "up", compressed for speed.  *done is false, with nothing written, if
 * this build has no libdeflate or im is too large to hold two more copies of it. */
fleck_status fk_png_write_fast(fk_writer *file, bool *done, const fk_image *im,
                               const fk_png_note *note, fleck_error *err) FLECK_MUST_CHECK;

#endif
