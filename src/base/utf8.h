/* File names as UTF-8 text: any bytes in, valid UTF-8 out, and no two names alike. */
#ifndef FK_BASE_UTF8_H
#define FK_BASE_UTF8_H

#include "base/error.h"

/* Length in bytes, 1 to 4, of the UTF-8 character at text; 0 where the bytes are none (a stray or
 * missing continuation, an overlong form, a surrogate, beyond U+10FFFF). */
int fk_utf8_length(const char *text);

/* Text as valid UTF-8, to be freed with fk_free().  Valid text stays as it is, with one exception
 * that makes the escape reversible: each byte that is part of no UTF-8 character, and each byte of
 * U+FFFD itself, becomes U+FFFD and the byte's two hexadecimal digits in lower case.  So
 * "a\xff.png" becomes "a<U+FFFD>ff.png". */
fleck_status fk_utf8_escape(char **out, const char *text, fleck_error *err) FLECK_MUST_CHECK;

#endif
