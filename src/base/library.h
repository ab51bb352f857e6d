/* SPDX-License-Identifier: Apache-2.0 */
/* Libraries that are loaded when they are first needed, so that whatever does without them starts
 * sooner. */
#ifndef FK_BASE_LIBRARY_H
#define FK_BASE_LIBRARY_H

#include "base/error.h"

/* Load a shared library, and look up its functions and variables.  names ends with NULL; table is a
 * struct of as many pointers, in the same order.  The library stays loaded.  FLECK_E_NOTFOUND names
 * the file if it is missing, and the symbol if the file does not have it. */
fleck_status fk_library_load(const char *file, const char *const *names, void *table,
                             fleck_error *err) FLECK_MUST_CHECK;

#endif
