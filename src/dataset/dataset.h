/* SPDX-License-Identifier: Apache-2.0 */
/* Data sets: images, their labels and masks.  No pixels are read here. */
#ifndef FK_DATASET_DATASET_H
#define FK_DATASET_DATASET_H

#include "base/file.h"
#include "base/look.h"
#include "base/warn.h"

typedef struct fk_sample {
    char *path;
    char *mask;   /* ground truth; NULL: none, as for every good image */
    char *ignore; /* mask of the ignored region; NULL: none */
    char *defect; /* name of the defect type's folder, or "good" */
    char *key;    /* its map's path in a folder of maps, as TYPE/STEM */
    bool defective;
} fk_sample;

/* Valid when zeroed; owned. */
typedef struct fk_samples {
    fk_sample *items;
    int64_t count, room;
    bool has_masks;    /* of test images: some are defective, and each of these has a mask */
    int64_t passed;    /* images in the folders that were skipped */
    char *passed_text; /* a list of these, as fk_listing_text(); NULL or "": none */
} fk_samples;

void fk_samples_free(fk_samples *s);

/* Whether a file is an image, by its name.  Rows of a CSV file are always images. */
typedef bool fk_is_image(const char *name);

/* How a data set is read. */
typedef struct fk_dataset_how {
    fk_is_image *is_image;
    /* Folders of good images, separated by commas, or "none"; NULL: the usual names, see
     * fk_good_choose(). */
    const char *good;
    fk_warn warn;
    fk_look_fn *look; /* for images and masks in folders */
    bool recursive;   /* their sub-folders are searched too */
} fk_dataset_how;

/* Good training images of path, in natural order of name:
 *
 *   an MVTec category   path/train/good, or another usual name, if path/train exists
 *   a flat folder       the images directly in path
 *                       (either with all folders below it if how.recursive)
 *   a CSV file          its rows labelled good, and if it has a column split, with split == train
 *
 * CSV (name ends in .csv, RFC 4180, UTF-8 with or without a byte order mark, any line ends): a
 * header row names the columns in any order; other columns are ignored.
 *
 *   path    the image, relative to the CSV's folder; required; the file must be there
 *   label   good or 0, defective or 1; required
 *   mask    of a defective image, as path; may be empty
 *   ignore  mask of the image's ignored region, which counts neither in a fit nor in scores and
 *           figures; may be empty
 *   split   train, test, or anything else for neither
 *   defect  name of a defective row's type; "defective" if it is missing or empty
 *
 * Errors, with out empty:
 *   FLECK_E_NOTFOUND  no image, or a file that does not exist; names what was searched
 *   FLECK_E_FORMAT    not a data set, or a CSV that breaks these rules; says in which line */
fleck_status fk_dataset_train(fk_samples *out, const char *path, const fk_dataset_how *how,
                              fleck_error *err) FLECK_MUST_CHECK;

/* Test images with labels and masks, ordered by type ("good" first) and name:
 *
 *   an MVTec category   path/test/<type>/, one of which is good under any usual name; masks
 *                       path/ground_truth/<type>/STEM_mask.* or STEM.*
 *   a CSV file          all rows, or if it has a column split, those with split == test
 *
 * If there is no ground_truth, or no row names a mask, there are no masks.  Masks of no image, of
 * several images or of a good one give a warning.  Errors are those above, and:
 *   FLECK_E_NOTFOUND  no folder is known as good; defective images without a mask though others
 *                     have one: all are named
 *   FLECK_E_FORMAT    several folders may be good; an image with two masks */
fleck_status fk_dataset_test(fk_samples *out, const char *path, const fk_dataset_how *how,
                             fleck_error *err) FLECK_MUST_CHECK;

/* Name of the category: the folder's name, or that of the CSV without its ending; free with
 * fk_free(). */
fleck_status fk_dataset_name(char **out, const char *path, fleck_error *err) FLECK_MUST_CHECK;

#endif
