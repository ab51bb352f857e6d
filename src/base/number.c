/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text, the same in every locale. */
#include "base/number.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Set the C locale for this thread alone, until leave_c_locale(): POSIX has no other way to make
 * printf write a point.  If memory is short the thread keeps its own. */
typedef struct c_locale {
    locale_t fresh, before;
} c_locale;

static c_locale enter_c_locale(void)
{
    c_locale l = {.fresh = newlocale(LC_ALL_MASK, "C", (locale_t)0)};

    if (l.fresh != (locale_t)0)
        l.before = uselocale(l.fresh);
    return l;
}

static void leave_c_locale(c_locale l)
{
    if (l.fresh == (locale_t)0)
        return;
    uselocale(l.before);
    freelocale(l.fresh);
}

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

bool fk_number_parse(const char *text, double *out)
{
    const char *p = text;
    size_t whole, fraction = 0;
    c_locale locale;
    double value;

    if (*p == '+' || *p == '-')
        p++;
    whole = digits(p);
    p += whole;
    if (*p == '.') {
        fraction = digits(++p);
        p += fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '+' || *p == '-')
            p++;
        if (digits(p) == 0)
            return false;
        p += digits(p);
    }
    if (*p != '\0')
        return false;
    locale = enter_c_locale();
    value = strtod(text, NULL);
    leave_c_locale(locale);
    if (!isfinite(value))
        return false;
    *out = value;
    return true;
}

bool fk_integer_parse(const char *text, int64_t *out)
{
    const char *p = *text == '+' || *text == '-' ? text + 1 : text;
    long long value;

    if (digits(p) == 0 || p[digits(p)] != '\0')
        return false;
    errno = 0;
    value = strtoll(text, NULL, 10);
    if (errno != 0)
        return false;
    *out = value;
    return true;
}

const char *fk_number_text(char buffer[FK_NUMBER_TEXT], double value)
{
    const char *exponent;
    int precision = 0;
    int64_t power;
    double back;

    if (!isfinite(value)) {
        snprintf(buffer, FK_NUMBER_TEXT, "%s", isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        return buffer;
    }
    do
        fk_format(buffer, FK_NUMBER_TEXT, "%.*g", ++precision, value);
    while (precision < 17 && (!fk_number_parse(buffer, &back) || back != value));
    /* 1000 would be "1e+03": write all digits before the point if they fit. */
    exponent = strstr(buffer, "e+");
    if (exponent != NULL && fk_integer_parse(exponent + 2, &power) && power < 17)
        fk_format(buffer, FK_NUMBER_TEXT, "%.*g", (int)power + 1, value);
    return buffer;
}

int fk_format_list(char *buffer, size_t size, const char *format, va_list ap)
{
    c_locale locale = enter_c_locale();
    int n = vsnprintf(buffer, size, format, ap);

    leave_c_locale(locale);
    return n;
}

int fk_format(char *buffer, size_t size, const char *format, ...)
{
    va_list ap;
    int n;

    va_start(ap, format);
    n = fk_format_list(buffer, size, format, ap);
    va_end(ap);
    return n;
}
