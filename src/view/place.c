/* SPDX-License-Identifier: Apache-2.0 */
/* From an image's pixels to the network's crop and back, for masks and maps.
 *
 * Along one axis, the centre of pixel x of n is at s = (x + 1/2) r/n - 1/2 in the image resized to
 * r pixels, and at c = s - o in a crop of k pixels that begins at o.  The crop covers -1/2 <= c <=
 * k - 1/2. */
#include "view/place.h"
#include "map/map.h"

#include <math.h>

typedef struct axis {
    int64_t size, resized, crop, offset;
} axis;

/* Position of pixel x in the crop; false: it is outside. */
static bool locate(const axis *a, int64_t x, int64_t *left, int64_t *right, double *weight)
{
    double c = ((double)x + 0.5) * (double)a->resized / (double)a->size - 0.5 - (double)a->offset;

    if (c < -0.5 || c > (double)a->crop - 0.5)
        return false;
    c = fmin(fmax(c, 0.0), (double)(a->crop - 1));
    *left = (int64_t)c;
    *right = *left + 1 < a->crop ? *left + 1 : *left;
    *weight = c - (double)*left;
    return true;
}

/* The axes of an image of this size under p. */
static void axes_of(axis *x, axis *y, const fk_preprocess *p, int64_t height, int64_t width)
{
    fk_map_size canvas = fk_preprocess_canvas(p, width, height);

    *x = (axis){width, p->width > 0 ? p->width : width, canvas.width, 0};
    *y = (axis){height, p->width > 0 ? p->height : height, canvas.height, 0};
    x->offset = fk_crop_offset(x->resized, x->crop);
    y->offset = fk_crop_offset(y->resized, y->crop);
}

enum { COLUMNS = 256 }; /* columns that are located once for all rows */

/* Fill n <= COLUMNS columns from x on. */
static void place_columns(float *out, int64_t x, int64_t n, const float *map, const axis *ax,
                          const axis *ay, float outside)
{
    int64_t left[COLUMNS], right[COLUMNS];
    double weight[COLUMNS];
    bool in[COLUMNS];

    for (int64_t i = 0; i < n; i++)
        in[i] = locate(ax, x + i, &left[i], &right[i], &weight[i]);
    for (int64_t y = 0; y < ay->size; y++) {
        int64_t y0 = 0, y1 = 0;
        double v = 0.0;
        bool inside = locate(ay, y, &y0, &y1, &v);
        const float *a = map + y0 * ax->crop, *b = map + y1 * ax->crop;
        float *to = out + y * ax->size + x;

        for (int64_t i = 0; i < n; i++) {
            double above, below;

            to[i] = outside;
            if (!inside || !in[i])
                continue;
            above = (double)a[left[i]] + weight[i] * ((double)a[right[i]] - (double)a[left[i]]);
            below = (double)b[left[i]] + weight[i] * ((double)b[right[i]] - (double)b[left[i]]);
            to[i] = (float)(above + v * (below - above));
        }
    }
}

void fk_place_map(float *out, int64_t height, int64_t width, const float *map,
                  const fk_preprocess *p)
{
    axis ax, ay;
    float lowest, highest;

    axes_of(&ax, &ay, p, height, width);
    fk_map_range(map, ax.crop * ay.crop, &lowest, &highest);
    for (int64_t x = 0; x < width; x += COLUMNS)
        place_columns(out, x, width - x < COLUMNS ? width - x : COLUMNS, map, &ax, &ay, lowest);
}

fleck_status fk_place_mask(fk_image *out, const fk_image *mask, const fk_preprocess *p,
                           fleck_error *err)
{
    fk_image resized = {0};
    fleck_status st;

    *out = (fk_image){0};
    if (p->width == 0)
        return fk_image_resize(out, mask, mask->width, mask->height, FK_FILTER_NEAREST, err);
    FK_DO(fk_image_resize(&resized, mask, p->width, p->height, FK_FILTER_NEAREST, err));
    FK_DO(fk_image_crop_centre(out, &resized, p->crop_width, p->crop_height, err));
done:
    fk_image_free(&resized);
    return st;
}

void fk_place_mask_back(uint8_t *out, int64_t height, int64_t width, const uint8_t *mask,
                        const fk_preprocess *p)
{
    axis ax, ay;

    axes_of(&ax, &ay, p, height, width);
    for (int64_t y = 0; y < height; y++) {
        int64_t y0, y1, x0, x1;
        double v, u;
        bool inside = locate(&ay, y, &y0, &y1, &v);

        for (int64_t x = 0; x < width; x++) {
            out[y * width + x] = 0;
            if (!inside || !locate(&ax, x, &x0, &x1, &u))
                continue;
            out[y * width + x] = mask[(v < 0.5 ? y0 : y1) * ax.crop + (u < 0.5 ? x0 : x1)];
        }
    }
}

void fk_place_outside(uint8_t *out, int64_t height, int64_t width, const fk_preprocess *p)
{
    axis ax, ay;

    axes_of(&ax, &ay, p, height, width);
    for (int64_t y = 0; y < height; y++) {
        int64_t left, right;
        double weight;
        bool inside = locate(&ay, y, &left, &right, &weight);

        for (int64_t x = 0; x < width; x++)
            if (!inside || !locate(&ax, x, &left, &right, &weight))
                out[y * width + x] = 255;
    }
}

double fk_place_outside_share(const fk_preprocess *p)
{
    if (p->width == 0)
        return 0.0;
    return 1.0 -
           (double)p->crop_width / (double)p->width * (double)p->crop_height / (double)p->height;
}
