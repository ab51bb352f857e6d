/* Pictures: colour map, heat over image, contours, panels with captions. */
#ifndef FK_RENDER_RENDER_H
#define FK_RENDER_RENDER_H

#include "image/image.h"

/* Scale of a heat map: low is the coldest colour, high the hottest; from the training scores. */
typedef struct fk_scale {
    double low, high;
} fk_scale;

/* RGB of v in [0, 1] (clamped) in the colour map (perceptually ordered, dark to bright). */
void fk_colour(uint8_t rgb[3], double v);

/* The map alone in colour: [H, W] -> RGB H x W. */
fleck_status fk_render_map(fk_image *out, const float *map, int64_t height, int64_t width,
                           fk_scale scale, fleck_error *err) FLECK_MUST_CHECK;
/* Heat over image (RGB, same size as map): cold pixels show the image, hot ones the colour.
 * threshold (NaN: none) draws the outline of {map >= threshold} in a contrasting line. */
fleck_status fk_render_overlay(fk_image *out, const fk_image *image, const float *map,
                               fk_scale scale, double threshold, fleck_error *err) FLECK_MUST_CHECK;
/* Pictures side by side at one height with a caption under each, on white. Pictures may be grey or
 * RGB; each is resized to fit tile x tile keeping its aspect. */
fleck_status fk_render_panel(fk_image *out, const fk_image *const *pictures,
                             const char *const *captions, int n, int64_t tile,
                             fleck_error *err) FLECK_MUST_CHECK;
/* Draw ASCII text (other bytes as '?') in the built-in font, `size` times its 6x10 cell. */
void fk_render_text(fk_image *im, int64_t x, int64_t y, const char *text, int size,
                    const uint8_t rgb[3]);
int64_t fk_render_text_width(const char *text, int size);

#endif
