/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: formatting a message into the caller's struct. */
#include "base/error.h"
#include "base/number.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* Bytes of a UTF-8 character by its first byte; 1 for what cannot be a first byte. */
static size_t character_size(unsigned char first)
{
    return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
}

/* A message is one line of text.  Names in it may come from a hostile file, so control characters,
 * which could control a terminal, become '?'.  A UTF-8 character that does not fit into the buffer
 * is dropped as a whole. */
static void tidy(char *message)
{
    size_t n = strlen(message), start = n;

    for (size_t i = 0; i < n; i++)
        if ((unsigned char)message[i] < 0x20 || message[i] == 0x7f)
            message[i] = message[i] == '\n' || message[i] == '\t' ? ' ' : '?';
    if (n + 1 < FLECK_ERROR_SIZE)
        return;
    while (start > 0 && ((unsigned char)message[start - 1] & 0xc0) == 0x80)
        start--;
    if (start > 0 && start - 1 + character_size((unsigned char)message[start - 1]) > n)
        message[start - 1] = '\0';
}

fleck_status fk_error_set(fleck_error *err, fleck_status status, const char *format, ...)
{
    if (err != NULL) {
        va_list ap;

        err->status = status;
        va_start(ap, format);
        fk_format_list(err->message, sizeof err->message, format, ap);
        va_end(ap);
        tidy(err->message);
    }
    return status;
}

void fk_error_context(fleck_error *err, const char *format, ...)
{
    char old[FLECK_ERROR_SIZE];
    va_list ap;
    int used;

    if (err == NULL || err->status == FLECK_OK)
        return;
    memcpy(old, err->message, sizeof old);
    va_start(ap, format);
    used = fk_format_list(err->message, sizeof err->message, format, ap);
    va_end(ap);
    if (used >= 0 && (size_t)used < sizeof err->message)
        fk_format(err->message + used, sizeof err->message - (size_t)used, ": %s", old);
    tidy(err->message);
}

fleck_status fk_error_errno(fleck_error *err, const char *what, const char *path)
{
    int code = errno;
    fleck_status status = FLECK_E_IO;

    if (code == ENOMEM)
        status = FLECK_E_NOMEM;
    else if (code == ENOENT || code == ENOTDIR)
        status = FLECK_E_NOTFOUND;
    return fk_error_set(err, status, "%s %s: %s", what, path, strerror(code));
}

const char *fk_status_name(fleck_status status)
{
    static const char *const names[] = {"ok",     "memory",    "io",      "format",  "unsupported",
                                        "shape",  "option",    "state",   "missing", "limit",
                                        "engine", "cancelled", "network", "checksum"};
    size_t i = (size_t)status;

    return i < sizeof names / sizeof names[0] ? names[i] : "unknown";
}
