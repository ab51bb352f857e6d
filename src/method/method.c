/* The table of methods: a new one is one file and one line here. */
#include "method/methods.h"

#include <assert.h>
#include <string.h>

static const fk_method *const METHODS[] = {&fk_method_padim, &fk_method_spade, &fk_method_subspace,
                                           &fk_method_patchcore, &fk_method_mhpatchcore};

int fk_method_count(void)
{
    return (int)(sizeof METHODS / sizeof METHODS[0]);
}

const fk_method *fk_method_at(int i)
{
    assert(i >= 0 && i < fk_method_count());
    return METHODS[i];
}

const fk_method *fk_method_find(const char *name)
{
    for (int i = 0; i < fk_method_count(); i++)
        if (strcmp(METHODS[i]->name, name) == 0)
            return METHODS[i];
    return NULL;
}

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
