/* Heat maps in colour: alone, and over the image with an outline of what is above the threshold. */
#include "render/render.h"

#include "base/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

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

/* Widest outline; {map >= threshold} is held with as wide a cold frame, so that neighbours need no
 * check and the outline is closed along the picture's edge. */
#define REACH 2

/* Steps in memory, for rows of `stride`, to the pixels at most `reach` away as the crow flies. */
static int nearby(ptrdiff_t steps[(2 * REACH + 1) * (2 * REACH + 1)], int reach, int64_t stride)
{
    int n = 0;

    for (int dy = -reach; dy <= reach; dy++) {
        for (int dx = -reach; dx <= reach; dx++) {
            if (dx * dx + dy * dy <= reach * reach && (dx != 0 || dy != 0))
                steps[n++] = (ptrdiff_t)(dy * stride + dx);
        }
    }
    return n;
}

static bool borders(const uint8_t *hot, const ptrdiff_t *steps, int n)
{
    for (int i = 0; i < n; i++) {
        if (hot[steps[i]] != *hot)
            return true;
    }
    return false;
}

/* Outline {map >= threshold}: the line lies inside the region, its dark rim just outside. */
static fleck_status outline(fk_image *im, const float *map, double threshold, fleck_error *err)
{
    enum { MOST = (2 * REACH + 1) * (2 * REACH + 1) };
    int64_t stride = im->width + 2 * REACH, side = im->width < im->height ? im->width : im->height;
    ptrdiff_t inner[MOST], outer[MOST];
    int n_inner = nearby(inner, side < 400 ? 1 : 2, stride), n_outer = nearby(outer, 1, stride);
    uint8_t *hot;
    fleck_status st = FK_CALLOC(&hot, stride * (im->height + 2 * REACH), err);

    if (st != FLECK_OK)
        return st;
    for (int64_t y = 0; y < im->height; y++) {
        for (int64_t x = 0; x < im->width; x++)
            hot[(y + REACH) * stride + x + REACH] = (double)map[y * im->width + x] >= threshold;
    }
    for (int64_t y = 0; y < im->height; y++) {
        const uint8_t *row = hot + (y + REACH) * stride + REACH;
        uint8_t *p = im->data + 3 * y * im->width;

        for (int64_t x = 0; x < im->width; x++, p += 3) {
            if (row[x] && borders(row + x, inner, n_inner)) {
                memcpy(p, line_rgb, 3);
            } else if (!row[x] && borders(row + x, outer, n_outer)) {
                for (int c = 0; c < 3; c++)
                    p[c] /= 2;
            }
        }
    }
    fk_free(hot);
    return FLECK_OK;
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

            im.data[3 * i + c] = alpha > 0 ? mix(v, hot[c], alpha) : v;
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
