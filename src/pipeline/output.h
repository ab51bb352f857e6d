/* Outputs: names of what is made of an image, and whether a file may be replaced. */
#ifndef FK_PIPELINE_OUTPUT_H
#define FK_PIPELINE_OUTPUT_H

#include "base/error.h"
#include "base/sha256.h"

/* As fleck_output_name() and fleck_output_replace() in fleck.h. */
fleck_status fk_output_name(char **out, const char *image, const char *ending,
                            fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_output_replace(const char *path, fleck_output_kind kind, const char *image,
                               bool any, fleck_error *err) FLECK_MUST_CHECK;

/* FLECK_E_STATE where path names the same file as input, which may be NULL. */
fleck_status fk_output_apart(const char *path, const char *input,
                             fleck_error *err) FLECK_MUST_CHECK;

/* What stands in a picture or map as its origin: a sum of image's path, links resolved. */
void fk_output_origin(char out[FK_SHA256_TEXT], const char *image);

#endif
