/* SPDX-License-Identifier: Apache-2.0 */
/* Mask files: which pixels are marked, and warnings about odd files. */
#ifndef FK_VIEW_MASK_H
#define FK_VIEW_MASK_H

#include "base/warn.h"
#include "image/image.h"
#include "base/str.h"

/* The reasons for a warning about a mask. */
typedef enum fk_mask_kind {
    FK_MASK_GREY,    /* values beside black and white */
    FK_MASK_LABELS,  /* 0 and one value below 128 */
    FK_MASK_LOSSY,   /* JPEG */
    FK_MASK_ALPHA,   /* it has an alpha channel, which is ignored */
    FK_MASK_OPACITY, /* its colour is the same everywhere, so the alpha channel is the mask */
    FK_MASK_TURNED,  /* it was rotated by its image's EXIF orientation */
    FK_MASK_UPRIGHT, /* its image is rotated by EXIF, the mask is not */
    FK_MASK_BLACK,   /* nothing is marked */
    FK_MASK_LARGE,   /* more than half is marked */
    FK_MASK_KINDS
} fk_mask_kind;

/* Load the mask of a width x height image (0: of any size): 255 in marked pixels, 0 in others.
 *
 *   levels   values of 128 and above are marked: small values are noise of an editor or of JPEG.
 *            If there are only 0 and one other value, that value is marked, as in label maps.
 *            Several values that are all below 128: FLECK_E_FORMAT
 *   alpha    ignored, unless the colour is the same everywhere: then opacity is the mask
 *   EXIF     the mask's own orientation is applied.  If the mask only fits the image as it was
 *            before its EXIF rotation, it is rotated in the same way
 *
 * image: path of its image for messages and EXIF; NULL: unknown.  Bits of *kinds are set, one for
 * each fk_mask_kind that applies.  FLECK_E_SHAPE: another size; errors of fk_image_load(). */
fleck_status fk_mask_load(fk_image *out, unsigned *kinds, const char *path, const char *image,
                          int64_t width, int64_t height, fleck_error *err) FLECK_MUST_CHECK;

/* Number and first names of masks of each kind.  Valid when zeroed; owned. */
typedef struct fk_mask_notes {
    int64_t count[FK_MASK_KINDS];
    fk_names first[FK_MASK_KINDS];
} fk_mask_notes;

void fk_mask_notes_free(fk_mask_notes *n);
fleck_status fk_mask_note(fk_mask_notes *n, unsigned kinds, const char *path,
                          fleck_error *err) FLECK_MUST_CHECK;
/* Give one warning for each kind that occurred. */
fleck_status fk_mask_say(const fk_mask_notes *n, fk_warn warn, fleck_error *err) FLECK_MUST_CHECK;

#endif
