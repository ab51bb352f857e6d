/* SPDX-License-Identifier: Apache-2.0 */
/* PatchCore's embedding: neighbourhoods of all positions, pooled to a fixed width. */
#ifndef FK_FEATURES_PATCHES_H
#define FK_FEATURES_PATCHES_H

#include "features/embed.h"

/* Fill out [height, width, spec->dims] from the taps [C, h, w], see fk_embed_patches().  No
 * allocation. */
void fk_patches_fill(fk_level *out, const fk_embed_spec *spec, int n_taps, const fk_tap_info *info,
                     const float *const *taps);

#endif
