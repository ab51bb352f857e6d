/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of samples, for the readers of the layouts. */
#ifndef FK_DATASET_SAMPLES_H
#define FK_DATASET_SAMPLES_H

#include "dataset/dataset.h"

#define FK_GOOD "good"

/* The strings of a sample; mask, ignore and key may be NULL. */
typedef struct fk_sample_texts {
    const char *path, *mask, *ignore, *defect, *key;
    bool defective;
} fk_sample_texts;

/* Add a sample with copies of the strings. */
fleck_status fk_samples_add(fk_samples *s, const fk_sample_texts *sample,
                            fleck_error *err) FLECK_MUST_CHECK;

/* Sort by type, good first, then by path, both in natural order. */
void fk_samples_sort(fk_samples *s);

/* Read the samples of a CSV file: the test rows, or the good training rows.  Errors are those of
 * fk_dataset_test(), but out may then hold a part. */
fleck_status fk_table_read(fk_samples *out, const char *path, bool test, const fk_dataset_how *how,
                           fleck_error *err) FLECK_MUST_CHECK;

/* Read the test images of a category's folder, with the same errors. */
fleck_status fk_test_folder_read(fk_samples *out, const char *path, const fk_dataset_how *how,
                                 fleck_error *err) FLECK_MUST_CHECK;

/* Add the names of the images directly in folder, in natural order. */
fleck_status fk_images_in(fk_names *out, const char *folder, fk_is_image *is_image,
                          fleck_error *err) FLECK_MUST_CHECK;

#endif
