/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of text: for a terminal, as Markdown, and as HTML. */
#ifndef FK_RENDER_TABLE_H
#define FK_RENDER_TABLE_H

#include "base/str.h"

/* Cells row by row; the first row is the head.  Valid when zeroed; owned. */
typedef struct fk_table {
    int64_t columns;
    fk_names cells;
    int64_t *marked, n_marked, marked_room; /* marked cells, in ascending order */
} fk_table;

void fk_table_free(fk_table *t);

/* Add a cell made like printf, as UTF-8 (fk_utf8_escape()); bytes below a space become '?'. */
fleck_status fk_table_add(fk_table *t, fleck_error *err, const char *format, ...) FLECK_MUST_CHECK
    FLECK_PRINTF(3, 4);

/* Add a cell for each text, up to NULL. */
fleck_status fk_table_add_texts(fk_table *t, fleck_error *err, ...) FLECK_MUST_CHECK
    __attribute__((sentinel));

/* Mark the last cell: with an asterisk in text, bold in Markdown and HTML. */
fleck_status fk_table_mark(fk_table *t, fleck_error *err) FLECK_MUST_CHECK;

/* Add the table to out.  The first column and words are aligned left, numbers right. */
fleck_status fk_table_text(fk_text *out, const fk_table *t, fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_table_markdown(fk_text *out, const fk_table *t, fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_table_html(fk_text *out, const fk_table *t, fleck_error *err) FLECK_MUST_CHECK;
/* Rows of comma-separated values, quoted if they must be. */
fleck_status fk_table_csv(fk_text *out, const fk_table *t, fleck_error *err) FLECK_MUST_CHECK;

/* Add text, with markup of HTML and SVG escaped; bytes below a space other than line ends become
 * '?'. */
fleck_status fk_html_text(fk_text *out, const char *text, fleck_error *err) FLECK_MUST_CHECK;
/* Add markup, text, markup and so on, up to NULL; the text as fk_html_text() does. */
fleck_status fk_html_add(fk_text *out, fleck_error *err, ...) FLECK_MUST_CHECK
    __attribute__((sentinel));
/* Add bytes as base64. */
fleck_status fk_html_base64(fk_text *out, const uint8_t *bytes, size_t size,
                            fleck_error *err) FLECK_MUST_CHECK;

#endif
