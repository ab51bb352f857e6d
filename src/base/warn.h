/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings: one line for a person, through the caller's function. */
#ifndef FK_BASE_WARN_H
#define FK_BASE_WARN_H

#include "fleck.h"

/* Where warnings go.  Valid when zeroed: nowhere. */
typedef struct fk_warn {
    fleck_warning *call; /* NULL: warnings are dropped */
    void *ctx;
} fk_warn;

/* Format one line, without a line end, and pass it to the function.  Only the thread that called
 * fleck may do this: other threads count what they find, and the loop that waits for them warns. */
void fk_warn_say(fk_warn w, const char *format, ...) FLECK_PRINTF(2, 3);

#endif
