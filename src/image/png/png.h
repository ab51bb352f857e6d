/* SPDX-License-Identifier: Apache-2.0 */
/* What the two PNG decoders share: the chunks of a file. */
#ifndef FK_IMAGE_PNG_PNG_H
#define FK_IMAGE_PNG_PNG_H

#include "base/file.h"
#include "image/decode.h"

/* A file's header and where its parts lie, found without looking into them. */
typedef struct fk_png_chunks {
    uint32_t width, height;
    uint8_t depth, colour, interlace; /* as the header says; not checked */
    const uint8_t *data;              /* the first IDAT chunk */
    size_t data_bytes;                /* of all IDAT chunks' contents */
    const uint8_t *exif;              /* contents of eXIf, or NULL */
    size_t exif_bytes;
    bool colour_key;  /* of grey and RGB: tRNS says what is transparent */
    uint32_t frames;  /* of an animation; 0: none */
    bool plain_order; /* IHDR first, IDAT chunks in one piece, no critical chunk but PNG's four */
} fk_png_chunks;

/* Walk the chunks up to IEND; a file that ends before it is FLECK_E_FORMAT.  No CRC is checked. */
fleck_status fk_png_scan(fk_png_chunks *out, const fk_image_bytes *in,
                         fleck_error *err) FLECK_MUST_CHECK;

/* The common kinds, quickly: 8-bit grey, RGB and RGBA, not interlaced, without a transparent
 * colour.  Sets *done when out holds the image.  For any other kind, and for any damage at all,
 * *done stays false and out empty: the general decoder has to say what is wrong.  FLECK_E_NOMEM is
 * the only error. */
fleck_status fk_png_decode_fast(fk_decoded *out, bool *done, const fk_png_chunks *chunks,
                                const fk_image_bytes *in, fleck_error *err) FLECK_MUST_CHECK;

/* The general decoder: libspng. */
fleck_status fk_png_decode_plain(fk_decoded *out, const fk_image_bytes *in,
                                 fleck_error *err) FLECK_MUST_CHECK;

/* Keywords of the text chunks of a picture of fleck's own. */
#define FK_PNG_SOFTWARE "Software"
#define FK_PNG_ORIGIN "fleck image"

/* What a picture says of itself, or nothing. */
typedef struct fk_png_note {
    const char *software; /* NULL: no note at all */
    const char *origin;   /* NULL: none */
} fk_png_note;

/* Write im as a PNG into file by the quick way, a row less the one above it, compressed for speed;
 * *done is false, with nothing written, where this build lacks it or im is too large to be held
 * twice more. */
fleck_status fk_png_write_fast(fk_writer *file, bool *done, const fk_image *im,
                               const fk_png_note *note, fleck_error *err) FLECK_MUST_CHECK;

#endif
