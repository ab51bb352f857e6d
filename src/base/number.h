/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text, the same in every locale.
 *
 * printf and strtod follow the process's locale: in a German one 0.5 is written "0,5" and "0.5" is
 * read as 0.  The library must not set a locale and must not depend on one.  So these functions
 * format and parse all its text: files, options and messages (base/str.h and base/error.h use
 * them). */
#ifndef FK_BASE_NUMBER_H
#define FK_BASE_NUMBER_H

#include <stdarg.h>

#include "base/error.h"

/* Parse the whole text as a finite decimal number, [+-]digits[.digits][e[+-]digits] with a digit
 * before or after the point.  Anything else gives false and leaves *out: spaces, hexadecimal, inf,
 * nan, a number beyond double.  A number too small for double becomes 0. */
bool fk_number_parse(const char *text, double *out) FLECK_MUST_CHECK;

/* Parse the whole text as a decimal integer, [+-]digits, within int64_t. */
bool fk_integer_parse(const char *text, int64_t *out) FLECK_MUST_CHECK;

/* The shortest decimal text that reads back as exactly value; "inf", "-inf" or "nan" if it is not
 * finite.  Returns buffer. */
#define FK_NUMBER_TEXT 32
const char *fk_number_text(char buffer[FK_NUMBER_TEXT], double value);

/* snprintf and vsnprintf with a decimal point, whatever the locale. */
int fk_format(char *buffer, size_t size, const char *format, ...) FLECK_PRINTF(3, 4);
int fk_format_list(char *buffer, size_t size, const char *format, va_list ap) FLECK_PRINTF(3, 0);

#endif
