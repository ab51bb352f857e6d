/* SPDX-License-Identifier: Apache-2.0 */
/* Rotated copies of a canvas.
 *
 * With the centre c = ((W - 1) / 2, (H - 1) / 2) and the angle a = 2 pi turn / turns, pixel p of the
 * copy shows the point c + R(-a) (p - c) of the image.  Sines of quarters are exact, so that a
 * quarter of a square image moves its pixels and mixes none. */
#include "view/rotate.h"
#include "map/map.h"

#include <math.h>

#define PI 3.14159265358979323846

typedef struct rotation {
    double cosine, sine, x, y; /* x, y: the centre */
} rotation;

static rotation rotation_of(int64_t height, int64_t width, int64_t turn, int64_t turns)
{
    double angle = 2.0 * PI * (double)(turn % turns) / (double)turns;
    rotation r = {cos(angle), sin(angle), (double)(width - 1) / 2.0, (double)(height - 1) / 2.0};

    if (4 * turn % turns == 0) {
        r.cosine = round(r.cosine);
        r.sine = round(r.sine);
    }
    return r;
}

/* The point that pixel (x, y) of the copy shows. */
static void source_of(const rotation *r, int64_t x, int64_t y, double *from_x, double *from_y)
{
    double dx = (double)x - r->x, dy = (double)y - r->y;

    *from_x = r->x + r->cosine * dx + r->sine * dy;
    *from_y = r->y - r->sine * dx + r->cosine * dy;
}

void fk_rotate_pixels(uint8_t *out, const fk_image *im, int64_t turn, int64_t turns)
{
    const rotation r = rotation_of(im->height, im->width, turn, turns);
    int64_t c = im->channels;

    for (int64_t y = 0; y < im->height; y++)
        for (int64_t x = 0; x < im->width; x++, out += c) {
            double fx, fy, right, down;
            int64_t x0, x1;
            const uint8_t *above, *below;

            source_of(&r, x, y, &fx, &fy);
            right = fx - floor(fx);
            down = fy - floor(fy);
            x0 = fk_map_reflect((int64_t)floor(fx), im->width) * c;
            x1 = fk_map_reflect((int64_t)floor(fx) + 1, im->width) * c;
            above = im->data + fk_map_reflect((int64_t)floor(fy), im->height) * im->width * c;
            below = im->data + fk_map_reflect((int64_t)floor(fy) + 1, im->height) * im->width * c;
            for (int64_t k = 0; k < c; k++) {
                double top = (1.0 - right) * above[x0 + k] + right * above[x1 + k];
                double bottom = (1.0 - right) * below[x0 + k] + right * below[x1 + k];

                out[k] = (uint8_t)lrint((1.0 - down) * top + down * bottom);
            }
        }
}

void fk_rotate_mask(uint8_t *out, const fk_image *mask, int64_t height, int64_t width, int64_t turn,
                    int64_t turns)
{
    const rotation r = rotation_of(height, width, turn, turns);

    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            double fx, fy;
            int64_t i, j;

            source_of(&r, x, y, &fx, &fy);
            i = (int64_t)floor(fx + 0.5);
            j = (int64_t)floor(fy + 0.5);
            if (i < 0 || i >= width || j < 0 || j >= height)
                out[y * width + x] = 255;
            else
                out[y * width + x] = mask->data != NULL && mask->data[j * width + i] != 0 ? 255 : 0;
        }
}
