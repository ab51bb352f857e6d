/* SPDX-License-Identifier: Apache-2.0 */
/* Panels: pictures side by side on white, with a caption under each. */
#include "render/font.h"
#include "render/render.h"

#include <assert.h>
#include <string.h>

/* The layout.  Cells are tile wide and as high as the highest fitted picture:
 *
 *   width  = margin + n * (tile + margin)
 *   height = margin + cell_height + gap + size * 10 + gap          (without captions: + margin)
 *
 * Each picture is in the middle of its cell. */
typedef struct layout {
    int64_t tile, margin, cell_height, gap;
    int size; /* of the captions; 0: no captions */
} layout;

#define CAPTION_LONGEST 256

static const uint8_t ink[3] = {38, 38, 44};
static const uint8_t frame = 208; /* a hairline, so that white pictures have an edge too */

/* Size of a picture scaled into tile x tile with its aspect ratio, at least 1 x 1. */
static void fit(int64_t *width, int64_t *height, const fk_image *im, int64_t tile)
{
    int64_t longer = im->width > im->height ? im->width : im->height;

    *width = (2 * im->width * tile + longer) / (2 * longer);
    *height = (2 * im->height * tile + longer) / (2 * longer);
    if (*width < 1)
        *width = 1;
    if (*height < 1)
        *height = 1;
}

static const char *caption(const char *const *captions, int i)
{
    return captions != NULL && captions[i] != NULL ? captions[i] : "";
}

/* One size for all captions: the largest at which each fits, with a maximum for the tile. */
static int caption_size(const char *const *captions, int n, int64_t tile)
{
    int64_t longest = 0, size = tile / 112;

    for (int i = 0; i < n; i++) {
        int64_t length = (int64_t)strlen(caption(captions, i));

        longest = length > longest ? length : longest;
    }
    if (longest == 0)
        return 0;
    if (size > tile / (longest * FK_FONT_WIDTH))
        size = tile / (longest * FK_FONT_WIDTH);
    return size < 1 ? 1 : (int)size;
}

static layout arrange(const fk_image *const *pictures, const char *const *captions, int n,
                      int64_t tile)
{
    layout l = {.tile = tile, .margin = tile / 20 < 6 ? 6 : tile / 20};

    for (int i = 0; i < n; i++) {
        int64_t width, height;

        fit(&width, &height, pictures[i], tile);
        l.cell_height = height > l.cell_height ? height : l.cell_height;
    }
    l.size = caption_size(captions, n, tile);
    l.gap = l.margin / 2;
    return l;
}

/* Copy im, grey or RGB, to (x, y), its upper left corner, and draw a hairline around it. */
static void paste(fk_image *panel, const fk_image *im, int64_t x, int64_t y)
{
    for (int64_t v = -1; v <= im->height; v++) {
        for (int64_t u = -1; u <= im->width; u++) {
            uint8_t *p = panel->data + 3 * ((y + v) * panel->width + x + u);
            bool inside = u >= 0 && v >= 0 && u < im->width && v < im->height;

            for (int c = 0; c < 3; c++)
                p[c] =
                    inside
                        ? im->data[(v * im->width + u) * im->channels + (im->channels == 3 ? c : 0)]
                        : frame;
        }
    }
}

/* Draw text centred under the cell at x.  A text that is too long ends in "..". */
static void write_caption(fk_image *panel, const layout *l, int64_t x, const char *text)
{
    char line[CAPTION_LONGEST + 1];
    int64_t fits = l->tile / (FK_FONT_WIDTH * l->size), length = (int64_t)strlen(text);

    fits = fits > CAPTION_LONGEST ? CAPTION_LONGEST : fits;
    if (length <= fits) {
        memcpy(line, text, (size_t)length + 1);
    } else {
        memcpy(line, text, (size_t)fits);
        memset(line + (fits > 2 ? fits - 2 : 0), '.', (size_t)(fits > 2 ? 2 : fits));
        line[fits] = '\0';
    }
    /* The gap after the last character does not count for centring. */
    x += (l->tile - fk_render_text_width(line, l->size) + l->size) / 2;
    fk_render_text(panel, x, l->margin + l->cell_height + l->gap, line, l->size, ink);
}

fleck_status fk_render_panel(fk_image *out, const fk_image *const *pictures,
                             const char *const *captions, int n, int64_t tile, fleck_error *err)
{
    fk_image panel = {0}, small = {0};
    fleck_status st = FLECK_OK;
    layout l;
    int64_t width, height;

    *out = (fk_image){0};
    if (n < 1 || tile < 8 || tile > FK_IMAGE_MAX_SIDE)
        FK_FAIL(err, FLECK_E_OPTION,
                "panel: expected at least one picture and tiles of 8 to %d pixels, got %d pictures "
                "and tiles of %lld",
                FK_IMAGE_MAX_SIDE, n, (long long)tile);
    l = arrange(pictures, captions, n, tile);
    width = l.margin + n * (tile + l.margin);
    height =
        l.margin + l.cell_height + (l.size > 0 ? 2 * l.gap + FK_FONT_HEIGHT * l.size : l.margin);
    FK_DO(fk_image_init(&panel, width, height, 3, err));
    memset(panel.data, 255, (size_t)(width * height * 3));
    for (int i = 0; i < n; i++) {
        int64_t x = l.margin + i * (tile + l.margin), w, h;

        fit(&w, &h, pictures[i], tile);
        FK_DO(fk_image_resize(&small, pictures[i], w, h, FK_FILTER_BICUBIC, err));
        paste(&panel, &small, x + (tile - w) / 2, l.margin + (l.cell_height - h) / 2);
        fk_image_free(&small);
        if (l.size > 0)
            write_caption(&panel, &l, x, caption(captions, i));
    }
    *out = panel;
    panel = (fk_image){0};
done:
    fk_image_free(&small);
    fk_image_free(&panel);
    return st;
}
