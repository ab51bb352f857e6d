/* Text in pictures: the built-in font at any whole size, with smooth edges. */
#include "render/font.h"
#include "render/render.h"

#include <string.h>

/* Ink between four dots a b / c d at (x, y) in their square: bilinear, but where only a diagonal is
 * set a ridge runs along it, so that slanted strokes do not fall into beads.  Along the square's
 * sides the ridge equals the bilinear value, hence there is no seam. */
static double between(bool a, bool b, bool c, bool d, double x, double y)
{
    if (a && d && !b && !c)
        return x > y ? 1 - (x - y) : 1 - (y - x);
    if (b && c && !a && !d)
        return x + y > 1 ? 2 - (x + y) : x + y;
    return (1 - y) * ((1 - x) * a + x * b) + y * ((1 - x) * c + x * d);
}

/* Ink of glyph at output dot (i, j) of its cell at `size`, 0 to 1: the dots are samples of a
 * surface, ink is where it is above one half, and the edge is one output dot wide.  (u, v) is the
 * output dot's centre in the font's grid, half a dot on.  Size 1 gives the dots themselves. */
static double coverage(char glyph, int64_t i, int64_t j, int size)
{
    double u = ((double)i + 0.5) / size + 0.5, v = ((double)j + 0.5) / size + 0.5;
    int x = (int)u, y = (int)v;
    double surface = between(fk_font_dot(glyph, x - 1, y - 1), fk_font_dot(glyph, x, y - 1),
                             fk_font_dot(glyph, x - 1, y), fk_font_dot(glyph, x, y), u - x, v - y);
    double ink = (surface - 0.5) * size + 0.5;

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
