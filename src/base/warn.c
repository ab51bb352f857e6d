/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings: one line for a person, through the caller's function. */
#include "base/warn.h"

#include <stdarg.h>
#include <stdio.h>

void fk_warn_say(fk_warn w, const char *format, ...)
{
    char text[FLECK_ERROR_SIZE];
    va_list ap;

    if (w.call == NULL)
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    w.call(w.ctx, text);
}
