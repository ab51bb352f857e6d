/* SPDX-License-Identifier: Apache-2.0 */
/* Text and pictures as parts of an HTML page. */
#include "cli.h"

#include <stdlib.h>

/* Decode the character at p, valid UTF-8; returns the position after it. */
static const unsigned char *next_character(const unsigned char *p, uint32_t *out)
{
    int more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;

    *out = more == 0 ? *p : *p & (0x3fu >> more);
    for (p++; more > 0; more--, p++)
        *out = *out << 6 | (*p & 0x3f);
    return p;
}

/* Whether a character is invisible or changes others: controls, zero-width characters, line ends,
 * direction marks, tags. */
static bool is_hidden(uint32_t c)
{
    static const uint32_t ranges[][2] = {{0, 0x1f},        {0x7f, 0x9f},      {0xad, 0xad},
                                         {0x61c, 0x61c},   {0x180e, 0x180e},  {0x200b, 0x200f},
                                         {0x2028, 0x202e}, {0x2060, 0x206f},  {0xfeff, 0xfeff},
                                         {0xfff9, 0xfffb}, {0xe0000, 0xe007f}};

    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1])
            return true;
    return false;
}

static void put_hidden(FILE *to, uint32_t c)
{
    const char *named = c == '\t' ? "\\t" : c == '\n' ? "\\n" : c == '\r' ? "\\r" : NULL;

    if (named != NULL)
        fputs(named, to);
    else
        fprintf(to, c < 0x80 ? "\\x%02x" : "\\u%04x", (unsigned)c);
}

static const char *entity_of(uint32_t c)
{
    return c == '<'    ? "&lt;"
           : c == '>'  ? "&gt;"
           : c == '&'  ? "&amp;"
           : c == '"'  ? "&quot;"
           : c == '\'' ? "&#39;"
           : c == '\\' ? "\\\\"
                       : NULL;
}

void html_text(FILE *to, const char *text)
{
    char *valid = need(fleck_utf8_name(text));

    for (const unsigned char *p = (const unsigned char *)valid, *end; *p != '\0'; p = end) {
        uint32_t c;
        const char *entity;

        end = next_character(p, &c);
        entity = entity_of(c);
        if (entity != NULL)
            fputs(entity, to);
        else if (is_hidden(c))
            put_hidden(to, c);
        else
            fwrite(p, 1, (size_t)(end - p), to);
    }
    fleck_free(valid);
}

void html_base64(FILE *to, const unsigned char *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < size; i += 3) {
        const bool two = i + 1 < size, three = i + 2 < size;
        const uint32_t v = (uint32_t)bytes[i] << 16 | (two ? (uint32_t)bytes[i + 1] << 8 : 0) |
                           (three ? bytes[i + 2] : 0);

        putc(digits[v >> 18], to);
        putc(digits[v >> 12 & 63], to);
        putc(two ? digits[v >> 6 & 63] : '=', to);
        putc(three ? digits[v & 63] : '=', to);
    }
}
