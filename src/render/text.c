/* SPDX-License-Identifier: Apache-2.0 */
/* Text in pictures: the built-in font at any integer size, with smooth edges. */
#include "render/font.h"
#include "render/render.h"

#include <math.h>
#include <string.h>

/* Squared distance of (x, y) from the segment between (ax, ay) and (ax + dx, ay + dy), with |dx|
 * and |dy| at most 1. */
static double to_stroke(double x, double y, int ax, int ay, int dx, int dy)
{
    double px = x - ax, py = y - ay, length = (double)(dx * dx + dy * dy);
    double t = length > 0 ? (px * dx + py * dy) / length : 0;

    t = t < 0 ? 0 : t > 1 ? 1 : t;
    px -= t * dx;
    py -= t * dy;
    return px * px + py * py;
}

/* The dots of a glyph: bit x + MARGIN of row y + MARGIN. */
enum { MARGIN = 4 };
typedef struct glyph {
    uint32_t rows[FK_FONT_HEIGHT + 2 * MARGIN];
} glyph;

static glyph glyph_of(char c)
{
    glyph g = {{0}};

    for (int y = 0; y < FK_FONT_HEIGHT; y++)
        for (int x = 0; x < FK_FONT_WIDTH; x++)
            g.rows[y + MARGIN] |= (uint32_t)fk_font_dot(c, x, y) << (x + MARGIN);
    return g;
}

static bool dot(const glyph *g, int x, int y)
{
    return (g->rows[y + MARGIN] >> (x + MARGIN) & 1) != 0;
}

/* Distance of (x, y) from the glyph's strokes; dot (i, j) is at (i, j).  Strokes join the centres
 * of adjacent dots, and of diagonal dots if no third dot joins them.  The square between four dots
 * is ink.  The distance is 2 if no stroke is near.  (x, y) is at most one dot outside the cell. */
static double to_glyph(const glyph *g, double x, double y)
{
    const int x0 = (int)floor(x), y0 = (int)floor(y);
    double least = 4;

    if (dot(g, x0, y0) && dot(g, x0 + 1, y0) && dot(g, x0, y0 + 1) && dot(g, x0 + 1, y0 + 1))
        return 0;
    for (int j = y0 - 1; j <= y0 + 2; j++) {
        if ((g->rows[j + MARGIN] >> (x0 - 1 + MARGIN) & 15) == 0)
            continue;
        for (int i = x0 - 1; i <= x0 + 2; i++) {
            bool right = dot(g, i + 1, j), left = dot(g, i - 1, j), below = dot(g, i, j + 1);

            if (!dot(g, i, j))
                continue;
            least = fmin(least, to_stroke(x, y, i, j, right, 0));
            least = fmin(least, to_stroke(x, y, i, j, 0, below));
            if (!right && !below && dot(g, i + 1, j + 1))
                least = fmin(least, to_stroke(x, y, i, j, 1, 1));
            if (!left && !below && dot(g, i - 1, j + 1))
                least = fmin(least, to_stroke(x, y, i, j, -1, 1));
        }
    }
    return sqrt(least);
}

/* Ink, 0 to 1, of a glyph at `size` at pixel (i, j) of its cell.  Strokes are 1 + 2 `rim` dots of
 * the font wide with round ends, and their edges are one pixel wide. */
static double coverage(const glyph *g, int64_t i, int64_t j, int size, double rim)
{
    double x = ((double)i + 0.5) / size - 0.5, y = ((double)j + 0.5) / size - 0.5;
    double ink = (0.5 + rim - to_glyph(g, x, y)) * size + 0.5;

    return ink < 0 ? 0 : ink > 1 ? 1 : ink;
}

/* Blend colour rgb (its luma in a grey picture) over pixel (x, y), if it is in the picture. */
static void blend(fk_image *im, int64_t x, int64_t y, const uint8_t rgb[3], double ink)
{
    uint8_t luma = (uint8_t)((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
    uint8_t *p;

    if (ink <= 0 || x < 0 || y < 0 || x >= im->width || y >= im->height)
        return;
    p = im->data + (y * im->width + x) * im->channels;
    for (int c = 0; c < 3 && c < im->channels; c++)
        p[c] = fk_render_mix(p[c], im->channels == 1 ? luma : rgb[c], ink);
}

/* Draw text whose strokes are wider by `rim` dots of the font, at most 1, on each side. */
static void draw(fk_image *im, int64_t x, int64_t y, const char *text, int size, double rim,
                 const uint8_t rgb[3])
{
    const int64_t width = (int64_t)FK_FONT_WIDTH * size, height = (int64_t)FK_FONT_HEIGHT * size;
    const int64_t more = rim > 0 ? size : 0;

    for (; *text != '\0' && x - more < im->width; text++, x += width) {
        const glyph g = glyph_of(*text);

        if (x + width + more <= 0)
            continue;
        for (int64_t j = -more; j < height + more; j++) {
            for (int64_t i = -more; i < width + more; i++)
                blend(im, x + i, y + j, rgb, coverage(&g, i, j, size, rim));
        }
    }
}

/* Size 1 draws the dots themselves. */
static void draw_dots(fk_image *im, int64_t x, int64_t y, const char *text, const uint8_t rgb[3])
{
    for (; *text != '\0' && x < im->width; text++, x += FK_FONT_WIDTH)
        for (int j = 0; j < FK_FONT_HEIGHT; j++)
            for (int i = 0; i < FK_FONT_WIDTH; i++)
                blend(im, x + i, y + j, rgb, fk_font_dot(*text, i, j));
}

void fk_render_text(fk_image *im, int64_t x, int64_t y, const char *text, int size,
                    const uint8_t rgb[3])
{
    if (size == 1)
        draw_dots(im, x, y, text, rgb);
    else
        draw(im, x, y, text, size, 0, rgb);
}

int64_t fk_render_text_width(const char *text, int size)
{
    return (int64_t)strlen(text) * FK_FONT_WIDTH * size;
}

void fk_render_text_rimmed(fk_image *im, int64_t x, int64_t y, const char *text, int size,
                           const uint8_t rgb[3])
{
    static const uint8_t rim[3] = {16, 16, 20};

    draw(im, x, y, text, size, size == 1 ? 1 : 0.7, rim);
    fk_render_text(im, x, y, text, size, rgb);
}

int fk_render_text_size(int64_t width, int64_t height)
{
    int64_t size = ((width < height ? width : height) + 140) / 280;

    return size < 1 ? 1 : (int)size;
}
