/* SPDX-License-Identifier: Apache-2.0 */
/* Texts from outside, made fit for answers. */
#include "text.h"
#include "fleck.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *sv_text_clean(const char *text, size_t most)
{
    char *utf8 = text != NULL ? fleck_utf8_name(text) : NULL, *copy;
    size_t n;

    if (utf8 == NULL)
        return NULL;
    n = strnlen(utf8, most);
    while (n > 0 && utf8[n] != '\0' && ((unsigned char)utf8[n] & 0xc0) == 0x80)
        n--; /* not within a character */
    copy = strndup(utf8, n);
    fleck_free(utf8);
    return copy;
}

json_t *sv_text_json(const char *text)
{
    json_t *json = text != NULL ? json_string(text) : json_null();
    char *clean;

    if (json != NULL)
        return json;
    clean = sv_text_clean(text, SIZE_MAX / 2);
    json = clean != NULL ? json_string(clean) : NULL;
    free(clean);
    return json;
}

json_t *sv_number_json(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

void sv_text_rename(char *message, size_t size, const char *path, const char *name)
{
    char *at = path != NULL && path[0] != '\0' ? strstr(message, path) : NULL;
    char *rest = at != NULL ? strdup(at + strlen(path)) : NULL;

    if (rest != NULL)
        snprintf(at, size - (size_t)(at - message), "%s%s", name, rest);
    free(rest);
}

void sv_text_list(char *out, size_t size, const char *const *names, int n)
{
    size_t length = 0;

    out[0] = '\0';
    for (int i = 0; i < n && length < size; i++)
        length += (size_t)snprintf(out + length, size - length, "%s%s",
                                   i == 0       ? ""
                                   : i == n - 1 ? " or "
                                                : ", ",
                                   names[i]);
}
