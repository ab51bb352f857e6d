/* SPDX-License-Identifier: Apache-2.0 */
/* Hatching of ignored regions. */
#include "render/render.h"

#define APART 8 /* distance of lines in line widths */

/* Opacity of the light and dark lines, and of the grey between them. */
#define LINE 0.6
#define VEIL 0.25

void fk_render_hatch(fk_image *im, const uint8_t *mask)
{
    const int64_t line = fk_render_line(im->width, im->height);

    for (int64_t y = 0; y < im->height; y++)
        for (int64_t x = 0; x < im->width; x++) {
            uint8_t *p = im->data + 3 * (y * im->width + x);
            int64_t at = (x + y) / line % APART;

            if (mask[y * im->width + x] == 0)
                continue;
            for (int c = 0; c < 3; c++) /* one of the two lines is visible on any background */
                p[c] = at == 0   ? fk_render_mix(p[c], 235, LINE)
                       : at == 1 ? fk_render_mix(p[c], 20, LINE)
                                 : fk_render_mix(p[c], 128, VEIL);
        }
}
