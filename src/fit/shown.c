/* SPDX-License-Identifier: Apache-2.0 */
/* Pixels that hardly any image shows. */
#include "fit/shown.h"
#include "base/mem.h"

fleck_status fk_shown_add(fk_shown *s, const fk_canvas *c, fleck_error *err)
{
    const fk_image *own = &c->own;
    fleck_status st = FLECK_OK;

    if (own->data == NULL) {
        s->whole++;
        return FLECK_OK;
    }
    s->masked++;
    if (s->count == NULL) {
        FK_DO(FK_CALLOC(&s->count, own->width * own->height, err));
        s->width = own->width;
        s->height = own->height;
    }
    if (own->width != s->width || own->height != s->height)
        s->differ = true;
    for (int64_t i = 0; !s->differ && i < s->width * s->height; i++)
        if (own->data[i] == 0 && s->count[i] < FK_SHOWN_ENOUGH)
            s->count[i]++;
done:
    return st;
}

double fk_shown_unseen(const fk_shown *s, const uint8_t *mask)
{
    int64_t images = s->whole + s->masked, n = s->width * s->height, unseen = 0;
    int64_t enough = images < FK_SHOWN_ENOUGH ? images : FK_SHOWN_ENOUGH;

    if (s->count == NULL || s->differ)
        return 0.0;
    for (int64_t i = 0; i < n; i++)
        unseen += s->whole + s->count[i] < enough && (mask == NULL || mask[i] == 0);
    return (double)unseen / (double)n;
}

void fk_shown_free(fk_shown *s)
{
    fk_free(s->count);
    *s = (fk_shown){0};
}
