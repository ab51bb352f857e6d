/* Masks of images: what counts as marked, and what a person should know about the files. */
#ifndef FK_VIEW_MASK_H
#define FK_VIEW_MASK_H

#include "base/warn.h"
#include "image/image.h"
#include "base/str.h"

/* What is said of a mask. */
typedef enum fk_mask_kind {
    FK_MASK_GREY,    /* values beside black and white */
    FK_MASK_LABELS,  /* 0 and one value below 128 */
    FK_MASK_LOSSY,   /* JPEG */
    FK_MASK_ALPHA,   /* it has an alpha channel, which is not looked at */
    FK_MASK_OPACITY, /* its colour is the same everywhere: the alpha channel was taken */
    FK_MASK_TURNED,  /* it was turned as its image's EXIF says */
    FK_MASK_UPRIGHT, /* its image is turned by EXIF, it is not */
    FK_MASK_BLACK,   /* nothing is marked */
    FK_MASK_LARGE,   /* more than half is marked */
    FK_MASK_KINDS
} fk_mask_kind;

/* Load the mask of a width x height image (0: of any size): 255 where it marks, 0 elsewhere.
 *
 *   levels   128 and above marks, half of the range: small values are noise of an editor or of
 *            JPEG.
 *            Of a file with 0 and one other value that value marks, whatever it is, as in maps of
 *            labels.  Several values that are all below 128: FLECK_E_FORMAT
 *   alpha    not looked at, unless the colour is the same everywhere: then opacity is the mask
 *   EXIF     the mask's own is applied.  A mask that has its image's size before the image's turn,
 *            and
 *            not after it, is turned along
 *
 * image: path of its image; NULL: unknown, for messages and EXIF.  Bit k of *kinds is set for each
 * fk_mask_kind.
 * FLECK_E_SHAPE for another size; errors of fk_image_load(). */
fleck_status fk_mask_load(fk_image *out, unsigned *kinds, const char *path, const char *image,
                          int64_t width, int64_t height, fleck_error *err) FLECK_MUST_CHECK;

/* Counts and first names by kind.  Valid when zeroed; owned. */
typedef struct fk_mask_notes {
    int64_t count[FK_MASK_KINDS];
    fk_names first[FK_MASK_KINDS];
} fk_mask_notes;

void fk_mask_notes_free(fk_mask_notes *n);
fleck_status fk_mask_note(fk_mask_notes *n, unsigned kinds, const char *path,
                          fleck_error *err) FLECK_MUST_CHECK;
/* Warn of each kind that is there, a line each. */
fleck_status fk_mask_say(const fk_mask_notes *n, fk_warn warn, fleck_error *err) FLECK_MUST_CHECK;

#endif
