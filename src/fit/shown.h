/* Which places of the picture the images' own masks hide in nearly all of them. */
#ifndef FK_FIT_SHOWN_H
#define FK_FIT_SHOWN_H

#include "view/canvas.h"

/* Images that a place must be shown by to be learned: a Gaussian needs as many. */
#define FK_SHOWN_ENOUGH 3

/* Valid when zeroed; owned. */
typedef struct fk_shown {
    int64_t whole;         /* images without a mask of their own */
    int64_t masked;        /* images with one */
    int64_t width, height; /* of their canvases */
    uint8_t *count;        /* [height, width] of them that show the pixel, at most FK_SHOWN_ENOUGH;
                              NULL before the first */
    bool differ;           /* canvases are not of one size: nothing can be said */
} fk_shown;

/* Count image c.  Memory: a byte a pixel of the canvas, once an image has a mask of its own. */
fleck_status fk_shown_add(fk_shown *s, const fk_canvas *c, fleck_error *err) FLECK_MUST_CHECK;
/* Share of the pixels which fewer than FK_SHOWN_ENOUGH images, or than all where there are fewer,
 * do not hide under their own masks; 0 where canvases differ in size.  What mask hides (255) of all
 * images does not count; NULL for none, or where it is not of the canvas' size. */
double fk_shown_unseen(const fk_shown *s, const uint8_t *mask);
void fk_shown_free(fk_shown *s);

#endif
