/* Outputs: names of what is made of an image, and whether a file may be replaced. */
#ifndef FK_RUN_OUTPUT_H
#define FK_RUN_OUTPUT_H

#include "fleck_tools.h"
#include "base/sha256.h"
#include "dataset/dataset.h"

/* As fleck_output_name() and fleck_output_replace() in fleck.h. */
fleck_status fk_output_name(char **out, const char *image, const char *ending,
                            fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_output_replace(const char *path, fleck_output_kind kind, const char *image,
                               bool any, fleck_error *err) FLECK_MUST_CHECK;

/* FLECK_E_STATE where path names the same file as input, which may be NULL. */
fleck_status fk_output_apart(const char *path, const char *input,
                             fleck_error *err) FLECK_MUST_CHECK;

/* Outputs that are files already, to be compared with every input before any work.  Valid when
 * zeroed. */
typedef struct fk_outputs {
    fk_names paths;
    fk_stamp *stamps; /* [paths.count] */
} fk_outputs;

void fk_outputs_free(fk_outputs *o);
/* Path will be written; where nothing is there, there is nothing to lose. */
fleck_status fk_outputs_add(fk_outputs *o, const char *path, fleck_error *err) FLECK_MUST_CHECK;
/* FLECK_E_STATE where one of them is input, which may be NULL; names both. */
fleck_status fk_outputs_apart(const fk_outputs *o, const char *input,
                              fleck_error *err) FLECK_MUST_CHECK;
/* The same of all images and masks of samples. */
fleck_status fk_outputs_apart_samples(const fk_outputs *o, const fk_samples *samples,
                                      fleck_error *err) FLECK_MUST_CHECK;

/* What stands in a picture or map as its origin: a sum of image's path, links resolved. */
void fk_output_origin(char out[FK_SHA256_TEXT], const char *image);

#endif
