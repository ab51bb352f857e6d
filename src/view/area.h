/* Areas of a photo that do not count, or that alone do: rectangles, polygons and mask files. */
#ifndef FK_VIEW_AREA_H
#define FK_VIEW_AREA_H

#include "base/warn.h"
#include "image/image.h"
#include "model/model.h"

/* A rectangle is "x,y,w,h", a polygon "x,y x,y x,y ..." of three points or more, both in pixels of
 * the photo; any other text is the path of a mask file, whose white marks the area.  A pixel is
 * inside where its centre is; polygons that cross themselves are inside where they wind around an
 * odd number of times. */
typedef struct fk_areas {
    const char *mask; /* one more of ignore, a file whatever its name; may be NULL */
    const char *const *ignore, *const *only; /* NULL, or ended by NULL */
    int64_t width, height;                   /* of the photo; 0: not known */
} fk_areas;

/* Number of areas: mask, ignore and only behind each other. */
int64_t fk_areas_count(const fk_areas *a);
/* Text of area i. */
const char *fk_areas_text(const fk_areas *a, int64_t i);
/* Whether text is that of a rectangle or polygon, right or wrong, and not of a file. */
bool fk_area_is_shape(const char *text);

/* What the areas leave out, 255 there: all of ignore, and what is in none of only where there are
 * any.  Its size is the photo's where an area is in its pixels, else the first mask's; masks of
 * other sizes are stretched to it.  notes [fk_areas_count()], may be NULL.
 *   FLECK_E_OPTION  a shape that is none, is out of the photo, or has no photo; names it
 *   else            as fk_mask_load() */
fleck_status fk_areas_draw(fk_image *out, fk_area_note *notes, const fk_areas *a,
                           fleck_error *err) FLECK_MUST_CHECK;

/* The first area that is in pixels of the photo; NULL where all are files. */
const char *fk_areas_shape(const fk_areas *a);
/* Say which mask files have another size than width x height, unless that is 0. */
void fk_areas_say_sizes(const fk_areas *a, const fk_area_note *notes, int64_t width, int64_t height,
                        fk_warn warn);
/* Say that, of the photo's size, and what else is odd about the mask files. */
fleck_status fk_areas_say(const fk_areas *a, const fk_area_note *notes, fk_warn warn,
                          fleck_error *err) FLECK_MUST_CHECK;

/* Set m->mask (or, later, m->more: what m's mask leaves out, and these areas) from a, brought to
 * m's crop; nothing where there are no areas.  notes as above; *size (may be NULL) is that of what
 * fk_areas_draw() gave.
 *   FLECK_E_OPTION  nothing is left
 *   FLECK_E_LIMIT   images keep their own size, and the mask's is beyond the limit */
fleck_status fk_areas_place(fk_model *m, const fk_areas *a, bool more, fk_area_note *notes,
                            int64_t size[2], fleck_error *err) FLECK_MUST_CHECK;

#endif
