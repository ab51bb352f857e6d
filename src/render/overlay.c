/* SPDX-License-Identifier: Apache-2.0 */
/* Heat maps over the image, with outlines of regions above the threshold. */
#include "render/render.h"

#include "base/mem.h"

#include <assert.h>
#include <math.h>

/* Greatest opacity: the defect must stay visible under the heat map. */
#define STRONGEST 0.72
/* Heat at which the opacity begins to rise, and at which it is greatest. */
#define FIRST_HEAT 0.15
#define FULL_HEAT 0.60

/* value on the scale, 0 to 1.  If the scale has no extent, values above `low` are 1; NaN is 0. */
static double heat(float value, fk_scale scale)
{
    double v = (double)value;

    if (!(v > scale.low))
        return 0;
    if (v >= scale.high)
        return 1;
    return (v - scale.low) / (scale.high - scale.low);
}

/* Opacity of heat h: 0 at first, so that a good part looks as it is, then a smooth rise, 3t^2 -
 * 2t^3, to the greatest. */
static double opacity(double h)
{
    double t = (h - FIRST_HEAT) / (FULL_HEAT - FIRST_HEAT);

    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return STRONGEST * t * t * (3 - 2 * t);
}

/* Outline {map > threshold}. */
static fleck_status outline(fk_image *im, const float *map, double threshold, fleck_error *err)
{
    const int64_t n = im->height * im->width;
    uint8_t *hot;
    fleck_status st = FK_ALLOC(&hot, n, err);

    if (st != FLECK_OK)
        return st;
    for (int64_t i = 0; i < n; i++)
        hot[i] = (double)map[i] > threshold;
    st = fk_render_outline(im, hot, err);
    fk_free(hot);
    return st;
}

fleck_status fk_render_overlay(fk_image *out, const fk_image *image, const float *map,
                               fk_scale scale, double threshold, fleck_error *err)
{
    fk_image im = {0};
    fleck_status st;

    assert(image->channels == 1 || image->channels == 3);
    *out = (fk_image){0};
    FK_DO(fk_image_init(&im, image->width, image->height, 3, err));
    for (int64_t i = 0; i < im.height * im.width; i++) {
        const uint8_t *under = image->data + i * image->channels;
        double h = heat(map[i], scale), alpha = opacity(h);
        uint8_t hot[3] = {0};

        if (alpha > 0)
            fk_colour(hot, h);
        for (int c = 0; c < 3; c++) {
            uint8_t v = under[image->channels == 3 ? c : 0];

            im.data[3 * i + c] = alpha > 0 ? fk_render_mix(v, hot[c], alpha) : v;
        }
    }
    if (!isnan(threshold))
        FK_DO(outline(&im, map, threshold, err));
    *out = im;
    im = (fk_image){0};
done:
    fk_image_free(&im);
    return st;
}
