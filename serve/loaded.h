/* SPDX-License-Identifier: Apache-2.0 */
/* Libraries that are loaded when they are first needed. */
#ifndef FLECK_SERVE_LOADED_H
#define FLECK_SERVE_LOADED_H

#include "db.h"

/* Load a library and find its functions by names, a list that ends with NULL; functions is a struct
 * of as many pointers, in this order.  It stays loaded. */
bool sv_load(const char *library, const char *const *names, void **functions, fleck_error *err);

#endif
