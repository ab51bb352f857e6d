/* SPDX-License-Identifier: Apache-2.0 */
/* Comma-separated values, a row at a time (RFC 4180). */
#ifndef FK_DATASET_CSV_H
#define FK_DATASET_CSV_H

#include "base/str.h"

#include <stdint.h>

/* A reader of bytes that the caller keeps alive.  It owns no memory. */
typedef struct fk_csv {
    const char *name, *at, *end;
    int64_t line;   /* of the next row, from 1 */
    char delimiter; /* ',' unless the caller sets another */
} fk_csv;

/* Convert a file from UTF-16, with or without a byte order mark, to UTF-8 in *text, to be freed.
 * For other files *text stays empty, and the bytes are used as they are.  FLECK_E_FORMAT: half a
 * character at the end, or an unpaired surrogate. */
fleck_status fk_csv_recode(fk_text *text, const char *name, const uint8_t *bytes, size_t size,
                           fleck_error *err) FLECK_MUST_CHECK;

/* Begin; name is for messages.  A UTF-8 byte order mark is skipped. */
void fk_csv_begin(fk_csv *c, const char *name, const void *bytes, size_t size);

/* Read the next row that is not blank into row, whose old fields are freed.  *line is the line
 * where it begins; row->count is 0 after the last row.
 *
 * Fields end at delimiters, rows at LF, CRLF or CR.  A field in double quotes may hold all of
 * these, and a quote as two quotes.  Blanks around a field are dropped, those inside quotes are
 * not.  FLECK_E_FORMAT: a quote that is not closed, text after a closing quote, a zero byte. */
fleck_status fk_csv_next(fk_csv *c, fk_names *row, int64_t *line,
                         fleck_error *err) FLECK_MUST_CHECK;

#endif
