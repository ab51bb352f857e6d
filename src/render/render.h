/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures: colour map, heat map over the image, outlines, text, panels with captions. */
#ifndef FK_RENDER_RENDER_H
#define FK_RENDER_RENDER_H

#include "image/image.h"

/* Scale of a heat map: low has the coldest colour, high the hottest.  It comes from held-out
 * scores, so that a colour means the same in every picture.  If high <= low, values above low are
 * hot and all others cold. */
typedef struct fk_scale {
    double low, high;
} fk_scale;

/* Colour of v in [0, 1] (clamped; NaN is 0): night blue, violet, magenta, red, orange, yellow,
 * cream.  The lightness rises evenly. */
void fk_colour(uint8_t rgb[3], double v);

/* Heat map over an image.
 *
 *   image      grey or RGB
 *   map        [H, W] of the image's own size
 *   threshold  outline {map > threshold}; NaN: no outline
 *   out        RGB; up to 0.15 of the scale the image's own bytes, then the colour with an opacity
 *              that rises until 0.60, but never hides the image */
fleck_status fk_render_overlay(fk_image *out, const fk_image *image, const float *map,
                               fk_scale scale, double threshold, fleck_error *err) FLECK_MUST_CHECK;

/* Draw the edge of mask [height, width] (0 or 1) into im, RGB: a light line inside and a dark one
 * outside, each fk_render_line() pixels wide, closed along the picture's edge. */
fleck_status fk_render_outline(fk_image *im, const uint8_t *mask,
                               fleck_error *err) FLECK_MUST_CHECK;
/* Hatch im, RGB, with light and dark lines where mask [height, width] is not 0. */
void fk_render_hatch(fk_image *im, const uint8_t *mask);
/* `over` on `under` with an opacity of alpha, 0 to 1. */
static inline uint8_t fk_render_mix(uint8_t under, int over, double alpha)
{
    return (uint8_t)(under + (over - under) * alpha + 0.5);
}

/* Width of lines: 1/300 of the shorter side, at least 1. */
int64_t fk_render_line(int64_t width, int64_t height);

/* Write the numbers of the first FK_RENDER_NUMBERS regions, from 1 on, beside them.  Numbers do not
 * overlap as long as there is room. */
#define FK_RENDER_NUMBERS 99
void fk_render_numbers(fk_image *im, const fleck_regions *regions);

/* The legend under a picture. */
typedef struct fk_legend {
    const char *words[4]; /* written one after the other; NULL ends them */
    const uint8_t *colours[4];
    fk_scale scale;               /* of the colour bar ... */
    double threshold;             /* ... with a mark here, unless NaN ... */
    const fleck_regions *regions; /* ... and one for each region's peak; may be NULL */
} fk_legend;

/* One or two RGB pictures of one size with a legend under them.  The first one is in the upper left
 * corner, so its pixels keep their coordinates.  The second one is to the right, or below if the
 * pictures are more than twice as wide as high.  There is no legend if it is NULL, or if the sheet
 * would be higher than an image may be; FLECK_E_LIMIT if the sheet would be wider. */
fleck_status fk_render_sheet(fk_image *out, const fk_image *const *pictures, int n,
                             const fk_legend *legend, fleck_error *err) FLECK_MUST_CHECK;

/* Pictures in a row on white, with a caption under each.
 *
 *   pictures  n of them, grey or RGB; each is resized (bicubic) to fit tile x tile, its aspect kept
 *   captions  n texts; NULL entries, or NULL for all, mean no caption.  All are written in one
 *             size, the largest at which each fits; if none is small enough, they are cut and end
 *             in ".."
 *   tile      8 to 65535 pixels
 *
 * Errors: FLECK_E_OPTION for n or tile out of range; FLECK_E_LIMIT if the panel would be larger
 * than an image may be. */
fleck_status fk_render_panel(fk_image *out, const fk_image *const *pictures,
                             const char *const *captions, int n, int64_t tile,
                             fleck_error *err) FLECK_MUST_CHECK;

/* Draw ASCII text (other bytes as '?') in the built-in font, `size` times its 6 x 10 cell, with
 * smooth edges.  (x, y) is the upper left corner of the first cell.  Text outside the picture is
 * clipped.  In a grey picture the colour's luma is used. */
void fk_render_text(fk_image *im, int64_t x, int64_t y, const char *text, int size,
                    const uint8_t rgb[3]);
int64_t fk_render_text_width(const char *text, int size);
/* The same with a dark rim, so that it is legible on any background. */
void fk_render_text_rimmed(fk_image *im, int64_t x, int64_t y, const char *text, int size,
                           const uint8_t rgb[3]);
/* The text size for a picture: a letter is 1/28 of the shorter side high. */
int fk_render_text_size(int64_t width, int64_t height);

#endif
