/* SPDX-License-Identifier: Apache-2.0 */
/* The methods of the table, each defined in the file of its name, and what several share. */
#ifndef FK_METHOD_METHODS_H
#define FK_METHOD_METHODS_H

#include "method/method.h"

extern const fk_method fk_method_mhpatchcore;
extern const fk_method fk_method_padim;
extern const fk_method fk_method_patchcore;
extern const fk_method fk_method_posbank;
extern const fk_method fk_method_spade;
extern const fk_method fk_method_subspace;

/* Set *least to `bytes`, which a method needs.  FLECK_E_LIMIT: m allows less. */
fleck_status fk_method_needs(const char *name, const fk_memory *m, int64_t bytes, int64_t *least,
                             fleck_error *err) FLECK_MUST_CHECK;

/* The rows of the options "patch", "pretrain-dim" and "target-dim" in a method's table; most: the
 * largest width that the method can process. */
/* clang-format off */
#define FK_METHOD_PATCH_OPTIONS(most)                                                              \
    {.name = "patch", .kind = FK_OPTION_INT, .initial = "3", .min = 1, .max = 15,                  \
     .help = "side of the neighbourhood that a position's feature is made of, odd; 3 in "          \
             "PatchCore's paper"},                                                                 \
    {.name = "pretrain-dim", .kind = FK_OPTION_INT, .initial = "0", .min = 0, .max = (most),       \
     .help = "values that the neighbourhood in each tap is averaged to; 0: 1024, as in "           \
             "PatchCore's code, or as many as the taps have channels if these are fewer"},         \
    {.name = "target-dim", .kind = FK_OPTION_INT, .initial = "0", .min = 0, .max = (most),         \
     .help = "values that those of all taps are averaged to; 0 as above"}
/* clang-format on */

/* The embed() of methods with these options. */
fleck_status fk_method_embed_patches(fk_embed_spec *out, const fk_options *o, int n_taps,
                                     const fk_tap_info *taps, fleck_error *err);

#endif
