/* Errors: formatting a message into the caller's struct. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

fleck_status fk_error_set(fleck_error *err, fleck_status status, const char *format, ...)
{
    if (err != NULL) {
        va_list ap;
        err->status = status;
        va_start(ap, format);
        vsnprintf(err->message, sizeof err->message, format, ap);
        va_end(ap);
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
    used = vsnprintf(err->message, sizeof err->message, format, ap);
    va_end(ap);
    if (used < 0 || (size_t)used >= sizeof err->message)
        return;
    snprintf(err->message + used, sizeof err->message - (size_t)used, ": %s", old);
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
