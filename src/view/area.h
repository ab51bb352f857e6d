/* SPDX-License-Identifier: Apache-2.0 */
/* Areas of a photo that are ignored, or outside which everything is ignored: rectangles, polygons
 * and mask files. */
#ifndef FK_VIEW_AREA_H
#define FK_VIEW_AREA_H

#include "base/warn.h"
#include "image/image.h"
#include "model/model.h"

/* A rectangle is "x,y,w,h", a polygon "x,y x,y x,y ..." of three points or more, both in pixels of
 * the photo; any other text is the path of a mask file, whose area is white.  A pixel is inside if
 * its centre is; polygons that cross themselves follow the even-odd rule. */
typedef struct fk_areas {
    const char *mask;                        /* NULL, or one more area to ignore, always a file */
    const char *const *ignore, *const *only; /* NULL, or lists that end with NULL */
    int64_t width, height;                   /* of the photo; 0: not known */
} fk_areas;

/* Number of areas: mask, then ignore, then only. */
int64_t fk_areas_count(const fk_areas *a);
/* Text of area i. */
const char *fk_areas_text(const fk_areas *a, int64_t i);
/* Whether text means a rectangle or polygon, valid or not, and not a file. */
bool fk_area_is_shape(const char *text);

/* Draw the ignored region as 255: all areas of ignore, and, if there are areas of only, everything
 * outside these.  The size is the photo's if an area is in its pixels, else the first mask's; masks
 * of other sizes are stretched to it.  notes [fk_areas_count()], may be NULL.
 *   FLECK_E_OPTION  a shape is invalid or outside the photo, or the photo's size is not known;
 *                   names it
 *   others          as fk_mask_load() */
fleck_status fk_areas_draw(fk_image *out, fk_area_note *notes, const fk_areas *a,
                           fleck_error *err) FLECK_MUST_CHECK;

/* The first area that is in pixels of the photo; NULL: all are files. */
const char *fk_areas_shape(const fk_areas *a);
/* Warn of mask files of another size than width x height, unless that is 0. */
void fk_areas_say_sizes(const fk_areas *a, const fk_area_note *notes, int64_t width, int64_t height,
                        fk_warn warn);
/* The same for the photo's size, and warn of what else is odd about the mask files. */
fleck_status fk_areas_say(const fk_areas *a, const fk_area_note *notes, fk_warn warn,
                          fleck_error *err) FLECK_MUST_CHECK;

/* Set m->mask to the areas, placed into m's crop; (more) set m->more to the areas and m->mask
 * together.  Without areas nothing is done.  notes as above; *size (may be NULL) is the size of
 * fk_areas_draw()'s result.
 *   FLECK_E_OPTION  everything is ignored
 *   FLECK_E_LIMIT   images keep their own size, and the mask is too large */
fleck_status fk_areas_place(fk_model *m, const fk_areas *a, bool more, fk_area_note *notes,
                            int64_t size[2], fleck_error *err) FLECK_MUST_CHECK;

#endif
