/* SPDX-License-Identifier: Apache-2.0 */
/* What several methods share. */
#include "method/methods.h"

fleck_status fk_method_needs(const char *name, const fk_memory *m, int64_t bytes, int64_t *least,
                             fleck_error *err)
{
    *least = bytes;
    if (m->bytes > 0 && m->bytes < bytes)
        return fk_error_set(err, FLECK_E_LIMIT,
                            "%s: to learn %lld images takes %lld bytes, %lld are allowed", name,
                            (long long)m->images, (long long)bytes, (long long)m->bytes);
    return FLECK_OK;
}

fleck_status fk_method_embed_patches(fk_embed_spec *out, const fk_options *o, int n_taps,
                                     const fk_tap_info *taps, fleck_error *err)
{
    return fk_embed_patches(out, fk_options_int(o, "patch"),
                            fk_embed_patch_width(fk_options_int(o, "pretrain-dim"), n_taps, taps),
                            fk_embed_patch_width(fk_options_int(o, "target-dim"), n_taps, taps),
                            err);
}
