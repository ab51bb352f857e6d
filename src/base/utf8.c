/* SPDX-License-Identifier: Apache-2.0 */
/* File names as UTF-8 text: any bytes become valid UTF-8, and different names stay different. */
#include "base/utf8.h"
#include "base/str.h"

#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* The ranges of the second byte follow the Unicode Standard 15, table 3-7. */
int fk_utf8_length(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    unsigned char low = 0x80, high = 0xbf;
    int n = 0;

    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        n = 2;
    else if (p[0] >= 0xe0 && p[0] <= 0xef)
        n = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        n = 4;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    for (int i = 1; i < n; i++, low = 0x80, high = 0xbf)
        if (p[i] < low || p[i] > high)
            return 0;
    return n;
}

fleck_status fk_utf8_escape(char **out, const char *text, fleck_error *err)
{
    fk_text t = {0};
    fleck_status st;

    *out = NULL;
    FK_DO(fk_text_add(&t, "", 0, err));
    while (*text != '\0') {
        int n = fk_utf8_length(text);

        if (n > 0 && strncmp(text, REPLACEMENT, 3) != 0) {
            FK_DO(fk_text_add(&t, text, n, err));
            text += n;
        } else {
            FK_DO(fk_text_printf(&t, err, REPLACEMENT "%02x", (unsigned char)*text));
            text++;
        }
    }
    *out = t.data;
    t = (fk_text){0};
done:
    fk_text_free(&t);
    return st;
}
