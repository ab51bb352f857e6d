/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the folder of good images, by its usual names or by the caller's. */
#ifndef FK_DATASET_GOOD_H
#define FK_DATASET_GOOD_H

#include "dataset/dataset.h"

/* The folders in one folder, and the number of images in each.  Valid when zeroed; owned. */
typedef struct fk_folders {
    fk_names names;
    int64_t *images; /* [names.count] */
} fk_folders;

void fk_folders_free(fk_folders *f);
/* List the folders in path, and count the images in each and in a few levels below it. */
fleck_status fk_folders_count(fk_folders *out, const char *path, fk_is_image *is_image,
                              fleck_error *err) FLECK_MUST_CHECK;
/* "crack (5 images), mask (none)", those with images first; "nothing" if there are no folders. */
fleck_status fk_folders_text(fk_text *out, const fk_folders *f, fleck_error *err) FLECK_MUST_CHECK;

/* Whether name is a usual name of good parts: good, ok, normal, nominal, pass, io, defect-free, ...
 * (docs/reference/formats.md has the list).  Case, leading digits and all characters but letters
 * and digits are ignored. */
bool fk_good_name(const char *name);

/* Whether name is one of `asked`, which are separated by commas; ASCII case ignored. */
bool fk_good_asked(const char *asked, const char *name);

/* Set good[i] if folder i of `path` holds good images: those that `asked` names, or, with NULL, the
 * one with a name that fk_good_name() knows.  Folders without images are ignored.  With "none" no
 * folder is good.
 *   FLECK_E_NOTFOUND  no folder is good; the message names the folders found
 *   FLECK_E_FORMAT    asked is NULL and several may be good; the message names them */
fleck_status fk_good_choose(bool *good, const fk_folders *f, const char *path, const char *asked,
                            fleck_error *err) FLECK_MUST_CHECK;

#endif
