/* SPDX-License-Identifier: Apache-2.0 */
/* Sheets: one or two pictures, and under them a legend with words and a colour bar. */
#include "render/font.h"
#include "render/render.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const uint8_t ground[3] = {24, 24, 28}, ink[3] = {235, 235, 235};

/* The layout.  Lengths are multiples of the text size. */
typedef struct layout {
    int size;
    int64_t width, height; /* of the sheet */
    int64_t right, below;  /* corner of the second picture */
    int64_t top;           /* of the legend; height: no legend */
    int64_t pad, step;     /* step: from line to line */
    int lines;
} layout;

enum { NARROWEST = 16 }; /* characters; one word of a legend fits */

/* The line of words[i], and the x where it begins.  A line has as many words as fit. */
static int find_word(const layout *l, const fk_legend *legend, int i, int64_t *x)
{
    int line = 0;

    *x = l->pad;
    for (int k = 0;; k++) {
        int64_t width = fk_render_text_width(legend->words[k], l->size);

        if (*x > l->pad && *x + width > l->width - l->pad) {
            *x = l->pad;
            line++;
        }
        if (k == i)
            return line;
        *x += width + fk_render_text_width("  ", l->size);
    }
}

static layout arrange(const fk_image *const *pictures, int n, const fk_legend *legend)
{
    const fk_image *first = pictures[0];
    layout l = {.size = fk_render_text_size(first->width, first->height)};
    int64_t gap = n > 1 ? 2 * (int64_t)l.size : 0, x, least;
    bool beside = n > 1 && first->width <= 2 * first->height;

    l.pad = 3 * (int64_t)l.size;
    l.step = (FK_FONT_HEIGHT + 1) * (int64_t)l.size;
    l.width = beside ? 2 * first->width + gap : first->width;
    l.right = beside ? first->width + gap : 0;
    l.below = n > 1 && !beside ? first->height + gap : 0;
    l.top = first->height + l.below;
    least = NARROWEST * FK_FONT_WIDTH * (int64_t)l.size + 2 * l.pad;
    l.height = l.top;
    if (legend == NULL)
        return l;
    l.width = l.width < least ? least : l.width;
    for (int i = 0; i < 4 && legend->words[i] != NULL; i++)
        l.lines = find_word(&l, legend, i, &x) + 1;
    /* Words, the row of peaks, the bar, its numbers. */
    l.height = l.top + l.pad + l.lines * l.step + 9 * (int64_t)l.size + l.step + l.pad;
    l.height = l.height > FK_IMAGE_MAX_SIDE ? l.top : l.height;
    return l;
}

static void paste(fk_image *sheet, const fk_image *im, int64_t x, int64_t y)
{
    for (int64_t v = 0; v < im->height; v++)
        memcpy(sheet->data + 3 * ((y + v) * sheet->width + x), im->data + 3 * v * im->width,
               (size_t)im->width * 3);
}

/* Fill the part of the rectangle that is inside the picture. */
static void fill(fk_image *im, int64_t x, int64_t y, int64_t width, int64_t height,
                 const uint8_t rgb[3])
{
    const int64_t left = x < 0 ? 0 : x, right = x + width < im->width ? x + width : im->width;
    const int64_t top = y < 0 ? 0 : y, bottom = y + height < im->height ? y + height : im->height;
    const uint8_t *first = im->data + 3 * (top * im->width + left);

    for (int64_t v = top; v < bottom && left < right; v++) {
        uint8_t *row = im->data + 3 * (v * im->width + left);

        for (int64_t u = 0; v == top && u < right - left; u++)
            memcpy(row + 3 * u, rgb, 3);
        if (v > top)
            memcpy(row, first, (size_t)(right - left) * 3);
    }
}

/* The x of value on a bar from x to x + width - 1. */
static int64_t on_bar(const fk_legend *legend, double value, int64_t x, int64_t width)
{
    double t = (value - legend->scale.low) / (legend->scale.high - legend->scale.low);

    t = t > 0 ? t < 1 ? t : 1 : 0; /* NaN: 0 */
    return x + (int64_t)(t * (double)(width - 1) + 0.5);
}

/* The numbers under the bar: its ends, and the threshold between them if there is room. */
static void write_numbers(fk_image *im, const layout *l, const fk_legend *legend, int64_t y)
{
    const int64_t letter = fk_render_text_width(" ", l->size);
    char low[32], high[32], texts[2][48];
    int64_t from, to, mark;

    snprintf(low, sizeof low, "%.3g", legend->scale.low);
    snprintf(high, sizeof high, "%.3g", legend->scale.high);
    from = l->pad + fk_render_text_width(low, l->size) + letter;
    to = l->width - l->pad - fk_render_text_width(high, l->size);
    fk_render_text(im, l->pad, y, low, l->size, ink);
    fk_render_text(im, to + l->size, y, high, l->size, ink); /* its last column is empty */
    if (isnan(legend->threshold))
        return;
    mark = on_bar(legend, legend->threshold, l->pad, l->width - 2 * l->pad);
    snprintf(texts[0], sizeof texts[0], "outlined > %.3g", legend->threshold);
    snprintf(texts[1], sizeof texts[1], "%.3g", legend->threshold);
    for (int i = 0; i < 2; i++) {
        int64_t width = fk_render_text_width(texts[i], l->size), x = mark - width / 2;

        if (x >= from && x + width + letter <= to) {
            fk_render_text(im, x, y, texts[i], l->size, ink);
            return;
        }
    }
}

/* The colour bar with its peaks above it, from row y on. */
static void draw_bar(fk_image *im, const layout *l, const fk_legend *legend, int64_t y)
{
    const int64_t s = l->size, width = l->width - 2 * l->pad, top = y + 3 * s;
    uint8_t rgb[3];

    for (int64_t x = 0; x < width; x++) {
        fk_colour(rgb, width > 1 ? (double)x / (double)(width - 1) : 0);
        fill(im, l->pad + x, top, 1, 5 * s, rgb);
    }
    for (int64_t k = 0; legend->regions != NULL && k < legend->regions->count; k++) {
        int64_t x = on_bar(legend, legend->regions->list[k].peak, l->pad, width);

        for (int64_t v = 0; v < 2 * s; v++) /* a triangle with its tip down */
            fill(im, x - (2 * s - 1 - v), y + v, 2 * (2 * s - 1 - v) + 1, 1, ink);
    }
    if (!isnan(legend->threshold)) {
        int64_t x = on_bar(legend, legend->threshold, l->pad, width), half = s / 2;

        fill(im, x - half - s, top, 2 * (half + s) + 1, 5 * s, ground);
        fill(im, x - half, top, 2 * half + 1, 6 * s, ink);
    }
    write_numbers(im, l, legend, top + 6 * s);
}

fleck_status fk_render_sheet(fk_image *out, const fk_image *const *pictures, int n,
                             const fk_legend *legend, fleck_error *err)
{
    const layout l = arrange(pictures, n, legend);
    fleck_status st;

    FK_DO(fk_image_init(out, l.width, l.height, 3, err));
    fill(out, 0, 0, l.width, l.height, ground);
    paste(out, pictures[0], 0, 0);
    if (n > 1)
        paste(out, pictures[1], l.right, l.below);
    if (l.height == l.top)
        return FLECK_OK;
    for (int i = 0; i < 4 && legend->words[i] != NULL; i++) {
        int64_t x;
        int line = find_word(&l, legend, i, &x);

        fk_render_text(out, x, l.top + l.pad + line * l.step, legend->words[i], l.size,
                       legend->colours[i] != NULL ? legend->colours[i] : ink);
    }
    draw_bar(out, &l, legend, l.top + l.pad + l.lines * l.step);
done:
    return st;
}
