/* SPDX-License-Identifier: Apache-2.0 */
/* Strings: duplicates, a growing buffer, and a list of strings. */
#ifndef FK_BASE_STR_H
#define FK_BASE_STR_H

#include "base/error.h"

/* A heap copy of text, to be freed with fk_free(). */
fleck_status fk_strdup(char **out, const char *text, fleck_error *err) FLECK_MUST_CHECK;

/* A heap string made like printf, to be freed with fk_free(). */
fleck_status fk_asprintf(char **out, fleck_error *err, const char *format, ...) FLECK_MUST_CHECK
    FLECK_PRINTF(3, 4);

/* Compare like strcmp, but runs of digits by value, so that "9.png" comes before "10.png". */
int fk_natural_compare(const char *a, const char *b);

/* An ASCII capital as a small letter. */
char fk_lower(char c);
/* Whether text ends in suffix, ASCII case ignored. */
bool fk_ends_with(const char *text, const char *suffix);
/* Whether both are equal, ASCII case ignored. */
bool fk_same_word(const char *a, const char *b);
/* Whether a begins with the n characters that b begins with, ASCII case ignored. */
bool fk_same_start(const char *a, const char *b, size_t n);

/* A growing text buffer; valid when zeroed; text is always terminated once anything was added. */
typedef struct fk_text {
    char *data;
    int64_t length, room;
} fk_text;

fleck_status fk_text_add(fk_text *t, const char *bytes, int64_t length,
                         fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_text_printf(fk_text *t, fleck_error *err, const char *format, ...) FLECK_MUST_CHECK
    FLECK_PRINTF(3, 4);
void fk_text_free(fk_text *t);

/* A growing list of owned strings; valid when zeroed. */
typedef struct fk_names {
    char **items;
    int64_t count, room;
} fk_names;

fleck_status fk_names_add(fk_names *l, const char *text, fleck_error *err) FLECK_MUST_CHECK;
/* Sort in natural order. */
void fk_names_sort(fk_names *l);
void fk_names_free(fk_names *l);
/* Add "a, b, c and 12 more" to out: as many names as fit into about `most` bytes, at least one. */
fleck_status fk_names_join(fk_text *out, const fk_names *l, int64_t most,
                           fleck_error *err) FLECK_MUST_CHECK;

#endif
