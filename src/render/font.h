/* SPDX-License-Identifier: Apache-2.0 */
/* The dots of the built-in font. */
#ifndef FK_RENDER_FONT_H
#define FK_RENDER_FONT_H

#include <stdbool.h>

#define FK_FONT_WIDTH 6
#define FK_FONT_HEIGHT 10

/* Whether column x, row y of c's cell is ink; no ink outside the cell.  Characters other than
 * printable ASCII have the shape of '?'. */
bool fk_font_dot(char c, int x, int y);

#endif
