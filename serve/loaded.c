/* SPDX-License-Identifier: Apache-2.0 */
/* Libraries that are loaded when they are first needed. */
#include "loaded.h"

#include <dlfcn.h>

bool sv_library_load(const char *library, const char *const *names, void **functions,
                     fleck_error *err)
{
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);

    if (handle == NULL)
        return sv_error(err, FLECK_E_NOTFOUND, "kind: it needs %s: %s", library, dlerror());
    for (int i = 0; names[i] != NULL; i++)
        if ((functions[i] = dlsym(handle, names[i])) == NULL)
            return sv_error(err, FLECK_E_UNSUPPORTED, "kind: %s has no %s", library, names[i]);
    return true;
}
