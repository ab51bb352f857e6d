/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: a status as return value, a message in the caller's fleck_error. */
#ifndef FK_BASE_ERROR_H
#define FK_BASE_ERROR_H

#include "fleck.h"

/* Run a fallible call inside a function that has `fleck_status st` and a label `done`. */
#define FK_DO(call)                                                                                \
    do {                                                                                           \
        st = (call);                                                                               \
        if (st != FLECK_OK)                                                                        \
            goto done;                                                                             \
    } while (0)

/* Fail inside such a function: set the message, keep the status, jump to `done`. */
#define FK_FAIL(err, code, ...)                                                                    \
    do {                                                                                           \
        st = fk_error_set((err), (code), __VA_ARGS__);                                             \
        goto done;                                                                                 \
    } while (0)

/* Write status and message into err (NULL is legal) and return status. */
fleck_status fk_error_set(fleck_error *err, fleck_status status, const char *format, ...)
    FLECK_PRINTF(3, 4);

/* Put "context: " in front of err's message, e.g. the file that was being read. */
void fk_error_context(fleck_error *err, const char *format, ...) FLECK_PRINTF(2, 3);

/* The status for errno after a failed system call: E_NOMEM, E_NOTFOUND or E_IO.  Sets the
 * message to "what path: strerror". */
fleck_status fk_error_errno(fleck_error *err, const char *what, const char *path);

/* A word for each status, e.g. "format"; never NULL. */
const char *fk_status_name(fleck_status status);

#endif
