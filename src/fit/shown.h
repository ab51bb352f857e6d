/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the images that show each pixel, to find pixels that their own masks nearly always
 * hide. */
#ifndef FK_FIT_SHOWN_H
#define FK_FIT_SHOWN_H

#include "view/canvas.h"

/* Images that must show a pixel so that it can be learned: as many as a Gaussian needs. */
#define FK_SHOWN_ENOUGH 3

/* Valid when zeroed; owned. */
typedef struct fk_shown {
    int64_t whole;         /* images without a mask of their own */
    int64_t masked;        /* images with one */
    int64_t width, height; /* of their canvases */
    uint8_t *count;        /* [height, width] masked images that show the pixel, at most
                              FK_SHOWN_ENOUGH; NULL before the first masked image */
    bool differ;           /* canvases differ in size, so pixels cannot be compared */
} fk_shown;

/* Count image c.  Memory: one byte for each pixel of the canvas, from the first masked image on. */
fleck_status fk_shown_add(fk_shown *s, const fk_canvas *c, fleck_error *err) FLECK_MUST_CHECK;
/* Share of the pixels that fewer than FK_SHOWN_ENOUGH images show, or, if there are fewer images,
 * not all of them; 0 if canvases differ in size.  Pixels that mask (255) hides in all images are
 * not counted; NULL: no mask, or one of another size. */
double fk_shown_unseen(const fk_shown *s, const uint8_t *mask);
void fk_shown_free(fk_shown *s);

#endif
