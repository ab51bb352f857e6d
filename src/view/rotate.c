/* SPDX-License-Identifier: Apache-2.0 */
/* Rotated copies of a canvas.
 *
 * With the centre c = ((W - 1) / 2, (H - 1) / 2) and the angle a = 2 pi turn / turns, pixel p of
 * the copy shows the point c + R(-a) (p - c) of the image, by cubic convolution (Keys 1981,
 * a = -1/2) of its 4 x 4 neighbours, which blurs less than the bilinear mixture.  Sines of quarters
 * are exact, so that a quarter of a square image moves its pixels and mixes none. */
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

/* Weights [4] of the values at -1, 0, 1 and 2 for the point at t in [0, 1). */
static void cubic(double *out, double t)
{
    out[0] = t * (-0.5 + t * (1.0 - 0.5 * t));
    out[1] = 1.0 + t * t * (-2.5 + 1.5 * t);
    out[2] = t * (0.5 + t * (2.0 - 1.5 * t));
    out[3] = t * t * (-0.5 + 0.5 * t);
}

/* The value of channel k at a point whose neighbours are in these rows and columns. */
static uint8_t mix(const fk_image *im, const int64_t rows[4], const int64_t columns[4],
                   const double down[4], const double right[4], int64_t k)
{
    double sum = 0.0;

    for (int j = 0; j < 4; j++) {
        const uint8_t *row = im->data + rows[j] * im->width * im->channels + k;
        double line = 0.0;

        for (int i = 0; i < 4; i++)
            line += right[i] * row[columns[i] * im->channels];
        sum += down[j] * line;
    }
    return (uint8_t)lrint(fmin(fmax(sum, 0.0), 255.0));
}

void fk_rotate_pixels(uint8_t *out, const fk_image *im, int64_t turn, int64_t turns)
{
    const rotation r = rotation_of(im->height, im->width, turn, turns);

    for (int64_t y = 0; y < im->height; y++)
        for (int64_t x = 0; x < im->width; x++, out += im->channels) {
            double fx, fy, right[4], down[4];
            int64_t rows[4], columns[4];

            source_of(&r, x, y, &fx, &fy);
            cubic(right, fx - floor(fx));
            cubic(down, fy - floor(fy));
            for (int i = 0; i < 4; i++) {
                columns[i] = fk_map_reflect((int64_t)floor(fx) + i - 1, im->width);
                rows[i] = fk_map_reflect((int64_t)floor(fy) + i - 1, im->height);
            }
            for (int64_t k = 0; k < im->channels; k++)
                out[k] = mix(im, rows, columns, down, right, k);
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
