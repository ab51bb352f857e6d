/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of text: for a terminal, as Markdown, and as HTML. */
#include "render/table.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void fk_table_free(fk_table *t)
{
    fk_names_free(&t->cells);
    fk_free(t->marked);
    *t = (fk_table){0};
}

fleck_status fk_table_add(fk_table *t, fleck_error *err, const char *format, ...)
{
    char cell[1024], *text = NULL;
    va_list ap;
    fleck_status st;

    va_start(ap, format);
    fk_format_list(cell, sizeof cell, format, ap);
    va_end(ap);
    for (char *p = cell; *p != '\0'; p++)
        if ((unsigned char)*p < ' ')
            *p = '?'; /* a row is one line */
    FK_DO(fk_utf8_escape(&text, cell, err));
    FK_DO(fk_names_add(&t->cells, text, err));
done:
    fk_free(text);
    return st;
}

fleck_status fk_table_add_texts(fk_table *t, fleck_error *err, ...)
{
    const char *text;
    va_list ap;
    fleck_status st = FLECK_OK;

    va_start(ap, err);
    while (st == FLECK_OK && (text = va_arg(ap, const char *)) != NULL)
        st = fk_table_add(t, err, "%s", text);
    va_end(ap);
    return st;
}

fleck_status fk_table_mark(fk_table *t, fleck_error *err)
{
    fleck_status st;

    if (t->n_marked == t->marked_room) {
        FK_DO(fk_grow((void **)&t->marked, t->marked_room, t->marked_room + 64, sizeof *t->marked,
                      err));
        t->marked_room += 64;
    }
    t->marked[t->n_marked++] = t->cells.count - 1;
    return FLECK_OK;
done:
    return st;
}

static bool is_marked(const fk_table *t, int64_t cell)
{
    int64_t low = 0, high = t->n_marked;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;

        if (t->marked[middle] < cell)
            low = middle + 1;
        else
            high = middle;
    }
    return low < t->n_marked && t->marked[low] == cell;
}

static int64_t rows_of(const fk_table *t)
{
    assert(t->columns > 0 && t->cells.count % t->columns == 0);
    return t->cells.count / t->columns;
}

static const char *cell_at(const fk_table *t, int64_t row, int64_t column)
{
    return t->cells.items[row * t->columns + column];
}

/* Characters of UTF-8 text. */
static int width_of(const char *text)
{
    int n = 0;

    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* Cells longer than this are aligned left and may be broken into lines. */
#define LONG_CELL 32

/* Whether a column holds words, which are aligned left.  The first cell below the head decides. */
static bool is_words(const fk_table *t, int64_t column)
{
    const char *cell = rows_of(t) > 1 ? cell_at(t, 1, column) : "";

    return (cell[0] >= 'a' && cell[0] <= 'z') || (cell[0] >= 'A' && cell[0] <= 'Z') ||
           width_of(cell) > LONG_CELL;
}

fleck_status fk_table_text(fk_text *out, const fk_table *t, fleck_error *err)
{
    int64_t rows = rows_of(t);
    int *widths = NULL;
    bool *marks = NULL; /* [columns] whether the column has a marked cell */
    fleck_status st;

    FK_DO(FK_CALLOC(&widths, t->columns, err));
    FK_DO(FK_CALLOC(&marks, t->columns, err));
    for (int64_t i = 0; i < t->cells.count; i++)
        if (width_of(t->cells.items[i]) > widths[i % t->columns])
            widths[i % t->columns] = width_of(t->cells.items[i]);
    for (int64_t i = 0; i < t->n_marked; i++)
        marks[t->marked[i] % t->columns] = true;
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t c = 0; c < t->columns; c++) {
            const char *cell = cell_at(t, r, c);
            int pad = widths[c] - width_of(cell);

            if (c == 0 || (is_words(t, c) && c + 1 < t->columns))
                FK_DO(fk_text_printf(out, err, "%s%s%*s", c > 0 ? "  " : "", cell,
                                     t->columns > 1 ? pad : 0, ""));
            else
                FK_DO(fk_text_printf(out, err, "  %*s%s", pad, "", cell));
            if (is_marked(t, r * t->columns + c))
                FK_DO(fk_text_add(out, "*", 1, err));
            else if (marks[c] && c + 1 < t->columns)
                FK_DO(fk_text_add(out, " ", 1, err));
        }
        FK_DO(fk_text_add(out, "\n", 1, err));
    }
done:
    fk_free(widths);
    fk_free(marks);
    return st;
}

fleck_status fk_table_markdown(fk_text *out, const fk_table *t, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int64_t r = 0; r < rows_of(t); r++) {
        for (int64_t c = 0; c < t->columns; c++) {
            const char *bold = is_marked(t, r * t->columns + c) ? "**" : "";

            FK_DO(fk_text_printf(out, err, "| %s", bold));
            for (const char *p = cell_at(t, r, c); *p != '\0'; p++) {
                if (*p == '|')
                    FK_DO(fk_text_add(out, "\\", 1, err));
                FK_DO(fk_text_add(out, p, 1, err));
            }
            FK_DO(fk_text_printf(out, err, "%s ", bold));
        }
        FK_DO(fk_text_add(out, "|\n", 2, err));
        for (int64_t c = 0; r == 0 && c < t->columns; c++)
            FK_DO(fk_text_printf(out, err, "%s%s%s", c == 0 ? "|" : "",
                                 c == 0 || is_words(t, c) ? "---|" : "---:|",
                                 c + 1 == t->columns ? "\n" : ""));
    }
done:
    return st;
}

fleck_status fk_html_text(fk_text *out, const char *text, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    while (*text != '\0' && st == FLECK_OK) {
        size_t plain = 0;

        while ((unsigned char)text[plain] >= ' ' && strchr("<>&\"'", text[plain]) == NULL)
            plain++;
        FK_DO(fk_text_add(out, text, (int64_t)plain, err));
        text += plain;
        if (*text == '\0')
            break;
        st = *text == '<'    ? fk_text_add(out, "&lt;", 4, err)
             : *text == '>'  ? fk_text_add(out, "&gt;", 4, err)
             : *text == '&'  ? fk_text_add(out, "&amp;", 5, err)
             : *text == '"'  ? fk_text_add(out, "&quot;", 6, err)
             : *text == '\'' ? fk_text_add(out, "&#39;", 5, err)
             : *text == '\n' ? fk_text_add(out, "\n", 1, err)
                             : fk_text_add(out, "?", 1, err);
        text++;
    }
done:
    return st;
}

fleck_status fk_html_add(fk_text *out, fleck_error *err, ...)
{
    const char *part;
    bool markup = true;
    va_list ap;
    fleck_status st = FLECK_OK;

    va_start(ap, err);
    for (; st == FLECK_OK && (part = va_arg(ap, const char *)) != NULL; markup = !markup)
        st = markup ? fk_text_add(out, part, (int64_t)strlen(part), err)
                    : fk_html_text(out, part, err);
    va_end(ap);
    return st;
}

/* The text of a cell, which may be broken after underscores and slashes. */
static fleck_status html_words(fk_text *out, const char *cell, fleck_error *err)
{
    char *part = NULL;
    fleck_status st = FLECK_OK;

    while (*cell != '\0') {
        size_t n = strcspn(cell, "_/");

        n += cell[n] != '\0';
        FK_DO(fk_asprintf(&part, err, "%.*s", (int)n, cell));
        FK_DO(fk_html_text(out, part, err));
        fk_free(part);
        part = NULL;
        cell += n;
        if (*cell != '\0')
            FK_DO(fk_text_add(out, "<wbr>", 5, err));
    }
done:
    fk_free(part);
    return st;
}

static fleck_status html_cell(fk_text *out, const fk_table *t, int64_t row, int64_t column,
                              fleck_error *err)
{
    const char *cell = cell_at(t, row, column), *tag = row == 0 || column == 0 ? "th" : "td";
    bool marked = is_marked(t, row * t->columns + column);
    bool is_long = row > 0 && width_of(cell) > LONG_CELL;
    fleck_status st;

    FK_DO(fk_text_printf(out, err, "<%s%s%s>%s", tag,
                         row == 0      ? " scope=\"col\""
                         : column == 0 ? " scope=\"row\""
                                       : "",
                         is_long                             ? " class=\"long\""
                         : column > 0 && is_words(t, column) ? " class=\"words\""
                                                             : "",
                         marked ? "<strong>" : ""));
    FK_DO(html_words(out, cell, err));
    FK_DO(fk_text_printf(out, err, "%s</%s>", marked ? "</strong>" : "", tag));
done:
    return st;
}

fleck_status fk_table_html(fk_text *out, const fk_table *t, fleck_error *err)
{
    fleck_status st = fk_text_printf(out, err, "<table>\n");

    for (int64_t r = 0; st == FLECK_OK && r < rows_of(t); r++) {
        FK_DO(fk_text_printf(out, err, "%s<tr>", r == 0 ? "<thead>" : r == 1 ? "<tbody>\n" : ""));
        for (int64_t c = 0; c < t->columns; c++)
            FK_DO(html_cell(out, t, r, c, err));
        FK_DO(fk_text_printf(out, err, "</tr>%s\n", r == 0 ? "</thead>" : ""));
    }
    if (st == FLECK_OK)
        st = fk_text_printf(out, err, "%s</table>\n", rows_of(t) > 1 ? "</tbody>\n" : "");
done:
    return st;
}

fleck_status fk_table_csv(fk_text *out, const fk_table *t, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < t->cells.count; i++) {
        const char *cell = t->cells.items[i];
        bool quoted = strpbrk(cell, ",\"\r\n") != NULL;

        if (quoted)
            FK_DO(fk_text_add(out, "\"", 1, err));
        for (; *cell != '\0'; cell++)
            FK_DO(fk_text_add(out, *cell == '"' ? "\"\"" : cell, *cell == '"' ? 2 : 1, err));
        if (quoted)
            FK_DO(fk_text_add(out, "\"", 1, err));
        FK_DO(fk_text_add(out, (i + 1) % t->columns == 0 ? "\n" : ",", 1, err));
    }
done:
    return st;
}

fleck_status fk_html_base64(fk_text *out, const uint8_t *bytes, size_t size, fleck_error *err)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    fleck_status st = FLECK_OK;

    for (size_t i = 0; i < size && st == FLECK_OK; i += 3) {
        uint32_t v = (uint32_t)bytes[i] << 16 | (i + 1 < size ? (uint32_t)bytes[i + 1] << 8 : 0) |
                     (i + 2 < size ? bytes[i + 2] : 0);
        char four[4] = {digits[v >> 18], digits[v >> 12 & 63],
                        i + 1 < size ? digits[v >> 6 & 63] : '=',
                        i + 2 < size ? digits[v & 63] : '='};

        st = fk_text_add(out, four, 4, err);
    }
    return st;
}
