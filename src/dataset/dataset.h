/* Data sets: which images, which label, which mask.  Opens no pixels. */
#ifndef FK_DATASET_DATASET_H
#define FK_DATASET_DATASET_H

#include "base/file.h"

typedef struct fk_sample {
    char *path;
    char *mask;   /* NULL: none */
    char *defect; /* folder name of the defect type; "good" */
    bool defective;
} fk_sample;

/* Valid when zeroed; owned. */
typedef struct fk_samples {
    fk_sample *items;
    int64_t count, room;
} fk_samples;

void fk_samples_free(fk_samples *s);

/* Whether a file name is an image for the lists below. */
typedef bool fk_is_image(const char *name);

/* Good training images of path, in natural order of name:
 *   an MVTec category   path/train/good
 *   a flat folder       the images directly in it
 *   a CSV file          rows path,label,mask (header row required, columns by name, mask optional;
 *                       label good|defective or 0|1; paths relative to the CSV): rows labelled good
 * and, where a column split exists, split == train No image found is FLECK_E_NOTFOUND and says
 * where it looked. */
fleck_status fk_dataset_train(fk_samples *out, const char *path, fk_is_image *is_image,
                              fleck_error *err) FLECK_MUST_CHECK;

/* Test images with labels and masks: path/test/<type>/, mask path/ground_truth/<type>/STEM_mask.png
 * (or STEM.png); a CSV as above (all rows, or split == test).  Ordered by type ("good" first) and
 * name. *has_masks  every defective image has one.  Where ground_truth is absent as a whole there
 * are no masks and that is fine; where it is there and one mask is missing, FLECK_E_NOTFOUND names
 *               image and expected mask. */
fleck_status fk_dataset_test(fk_samples *out, bool *has_masks, const char *path,
                             fk_is_image *is_image, fleck_error *err) FLECK_MUST_CHECK;

/* Name of the category: the folder's (or CSV's) name; free with fk_free(). */
fleck_status fk_dataset_name(char **out, const char *path, fleck_error *err) FLECK_MUST_CHECK;

#endif
