/* SPDX-License-Identifier: Apache-2.0 */
/* Comma-separated values, a row at a time (RFC 4180). */
#include "dataset/csv.h"
#include "base/mem.h"

#include <string.h>

void fk_csv_begin(fk_csv *c, const char *name, const void *bytes, size_t size)
{
    static const char mark[3] = {'\xef', '\xbb', '\xbf'};

    *c = (fk_csv){.name = name, .at = bytes, .end = bytes, .line = 1, .delimiter = ','};
    if (size > 0) /* the bytes of an empty file are NULL */
        c->end += size;
    if (size >= sizeof mark && memcmp(bytes, mark, sizeof mark) == 0)
        c->at += sizeof mark;
}

/* Whether `bytes` are UTF-16, and *big its byte order: 2 with a byte order mark, -1 without one, 0
 * if they are not. */
static int find_utf16(const uint8_t *bytes, size_t size, bool *big)
{
    if (size >= 2 &&
        ((bytes[0] == 0xff && bytes[1] == 0xfe) || (bytes[0] == 0xfe && bytes[1] == 0xff))) {
        *big = bytes[0] == 0xfe;
        return 2;
    }
    if (size < 4 || (bytes[0] == 0) == (bytes[1] == 0) || (bytes[2] == 0) == (bytes[3] == 0) ||
        (bytes[0] == 0) != (bytes[2] == 0))
        return 0;
    *big = bytes[0] == 0;
    return -1;
}

/* Add character c. */
static fleck_status add_utf8(fk_text *text, uint32_t c, fleck_error *err)
{
    char out[4];
    int n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t first[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (int i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(first[n] | c);
    return fk_text_add(text, out, n, err);
}

fleck_status fk_csv_recode(fk_text *text, const char *name, const uint8_t *bytes, size_t size,
                           fleck_error *err)
{
    bool big = false;
    int start = find_utf16(bytes, size, &big);
    uint32_t high = 0;
    fleck_status st = FLECK_OK;

    if (start == 0)
        return FLECK_OK;
    if (size % 2 != 0)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: UTF-16 that ends in half a character", name);
    for (size_t i = start > 0 ? 2 : 0; i < size; i += 2) {
        uint32_t c =
            big ? (uint32_t)bytes[i] << 8 | bytes[i + 1] : (uint32_t)bytes[i + 1] << 8 | bytes[i];
        bool low = c >= 0xdc00 && c < 0xe000;

        if (low != (high != 0))
            FK_FAIL(err, FLECK_E_FORMAT, "%s: UTF-16 with an unpaired surrogate at byte %zu", name,
                    i);
        if (c >= 0xd800 && c < 0xdc00) {
            high = c;
            continue;
        }
        if (low)
            c = 0x10000 + ((high - 0xd800) << 10) + (c - 0xdc00);
        high = 0;
        FK_DO(add_utf8(text, c, err));
    }
    if (high != 0)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: UTF-16 that ends in an unpaired surrogate", name);
    FK_DO(fk_text_add(text, "", 0, err));
done:
    return st;
}

static bool at_blank(const fk_csv *c)
{
    return c->at < c->end && (*c->at == ' ' || (*c->at == '\t' && c->delimiter != '\t'));
}

static bool at_line_end(const fk_csv *c)
{
    return c->at < c->end && (*c->at == '\n' || *c->at == '\r');
}

/* Skip LF, CR, or CRLF. */
static void skip_line_end(fk_csv *c)
{
    bool cr = *c->at++ == '\r';

    if (cr && c->at < c->end && *c->at == '\n')
        c->at++;
    c->line++;
}

/* Read a quoted field into text.  c is at the first quote. */
static fleck_status read_quoted(fk_csv *c, fk_text *text, fleck_error *err)
{
    int64_t line = c->line;
    fleck_status st;

    for (c->at++;;) {
        const char *from = c->at;

        while (c->at < c->end && *c->at != '"' && !at_line_end(c))
            c->at++;
        if (at_line_end(c))
            skip_line_end(c);
        st = fk_text_add(text, from, c->at - from, err);
        if (st != FLECK_OK)
            return st;
        if (c->at == c->end)
            return fk_error_set(err, FLECK_E_FORMAT,
                                "%s:%lld: the quote that opens here never closes", c->name,
                                (long long)line);
        if (*c->at != '"')
            continue;
        if (++c->at == c->end || *c->at != '"')
            break;
        st = fk_text_add(text, c->at++, 1, err);
        if (st != FLECK_OK)
            return st;
    }
    while (at_blank(c))
        c->at++;
    if (c->at < c->end && *c->at != c->delimiter && !at_line_end(c))
        return fk_error_set(err, FLECK_E_FORMAT, "%s:%lld: text after a closing quote", c->name,
                            (long long)c->line);
    return FLECK_OK;
}

/* Read a field without quotes into text.  c is at its first byte that is not blank. */
static fleck_status read_plain(fk_csv *c, fk_text *text, fleck_error *err)
{
    const char *from = c->at, *to;

    while (c->at < c->end && *c->at != c->delimiter && !at_line_end(c))
        c->at++;
    for (to = c->at; to > from && (to[-1] == ' ' || to[-1] == '\t'); to--)
        ;
    return fk_text_add(text, from, to - from, err);
}

/* Read the next field and add it to row. */
static fleck_status read_field(fk_csv *c, fk_names *row, bool *quoted, fleck_error *err)
{
    fk_text text = {0};
    int64_t line = c->line;
    fleck_status st;

    while (at_blank(c))
        c->at++;
    *quoted = c->at < c->end && *c->at == '"';
    FK_DO(fk_text_add(&text, "", 0, err));
    if (*quoted)
        FK_DO(read_quoted(c, &text, err));
    else
        FK_DO(read_plain(c, &text, err));
    if (strlen(text.data) != (size_t)text.length)
        FK_FAIL(err, FLECK_E_FORMAT, "%s:%lld: a zero byte, so this is not a text file", c->name,
                (long long)line);
    FK_DO(fk_names_add(row, text.data, err));
done:
    fk_text_free(&text);
    return st;
}

fleck_status fk_csv_next(fk_csv *c, fk_names *row, int64_t *line, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    while (c->at < c->end) {
        bool quoted, any = false;

        fk_names_free(row);
        *line = c->line;
        for (;;) {
            FK_DO(read_field(c, row, &quoted, err));
            any = any || quoted;
            if (c->at == c->end || *c->at != c->delimiter)
                break;
            c->at++;
        }
        if (at_line_end(c))
            skip_line_end(c);
        if (row->count > 1 || any || row->items[0][0] != '\0')
            return FLECK_OK;
    }
done:
    fk_names_free(row);
    return st;
}
