/* Lists of samples, for the readers of the layouts. */
#ifndef FK_DATASET_SAMPLES_H
#define FK_DATASET_SAMPLES_H

#include "dataset/dataset.h"

#define FK_GOOD "good"

/* Add a copy; mask and ignore may be NULL.  defective is whether defect is another than "good". */
fleck_status fk_samples_add(fk_samples *s, const char *path, const char *mask, const char *ignore,
                            const char *defect, fleck_error *err) FLECK_MUST_CHECK;

/* Order by type, "good" first, then by path, both in natural order. */
void fk_samples_sort(fk_samples *s);

/* The samples that rows of a CSV file name; test: the test rows, else the good training rows.
 * Errors as fk_dataset_test(), but out may then hold a part. */
fleck_status fk_table_read(fk_samples *out, const char *path, bool test,
                           fleck_error *err) FLECK_MUST_CHECK;

#endif
