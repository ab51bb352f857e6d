/* SPDX-License-Identifier: Apache-2.0 */
/* Libraries that are loaded when they are first needed. */
#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

fleck_status fk_library_load(const char *file, const char *const *names, void *table,
                             fleck_error *err)
{
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL)
        return fk_error_set(err, FLECK_E_NOTFOUND, "%s cannot be loaded: %s", file, dlerror());
    for (int i = 0; names[i] != NULL; i++) {
        void *found = dlsym(library, names[i]);

        if (found == NULL)
            return fk_error_set(err, FLECK_E_NOTFOUND, "%s has no %s: it is of another version",
                                file, names[i]);
        memcpy((char *)table + (size_t)i * sizeof found, &found, sizeof found);
    }
    return FLECK_OK;
}
