/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs: names of the files made from an image, and whether a file may be replaced. */
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

/* FLECK_E_STATE: path names the same file as input, which may be NULL. */
fleck_status fk_output_apart(const char *path, const char *input,
                             fleck_error *err) FLECK_MUST_CHECK;

/* Outputs that exist already, to be compared with all inputs before anything is done.  Valid when
 * zeroed; owned. */
typedef struct fk_outputs {
    fk_names paths;
    fk_stamp *stamps; /* [paths.count] */
} fk_outputs;

void fk_outputs_free(fk_outputs *o);
/* Add an output; one that does not exist yet is ignored. */
fleck_status fk_outputs_add(fk_outputs *o, const char *path, fleck_error *err) FLECK_MUST_CHECK;
/* FLECK_E_STATE: input, which may be NULL, is one of the outputs; names both. */
fleck_status fk_outputs_apart(const fk_outputs *o, const char *input,
                              fleck_error *err) FLECK_MUST_CHECK;
/* The same of all images and masks of samples. */
fleck_status fk_outputs_apart_samples(const fk_outputs *o, const fk_samples *samples,
                                      fleck_error *err) FLECK_MUST_CHECK;

/* The origin that a picture or map records: the SHA-256 of its image's path, links resolved. */
void fk_output_origin(char out[FK_SHA256_TEXT], const char *image);

#endif
