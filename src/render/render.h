/* Pictures: colour map, heat over image, contours, panels with captions. */
#ifndef FK_RENDER_RENDER_H
#define FK_RENDER_RENDER_H

#include "image/image.h"

/* Scale of a heat map: low is the coldest colour, high the hottest; from the training scores, so
 * that the same colour means the same in every picture.  Where high <= low, what is above low is
 * hot and the rest is cold. */
typedef struct fk_scale {
    double low, high;
} fk_scale;

/* RGB of v in [0, 1] (clamped; NaN is 0) in the colour map: night blue, violet, magenta, red,
 * orange, yellow, cream.  Its lightness rises evenly. */
void fk_colour(uint8_t rgb[3], double v);

/* Heat over an image.
 *
 *   image      grey or RGB
 *   map        [H, W] of the image's own size
 *   threshold  outline {map > threshold} where it is not NaN
 *   out        RGB; up to 0.15 of the scale the image's own bytes, then the colour ever stronger
 *              until 0.60, but never so strong that the image is hidden */
fleck_status fk_render_overlay(fk_image *out, const fk_image *image, const float *map,
                               fk_scale scale, double threshold, fleck_error *err) FLECK_MUST_CHECK;

/* Draw the edge of mask [height, width] (0 or 1) into im, RGB: a light line inside and a dark one
 * outside, each fk_render_line() pixels wide, closed along the picture's edge. */
fleck_status fk_render_outline(fk_image *im, const uint8_t *mask,
                               fleck_error *err) FLECK_MUST_CHECK;
/* Hatch what mask [height, width] marks (not 0) in im, RGB, in lines of light and dark. */
void fk_render_hatch(fk_image *im, const uint8_t *mask);
/* 1/300 of the shorter side, 1 at least. */
int64_t fk_render_line(int64_t width, int64_t height);

/* Write the number of each region, from 1 on, beside it, where no other number is as long as there
 * is room.  No more than the first FK_RENDER_NUMBERS. */
#define FK_RENDER_NUMBERS 99
void fk_render_numbers(fk_image *im, const fleck_regions *regions);

/* What stands under a picture. */
typedef struct fk_legend {
    const char *words[4]; /* written behind each other; NULL ends them */
    const uint8_t *colours[4];
    fk_scale scale;               /* of the colour bar ... */
    double threshold;             /* ... with a mark here, unless NaN ... */
    const fleck_regions *regions; /* ... and one for each region's peak; may be NULL */
} fk_legend;

/* One or two RGB pictures of one size with a legend under them.  The first lies in the upper left
 * corner, its pixels keep their places; the second is to the right, or below where they are more
 * than twice as wide as high.  The legend falls away where the sheet would be higher than an image
 * may be; FLECK_E_LIMIT where it would be wider.  legend NULL: none. */
fleck_status fk_render_sheet(fk_image *out, const fk_image *const *pictures, int n,
                             const fk_legend *legend, fleck_error *err) FLECK_MUST_CHECK;

/* Pictures in a row on white, a caption under each.
 *
 *   pictures  n of them, grey or RGB; each is resized (bicubic) to fit tile x tile, its aspect kept
 *   captions  n texts; NULL, or NULL for one, is no caption.  All are written in one size, the
 *             largest at which each fits; beyond that they are cut and end in ".."
 *   tile      8 to 65535 pixels
 *
 * Errors: FLECK_E_OPTION for n or tile out of range; FLECK_E_LIMIT where the panel would be larger
 * than an image may be. */
fleck_status fk_render_panel(fk_image *out, const fk_image *const *pictures,
                             const char *const *captions, int n, int64_t tile,
                             fleck_error *err) FLECK_MUST_CHECK;

/* Draw ASCII text (other bytes as '?') in the built-in font, `size` times its 6x10 cell, edges
 * smooth; (x, y) is the top left corner of the first cell.  What is outside the picture is left
 * out.  In a grey picture the colour's luma is used. */
void fk_render_text(fk_image *im, int64_t x, int64_t y, const char *text, int size,
                    const uint8_t rgb[3]);
int64_t fk_render_text_width(const char *text, int size);
/* The same with a dark rim, to be read on any ground. */
void fk_render_text_rimmed(fk_image *im, int64_t x, int64_t y, const char *text, int size,
                           const uint8_t rgb[3]);
/* The size of text that suits a picture: a letter is 1/28 of the shorter side high. */
int fk_render_text_size(int64_t width, int64_t height);

#endif
