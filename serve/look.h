/* SPDX-License-Identifier: Apache-2.0 */
/* The coarse look of a photo: mean colours of 8 x 8 fields, by which similar photos are found.  It
 * says nothing about defects. */
#ifndef FLECK_SERVE_LOOK_H
#define FLECK_SERVE_LOOK_H

#include "fleck.h"

enum { SV_LOOK_SIDE = 8, SV_LOOK = SV_LOOK_SIDE * SV_LOOK_SIDE * 3 * 2 + 1 };

/* As text: two hexadecimal digits for each of red, green and blue, field by field. */
void sv_look(char out[SV_LOOK], const fleck_photo *photo);
/* Root mean square of the differences, 0 to 255; infinity if a text is malformed. */
double sv_look_distance(const char *a, const char *b);

#endif
