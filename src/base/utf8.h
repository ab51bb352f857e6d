/* SPDX-License-Identifier: Apache-2.0 */
/* File names as UTF-8 text: any bytes become valid UTF-8, and different names stay different. */
#ifndef FK_BASE_UTF8_H
#define FK_BASE_UTF8_H

#include "base/error.h"

/* Length in bytes, 1 to 4, of the UTF-8 character at text; 0 if the bytes are not UTF-8 (a stray or
 * missing continuation, an overlong form, a surrogate, beyond U+10FFFF). */
int fk_utf8_length(const char *text);

/* Text as valid UTF-8, to be freed with fk_free().  Each byte that is not part of a UTF-8 character
 * becomes U+FFFD and the byte's two hexadecimal digits in lower case, so "a\xff.png" becomes
 * "a<U+FFFD>ff.png".  So does each byte of U+FFFD itself, which makes the escape reversible.  All
 * other text stays as it is. */
fleck_status fk_utf8_escape(char **out, const char *text, fleck_error *err) FLECK_MUST_CHECK;

#endif
