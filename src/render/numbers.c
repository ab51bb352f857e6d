/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of regions in a picture, each beside its region. */
#include "render/font.h"
#include "render/render.h"

#include <stdio.h>

static const uint8_t white[3] = {255, 255, 255};

typedef struct box {
    int64_t x, y, width, height;
} box;

static bool overlap(const box *a, const box *b)
{
    return a->x < b->x + b->width && b->x < a->x + a->width && a->y < b->y + b->height &&
           b->y < a->y + a->height;
}

static bool within(const box *b, const fk_image *im)
{
    return b->x >= 0 && b->y >= 0 && b->x + b->width <= im->width && b->y + b->height <= im->height;
}

/* Position i of a label of region r, in order of preference: over its first pixel, which is one of
 * the uppermost, then around its box, then in its middle. */
static box place(const fleck_region *r, int64_t width, int64_t height, int64_t gap, int i)
{
    const int64_t above = r->y - gap - height, below = r->y + r->height + gap;
    const int64_t before = r->x - gap - width, behind = r->x + r->width + gap;
    const int64_t first_x = r->outline[0].x - width / 2;
    const int64_t middle_x = r->x + (r->width - width) / 2;
    const int64_t middle_y = r->y + (r->height - height) / 2;
    const int64_t places[][2] = {{first_x, above},    {middle_x, above},  {middle_x, below},
                                 {behind, middle_y},  {before, middle_y}, {behind, above},
                                 {before, above},     {behind, below},    {before, below},
                                 {middle_x, middle_y}};

    return (box){places[i][0], places[i][1], width, height};
}

enum { PLACES = 10 };

/* The first position inside the picture that overlaps no earlier label; else the middle, moved into
 * the picture. */
static box choose(const fk_image *im, const fleck_region *r, box size, int64_t gap,
                  const box *taken, int n)
{
    box b = {0};

    for (int i = 0; i < PLACES; i++) {
        bool free = true;

        b = place(r, size.width, size.height, gap, i);
        for (int k = 0; free && k < n; k++)
            free = !overlap(&b, &taken[k]);
        if (free && within(&b, im))
            return b;
    }
    b.x = b.x + b.width > im->width ? im->width - b.width : b.x;
    b.y = b.y + b.height > im->height ? im->height - b.height : b.y;
    b.x = b.x < 0 ? 0 : b.x;
    b.y = b.y < 0 ? 0 : b.y;
    return b;
}

void fk_render_numbers(fk_image *im, const fleck_regions *regions)
{
    const int size = fk_render_text_size(im->width, im->height);
    const int64_t gap = fk_render_line(im->width, im->height), rim = size;
    box taken[FK_RENDER_NUMBERS];

    for (int k = 0; k < regions->count && k < FK_RENDER_NUMBERS; k++) {
        char text[8];
        box b = {.height = 8 * (int64_t)size + 2 * rim};

        /* Digits have rows 1 to 7 of their cells, and the last column is empty. */
        snprintf(text, sizeof text, "%d", k + 1);
        b.width = fk_render_text_width(text, size) - size + 2 * rim;
        taken[k] = choose(im, &regions->list[k], b, gap, taken, k);
        fk_render_text_rimmed(im, taken[k].x + rim, taken[k].y + rim - size, text, size, white);
    }
}
