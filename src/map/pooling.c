/* SPDX-License-Identifier: Apache-2.0 */
/* Pooling: how an image's score is computed from its map, if not by the method's own rule. */
#include "map/pooling.h"
#include "base/nearest.h"
#include "base/number.h"

#include <math.h>
#include <string.h>

fleck_status fk_pooling_parse(fk_pooling *out, const char *text, fleck_error *err)
{
    char meant[FK_MEANT];
    double percent;

    *out = (fk_pooling){0};
    if (strcmp(text, "method") == 0)
        return FLECK_OK;
    if (strcmp(text, "max") == 0) {
        out->kind = FK_POOLING_MAX;
        return FLECK_OK;
    }
    if (strncmp(text, "top:", 4) == 0 && fk_number_parse(text + 4, &percent) && percent > 0.0 &&
        percent <= 100.0) {
        *out = (fk_pooling){FK_POOLING_TOP, percent};
        return FLECK_OK;
    }
    return fk_error_set(err, FLECK_E_OPTION,
                        "pool: expected method, max or top:P with P above 0 and at most 100, got "
                        "\"%s\"%s",
                        text, fk_nearest_choice(meant, "method|max", text));
}

const char *fk_pooling_text(char buffer[FK_POOLING_TEXT], fk_pooling p)
{
    char number[FK_NUMBER_TEXT];

    if (p.kind == FK_POOLING_TOP)
        fk_format(buffer, FK_POOLING_TEXT, "top:%s", fk_number_text(number, p.percent));
    else
        fk_format(buffer, FK_POOLING_TEXT, "%s", p.kind == FK_POOLING_MAX ? "max" : "method");
    return buffer;
}

bool fk_pooling_same(fk_pooling a, fk_pooling b)
{
    return a.kind == b.kind && (a.kind != FK_POOLING_TOP || a.percent == b.percent);
}

int64_t fk_pooling_count(fk_pooling p, int64_t n)
{
    int64_t count = (int64_t)floor(p.percent * (double)n / 100.0 + 0.5);

    return count < 1 ? 1 : count > n ? n : count;
}
