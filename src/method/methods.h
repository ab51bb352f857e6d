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

/* The embed() of methods with the options "patch", "pretrain-dim" and "target-dim". */
fleck_status fk_method_embed_patches(fk_embed_spec *out, const fk_options *o, int n_taps,
                                     const fk_tap_info *taps, fleck_error *err);

#endif
