/* Heat maps in colour: alone, and over the image with an outline of what is above the threshold. */
#include "render/render.h"

#include <assert.h>
#include <math.h>

/* The most that heat hides of the image: what lies under a defect must stay visible. */
#define STRONGEST 0.72
/* Up to the first heat the image is untouched, from the second on the colour is at its strongest.
 */
#define FIRST_HEAT 0.15
#define FULL_HEAT 0.60

/* The line's colour is the opposite of the hot colours; a darkened rim sets it off bright parts. */
static const uint8_t line_rgb[3] = {0, 240, 255};

/* value on the scale, 0 to 1.  A scale without extent is a step behind `low`; NaN is cold. */
static double heat(float value, fk_scale scale)
{
    double v = (double)value;

    if (!(v > scale.low))
        return 0;
    if (v >= scale.high)
        return 1;
    return (v - scale.low) / (scale.high - scale.low);
}

/* Opacity of heat h: nothing at first, so that a good part looks as it is, then a smooth rise,
 * 3t^2 - 2t^3, to the strongest. */
static double opacity(double h)
{
    double t = (h - FIRST_HEAT) / (FULL_HEAT - FIRST_HEAT);

    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return STRONGEST * t * t * (3 - 2 * t);
}

static uint8_t mix(uint8_t under, uint8_t over, double alpha)
{
    return (uint8_t)(under + (over - under) * alpha + 0.5);
}

fleck_status fk_render_map(fk_image *out, const float *map, int64_t height, int64_t width,
                           fk_scale scale, fleck_error *err)
{
    fleck_status st = fk_image_init(out, width, height, 3, err);

    if (st != FLECK_OK)
        return st;
    for (int64_t i = 0; i < height * width; i++)
        fk_colour(out->data + 3 * i, heat(map[i], scale));
    return FLECK_OK;
}

/* Whether a pixel on the other side of the threshold (side: what this pixel is) lies within
 * `reach` of (x, y), as the crow flies.  Beyond the picture's edge all is cold. */
static bool border(const float *map, const fk_image *im, int64_t x, int64_t y, double threshold,
                   bool side, int64_t reach)
{
    for (int64_t dy = -reach; dy <= reach; dy++) {
        for (int64_t dx = -reach; dx <= reach; dx++) {
            int64_t u = x + dx, v = y + dy;
            bool hot = u >= 0 && v >= 0 && u < im->width && v < im->height &&
                       (double)map[v * im->width + u] >= threshold;

            if (dx * dx + dy * dy <= reach * reach && hot != side)
                return true;
        }
    }
    return false;
}

/* Outline {map >= threshold}: the line lies inside the region, its dark rim just outside. */
static void outline(fk_image *im, const float *map, double threshold)
{
    int64_t side = im->width < im->height ? im->width : im->height;
    int64_t reach = side < 400 ? 1 : 2;

    for (int64_t y = 0; y < im->height; y++) {
        for (int64_t x = 0; x < im->width; x++) {
            uint8_t *p = im->data + 3 * (y * im->width + x);
            bool hot = (double)map[y * im->width + x] >= threshold;

            if (!border(map, im, x, y, threshold, hot, hot ? reach : 1))
                continue;
            for (int c = 0; c < 3; c++)
                p[c] = hot ? line_rgb[c] : (uint8_t)(p[c] / 2);
        }
    }
}

fleck_status fk_render_overlay(fk_image *out, const fk_image *image, const float *map,
                               fk_scale scale, double threshold, fleck_error *err)
{
    fleck_status st = fk_image_init(out, image->width, image->height, 3, err);

    assert(image->channels == 1 || image->channels == 3);
    if (st != FLECK_OK)
        return st;
    for (int64_t i = 0; i < image->height * image->width; i++) {
        const uint8_t *under = image->data + i * image->channels;
        double h = heat(map[i], scale), alpha = opacity(h);
        uint8_t hot[3];

        fk_colour(hot, h);
        for (int c = 0; c < 3; c++)
            out->data[3 * i + c] = mix(under[image->channels == 3 ? c : 0], hot[c], alpha);
    }
    if (!isnan(threshold))
        outline(out, map, threshold);
    return FLECK_OK;
}
