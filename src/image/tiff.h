/* What reading a TIFF's header and its pixels share. */
#ifndef FK_IMAGE_TIFF_H
#define FK_IMAGE_TIFF_H

#include "image/decode.h"

#include <tiffio.h>

/* The file, where libtiff is in it, and its first complaint. */
typedef struct fk_tiff_source {
    const uint8_t *data;
    uint64_t size, at;
    int64_t max_chunk; /* bytes of the largest strip or tile that is read */
    char message[256];
} fk_tiff_source;

/* How the samples lie. */
typedef struct fk_tiff_layout {
    int64_t width, height;
    uint16_t bits, samples, photometric, compression, sample_format, planar, orientation;
    bool palette, inverted, cmyk, tiled, premultiplied;
    int channels;   /* 1 or 3, of the samples, looked up, or of ink */
    uint16_t alpha; /* sample of a pixel that holds it; 0: there is none */
    int64_t chunk_width, chunk_height;
    const uint16_t *map[3];
} fk_tiff_layout;

/* Open in as libtiff reads it; NULL: s->message says why, or memory was short.  TIFFClose() ends it; s
 * must live as long. */
TIFF *fk_tiff_open(fk_tiff_source *s, const fk_image_bytes *in);

/* Find the one image of the file and how it lies. */
fleck_status fk_tiff_read_layout(fk_tiff_layout *l, TIFF *tif, const fk_tiff_source *s,
                                 int64_t max_pixels, fleck_error *err) FLECK_MUST_CHECK;

/* FLECK_E_FORMAT: what could not be read, and libtiff's complaint. */
fleck_status fk_tiff_failed(const fk_tiff_source *s, const char *what,
                            fleck_error *err) FLECK_MUST_CHECK;

#endif
