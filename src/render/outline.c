/* SPDX-License-Identifier: Apache-2.0 */
/* Outlines: a light line inside each region's edge and a dark one outside, so that one of them is
 * visible on any background.
 *
 * The distance of a pixel from the edge is that of its centre from the nearest centre on the other
 * side, less one half.  The nearest one within `line` rows follows from the nearest one in each of
 * these rows, which a pass in each direction finds.  Pixels beyond the picture are outside, so
 * lines are closed along the picture's edge. */
#include "render/render.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

static const uint8_t light[3] = {0, 240, 255}; /* the complement of the hot colours */
static const uint8_t dark[3] = {16, 16, 20};

typedef struct edge {
    const uint8_t *mask; /* [height, width] */
    int64_t height, width;
    int64_t line; /* width of each line */
    int64_t rows; /* 2 line + 1 */
    /* [rows, width], row y at y % rows: distance of the nearest pixel of the other side in the row,
     * at most line + 1. */
    uint8_t *near;
} edge;

int64_t fk_render_line(int64_t width, int64_t height)
{
    int64_t line = ((width < height ? width : height) + 150) / 300;

    return line < 1 ? 1 : line > 200 ? 200 : line;
}

static void measure_row(const edge *e, int64_t y)
{
    const uint8_t *mask = e->mask + y * e->width;
    uint8_t *near = e->near + y % e->rows * e->width;
    const int64_t far = e->line + 1;

    for (int64_t x = 0, steps = far; x < e->width; x++) {
        if (x == 0)
            steps = mask[0] ? 1 : far; /* beyond the picture is outside */
        else if (mask[x] != mask[x - 1])
            steps = 1;
        else
            steps += steps < far;
        near[x] = (uint8_t)steps;
    }
    for (int64_t x = e->width - 1, steps = far; x >= 0; x--) {
        if (x == e->width - 1)
            steps = mask[x] ? 1 : far;
        else if (mask[x] != mask[x + 1])
            steps = 1;
        else
            steps += steps < far;
        near[x] = steps < near[x] ? (uint8_t)steps : near[x];
    }
}

/* Squared distance from pixel (x, y) to the nearest on the other side in row y + dy. */
static int64_t in_row(const edge *e, int64_t x, int64_t y, int64_t dy)
{
    const bool inside = e->mask[y * e->width + x] != 0;
    int64_t other = y + dy, dx;

    if (other < 0 || other >= e->height)
        return inside ? dy * dy : INT64_MAX;
    if ((e->mask[other * e->width + x] != 0) != inside)
        return dy * dy;
    dx = e->near[other % e->rows * e->width + x];
    return dy * dy + dx * dx;
}

/* Opacity of the line at pixel (x, y). */
static double opacity(const edge *e, int64_t x, int64_t y)
{
    int64_t least = in_row(e, x, y, 0);
    double alpha;

    for (int64_t dy = 1; dy <= e->line && dy * dy < least; dy++) {
        int64_t up = in_row(e, x, y, -dy), down = in_row(e, x, y, dy);

        least = up < least ? up : least;
        least = down < least ? down : least;
    }
    alpha = (double)e->line + 1 - sqrt((double)least);
    return alpha < 0 ? 0 : alpha > 1 ? 1 : alpha;
}

/* First and last row and column with a pixel inside; false if there is none. */
static bool bounds(const edge *e, int64_t *top, int64_t *bottom, int64_t *left, int64_t *right)
{
    *top = e->height;
    *bottom = -1;
    *left = e->width;
    *right = -1;
    for (int64_t y = 0; y < e->height; y++) {
        const uint8_t *row = e->mask + y * e->width, *first = memchr(row, 1, (size_t)e->width);
        int64_t x = e->width - 1;

        if (first == NULL)
            continue;
        *top = y < *top ? y : *top;
        *bottom = y;
        *left = first - row < *left ? first - row : *left;
        while (!row[x])
            x--;
        *right = x > *right ? x : *right;
    }
    return *bottom >= 0;
}

static void draw_row(fk_image *im, const edge *e, int64_t y, int64_t from, int64_t to)
{
    for (int64_t x = from; x <= to; x++) {
        const uint8_t *rgb = e->mask[y * e->width + x] ? light : dark;
        uint8_t *p = im->data + 3 * (y * e->width + x);
        double alpha = opacity(e, x, y);

        for (int c = 0; alpha > 0 && c < 3; c++)
            p[c] = fk_render_mix(p[c], rgb[c], alpha);
    }
}

fleck_status fk_render_outline(fk_image *im, const uint8_t *mask, fleck_error *err)
{
    edge e = {.mask = mask, .height = im->height, .width = im->width};
    int64_t top, bottom, left, right, next = 0;
    fleck_status st = FLECK_OK;

    e.line = fk_render_line(im->width, im->height);
    e.rows = 2 * e.line + 1;
    if (!bounds(&e, &top, &bottom, &left, &right))
        return FLECK_OK;
    FK_DO(FK_ALLOC(&e.near, e.rows * e.width, err));
    top = top > e.line ? top - e.line : 0;
    left = left > e.line ? left - e.line : 0;
    right = right + e.line < e.width ? right + e.line : e.width - 1;
    bottom = bottom + e.line < e.height ? bottom + e.line : e.height - 1;
    next = top > e.line ? top - e.line : 0;
    for (int64_t y = top; y <= bottom; y++) {
        for (; next <= y + e.line && next < e.height; next++)
            measure_row(&e, next);
        draw_row(im, &e, y, left, right);
    }
done:
    fk_free(e.near);
    return st;
}
