/* SPDX-License-Identifier: Apache-2.0 */
/* Names of an architecture's tensors in published files. */
#ifndef FK_WEIGHTS_IMPORT_NAMES_H
#define FK_WEIGHTS_IMPORT_NAMES_H

#include "graph/arch.h"

#define FK_SOURCE_NAME_SIZE 80

/* conv and norm are without ".weight" and the like; empty if the scheme has no such name. */
typedef struct fk_source_names {
    char conv[FK_SOURCE_NAME_SIZE], norm[FK_SOURCE_NAME_SIZE];
    char scale[FK_SOURCE_NAME_SIZE]; /* "blocks.3.ls1.gamma": a factor for each output */
    /* "blocks.3.attn.q_bias" and "blocks.3.attn.v_bias", where a file has them in place of the bias
     * of queries, keys and values. */
    char query[FK_SOURCE_NAME_SIZE], value[FK_SOURCE_NAME_SIZE];
    char joint; /* between conv and "weight": '.', or '_' */
} fk_source_names;

/* Naming schemes of arch: 0 is its own (the canonical names, arch->norm_of and arch->scale_of),
 * then come others.  conv is a convolution, another op with weights, or a tensor's whole name. */
int fk_import_schemes(const fk_arch *arch);
void fk_import_names(const fk_arch *arch, int scheme, const char *conv, fk_source_names *out);

#endif
