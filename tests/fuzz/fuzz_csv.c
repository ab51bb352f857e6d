/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the CSV reader: rows end, lines count up, and rows written in quotes read back the same.
 */
#include "base/mem.h"
#include "dataset/csv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* Add the row to text with every field in quotes. */
static void write_row(fk_text *text, const fk_names *row)
{
    for (int64_t i = 0; i < row->count; i++) {
        check(fk_text_add(text, i > 0 ? ",\"" : "\"", i > 0 ? 2 : 1, NULL) == FLECK_OK);
        for (const char *p = row->items[i]; *p != '\0'; p++)
            check(fk_text_add(text, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1, NULL) == FLECK_OK);
        check(fk_text_add(text, "\"", 1, NULL) == FLECK_OK);
    }
    check(fk_text_add(text, "\r\n", 2, NULL) == FLECK_OK);
}

/* Read all rows of bytes into text, in quotes; false where the bytes are refused. */
static bool rewrite(const void *bytes, size_t size, fk_text *text)
{
    fleck_error error = {0};
    fk_names row = {0};
    fk_csv csv;
    int64_t line = 0, line_before = 0;
    fleck_status st;

    fk_csv_begin(&csv, "input", bytes, size);
    while ((st = fk_csv_next(&csv, &row, &line, &error)) == FLECK_OK && row.count > 0) {
        check(line > line_before);
        line_before = line;
        write_row(text, &row);
    }
    check(st == FLECK_OK || (st == FLECK_E_FORMAT && error.message[0] != '\0'));
    check(row.count == 0);
    fk_names_free(&row);
    return st == FLECK_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fk_text first = {0}, second = {0}, text = {0};

    if (fk_csv_recode(&text, "input", data, size, NULL) == FLECK_OK && text.data != NULL)
        (void)rewrite(text.data, (size_t)text.length, &first);
    fk_text_free(&text);
    fk_text_free(&first);
    if (rewrite(data, size, &first)) {
        check(rewrite(first.data, (size_t)first.length, &second));
        check(first.length == second.length);
        check(first.length == 0 || memcmp(first.data, second.data, (size_t)first.length) == 0);
    }
    fk_text_free(&first);
    fk_text_free(&second);
    return 0;
}
