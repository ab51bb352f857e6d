/* Comma-separated values, a row at a time (RFC 4180). */
#ifndef FK_DATASET_CSV_H
#define FK_DATASET_CSV_H

#include "base/str.h"

#include <stdint.h>

/* A reader over bytes that the caller keeps alive; nothing to free. */
typedef struct fk_csv {
    const char *name, *at, *end;
    int64_t line;   /* of the row to come, from 1 */
    char delimiter; /* ',' unless the caller sets another */
} fk_csv;

/* Have a file's bytes as UTF-8: of UTF-16, with a byte order mark or without, *text becomes the
 * text in UTF-8, to be freed; else it stays empty and the bytes are read as they are.
 * FLECK_E_FORMAT: half a character at the end, half a pair. */
fleck_status fk_csv_recode(fk_text *text, const char *name, const uint8_t *bytes, size_t size,
                           fleck_error *err) FLECK_MUST_CHECK;

/* Begin; name stands in messages.  A UTF-8 byte order mark is skipped. */
void fk_csv_begin(fk_csv *c, const char *name, const void *bytes, size_t size);

/* Read the next row that is not blank into row, whose old fields are freed; *line is the line it
 * begins in, row->count == 0 says that there is none.
 *
 * Fields end at delimiters, rows at LF, CRLF or CR.  A field in double quotes may hold all of
 * these, and a quote as two.  Blanks around a field are dropped, inside quotes kept.
 * FLECK_E_FORMAT: a quote that never closes, text behind a closing quote, a zero byte. */
fleck_status fk_csv_next(fk_csv *c, fk_names *row, int64_t *line,
                         fleck_error *err) FLECK_MUST_CHECK;

#endif
