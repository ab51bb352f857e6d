/* SPDX-License-Identifier: Apache-2.0 */
/* Strings: duplicates, a growing buffer, and a list of strings. */
#include "base/str.h"
#include "base/mem.h"
#include "base/number.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

fleck_status fk_strdup(char **out, const char *text, fleck_error *err)
{
    size_t n = strlen(text) + 1;
    fleck_status st = FK_ALLOC(out, (int64_t)n, err);

    if (st == FLECK_OK)
        memcpy(*out, text, n);
    return st;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int fk_natural_compare(const char *a, const char *b)
{
    const char *x = a, *y = b;

    while (*x != '\0' && *y != '\0') {
        if (is_digit(*x) && is_digit(*y)) {
            size_t m, n;
            int order;

            while (*x == '0')
                x++;
            while (*y == '0')
                y++;
            m = strspn(x, "0123456789");
            n = strspn(y, "0123456789");
            if (m != n)
                return m < n ? -1 : 1;
            order = memcmp(x, y, m);
            if (order != 0)
                return order;
            x += m;
            y += n;
        } else if (*x != *y) {
            return (unsigned char)*x < (unsigned char)*y ? -1 : 1;
        } else {
            x++;
            y++;
        }
    }
    if (*x != *y)
        return *x == '\0' ? -1 : 1;
    return strcmp(a, b); /* "01" and "1" need an order too */
}

/* strcasecmp follows the locale: in Turkish, I and i are two letters. */
char fk_lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

bool fk_same_start(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fk_lower(a[i]) != fk_lower(b[i]))
            return false;
    return true;
}

bool fk_same_word(const char *a, const char *b)
{
    return fk_same_start(a, b, strlen(b) + 1);
}

bool fk_ends_with(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);

    return n >= m && fk_same_word(text + n - m, suffix);
}

static fleck_status text_reserve(fk_text *t, int64_t extra, fleck_error *err)
{
    int64_t room = t->room > 0 ? t->room : 64;
    fleck_status st;

    if (extra > INT64_MAX / 4 - t->length) /* room doubles and must stay in range */
        return fk_error_set(err, FLECK_E_NOMEM, "a text of %lld more bytes does not fit",
                            (long long)extra);
    if (t->length + extra + 1 <= t->room)
        return FLECK_OK;
    while (room < t->length + extra + 1)
        room *= 2;
    st = fk_grow((void **)&t->data, t->length, room, 1, err);
    if (st == FLECK_OK)
        t->room = room;
    return st;
}

fleck_status fk_text_add(fk_text *t, const char *bytes, int64_t length, fleck_error *err)
{
    fleck_status st = text_reserve(t, length, err);

    if (st != FLECK_OK)
        return st;
    if (length > 0)
        memcpy(t->data + t->length, bytes, (size_t)length);
    t->length += length;
    t->data[t->length] = '\0';
    return FLECK_OK;
}

static fleck_status add_formatted(fk_text *t, const char *format, va_list ap, fleck_error *err)
{
    va_list again;
    int n;
    fleck_status st;

    va_copy(again, ap);
    n = fk_format_list(NULL, 0, format, ap);
    st = n < 0 ? fk_error_set(err, FLECK_E_FORMAT, "text could not be formatted")
               : text_reserve(t, n, err);
    if (st == FLECK_OK)
        t->length += fk_format_list(t->data + t->length, (size_t)n + 1, format, again);
    va_end(again);
    return st;
}

fleck_status fk_text_printf(fk_text *t, fleck_error *err, const char *format, ...)
{
    va_list ap;
    fleck_status st;

    va_start(ap, format);
    st = add_formatted(t, format, ap, err);
    va_end(ap);
    return st;
}

fleck_status fk_asprintf(char **out, fleck_error *err, const char *format, ...)
{
    fk_text t = {0};
    va_list ap;
    fleck_status st;

    va_start(ap, format);
    st = add_formatted(&t, format, ap, err);
    va_end(ap);
    *out = t.data;
    return st;
}

void fk_text_free(fk_text *t)
{
    fk_free(t->data);
    *t = (fk_text){0};
}

fleck_status fk_names_add(fk_names *l, const char *text, fleck_error *err)
{
    fleck_status st;

    if (l->count == l->room) {
        int64_t room = l->room > 0 ? 2 * l->room : 16;

        st = fk_grow((void **)&l->items, l->count, room, sizeof *l->items, err);
        if (st != FLECK_OK)
            return st;
        l->room = room;
    }
    st = fk_strdup(&l->items[l->count], text, err);
    if (st == FLECK_OK)
        l->count++;
    return st;
}

static int by_natural_order(const void *a, const void *b)
{
    return fk_natural_compare(*(char *const *)a, *(char *const *)b);
}

void fk_names_sort(fk_names *l)
{
    if (l->count > 1)
        qsort(l->items, (size_t)l->count, sizeof *l->items, by_natural_order);
}

void fk_names_free(fk_names *l)
{
    for (int64_t i = 0; i < l->count; i++)
        fk_free(l->items[i]);
    fk_free(l->items);
    *l = (fk_names){0};
}

fleck_status fk_names_join(fk_text *out, const fk_names *l, int64_t most, fleck_error *err)
{
    int64_t from = out->length, n = 0;
    fleck_status st = FLECK_OK;

    for (; n < l->count && st == FLECK_OK; n++) {
        if (n > 0 && out->length - from + (int64_t)strlen(l->items[n]) > most)
            break;
        st = fk_text_printf(out, err, "%s%s", n > 0 ? ", " : "", l->items[n]);
    }
    if (st == FLECK_OK && n < l->count)
        st = fk_text_printf(out, err, " and %lld more", (long long)(l->count - n));
    return st;
}
