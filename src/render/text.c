/* Text in pictures: the built-in font at any whole size, with smooth edges. */
#include "render/font.h"
#include "render/render.h"

#include <math.h>
#include <string.h>

/* Squared distance of (x, y) from the line between (ax, ay) and (ax + dx, ay + dy), |dx| and |dy| at
 * most 1. */
static double to_stroke(double x, double y, int ax, int ay, int dx, int dy)
{
    double px = x - ax, py = y - ay, length = (double)(dx * dx + dy * dy);
    double t = length > 0 ? (px * dx + py * dy) / length : 0;

    t = t < 0 ? 0 : t > 1 ? 1 : t;
    px -= t * dx;
    py -= t * dy;
    return px * px + py * py;
}

/* Distance of (x, y) from the glyph's strokes, which join the centres of neighbouring dots, corners only
 * where no third dot makes the way round; dot (i, j) is at (i, j).  What four dots surround is ink.  1 where
 * no stroke is near. */
static double to_glyph(char glyph, double x, double y)
{
    const int x0 = (int)floor(x), y0 = (int)floor(y);
    double least = 1;

    if (fk_font_dot(glyph, x0, y0) && fk_font_dot(glyph, x0 + 1, y0) &&
        fk_font_dot(glyph, x0, y0 + 1) && fk_font_dot(glyph, x0 + 1, y0 + 1))
        return 0;
    for (int j = y0 - 1; j <= y0 + 2; j++) {
        for (int i = x0 - 1; i <= x0 + 2; i++) {
            bool right = fk_font_dot(glyph, i + 1, j), left = fk_font_dot(glyph, i - 1, j);
            bool below = fk_font_dot(glyph, i, j + 1);

            if (!fk_font_dot(glyph, i, j))
                continue;
            least = fmin(least, to_stroke(x, y, i, j, right, 0));
            least = fmin(least, to_stroke(x, y, i, j, 0, below));
            if (!right && !below && fk_font_dot(glyph, i + 1, j + 1))
                least = fmin(least, to_stroke(x, y, i, j, 1, 1));
            if (!left && !below && fk_font_dot(glyph, i - 1, j + 1))
                least = fmin(least, to_stroke(x, y, i, j, -1, 1));
        }
    }
    return sqrt(least);
}

/* Ink of glyph at output dot (i, j) of its cell at `size`, 0 to 1: strokes are one dot of the font wide
 * with round ends, their edges one output dot.  Size 1 gives the dots themselves. */
static double coverage(char glyph, int64_t i, int64_t j, int size)
{
    double x = ((double)i + 0.5) / size - 0.5, y = ((double)j + 0.5) / size - 0.5, ink;

    if (size == 1)
        return fk_font_dot(glyph, (int)i, (int)j);
    ink = (0.5 - to_glyph(glyph, x, y)) * size + 0.5;
    return ink < 0 ? 0 : ink > 1 ? 1 : ink;
}

/* Blend colour rgb (its luma in a grey picture) over pixel (x, y); outside the picture nothing. */
static void blend(fk_image *im, int64_t x, int64_t y, const uint8_t rgb[3], double ink)
{
    uint8_t luma = (uint8_t)((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
    uint8_t *p;

    if (ink <= 0 || x < 0 || y < 0 || x >= im->width || y >= im->height)
        return;
    p = im->data + (y * im->width + x) * im->channels;
    for (int c = 0; c < im->channels; c++) {
        uint8_t target = im->channels == 1 ? luma : rgb[c];

        p[c] = (uint8_t)(p[c] + (target - p[c]) * ink + 0.5);
    }
}

void fk_render_text(fk_image *im, int64_t x, int64_t y, const char *text, int size,
                    const uint8_t rgb[3])
{
    int64_t width = (int64_t)FK_FONT_WIDTH * size, height = (int64_t)FK_FONT_HEIGHT * size;

    for (; *text != '\0'; text++, x += width) {
        if (x >= im->width)
            return;
        if (x + width <= 0)
            continue;
        for (int64_t j = 0; j < height; j++) {
            for (int64_t i = 0; i < width; i++)
                blend(im, x + i, y + j, rgb, coverage(*text, i, j, size));
        }
    }
}

int64_t fk_render_text_width(const char *text, int size)
{
    return (int64_t)strlen(text) * FK_FONT_WIDTH * size;
}

void fk_render_text_rimmed(fk_image *im, int64_t x, int64_t y, const char *text, int size,
                           const uint8_t rgb[3])
{
    static const uint8_t rim[3] = {16, 16, 20};
    /* The sixteen ways of a compass, times ten. */
    static const int ways[16][2] = {{10, 0},  {9, 4},  {7, 7},   {4, 9},   {0, 10},  {-4, 9},
                                    {-7, 7},  {-9, 4}, {-10, 0}, {-9, -4}, {-7, -7}, {-4, -9},
                                    {0, -10}, {4, -9}, {7, -7},  {9, -4}};
    const int reach = size == 1 ? 15 : 7 * size;

    for (int k = 0; k < 16; k++)
        fk_render_text(im, x + (ways[k][0] * reach) / 100, y + (ways[k][1] * reach) / 100, text,
                       size, rim);
    fk_render_text(im, x, y, text, size, rgb);
}

int fk_render_text_size(int64_t width, int64_t height)
{
    int64_t size = ((width < height ? width : height) + 140) / 280;

    return size < 1 ? 1 : (int)size;
}
