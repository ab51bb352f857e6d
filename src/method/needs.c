/* SPDX-License-Identifier: Apache-2.0 */
/* The error of methods that cannot learn within a memory limit. */
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
