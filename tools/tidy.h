/* SPDX-License-Identifier: Apache-2.0 */
/* What clang-tidy's analyzer cannot see across files; tools/check-tidy includes it first. */
#ifndef FK_TOOLS_TIDY_H
#define FK_TOOLS_TIDY_H

/* The system's headers are read once, here, so with everything that some file asks for. */
#define _GNU_SOURCE
#include "base/error.h"

/* These never return FLECK_OK.  Without knowing that, the analyzer takes every failure for a
 * success and finds null pointers behind it. */
#define fk_error_set(err, code, ...) ((void)(fk_error_set)((err), (code), __VA_ARGS__), (code))
#define fk_error_errno(err, what, path)                                                            \
    ({                                                                                             \
        fleck_status errno_status = (fk_error_errno)((err), (what), (path));                       \
        if (errno_status == FLECK_OK)                                                              \
            __builtin_unreachable();                                                               \
        errno_status;                                                                              \
    })

#endif
