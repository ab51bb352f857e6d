/* SPDX-License-Identifier: Apache-2.0 */
/* Libraries that are loaded when they are first needed. */
#ifndef FLECK_SERVE_LOADED_H
#define FLECK_SERVE_LOADED_H

#include "db.h"

/* Load a shared library and look up its functions.  names ends with NULL; functions is a struct of
 * as many pointers, in the same order.  The library stays loaded. */
bool sv_library_load(const char *library, const char *const *names, void **functions,
                     fleck_error *err);

#endif
