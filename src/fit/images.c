/* SPDX-License-Identifier: Apache-2.0 */
/* The images of a fit: their order by contents, and their size. */
#include "base/mem.h"
#include "fit/fitting.h"

#include <stdlib.h>
#include <string.h>

int64_t fk_fit_input_pixels(const fk_model *m)
{
    fk_map_size size = fk_preprocess_input(&m->pre);

    return size.height * size.width;
}

/* The key that images are sorted by: the contents, then the index.  The order of equal images
 * matters only if they have different masks of their own. */
typedef struct keyed {
    fk_digest content;
    int64_t image;
} keyed;

static int by_content(const void *x, const void *y)
{
    const keyed *a = x, *b = y;
    int difference = memcmp(&a->content, &b->content, sizeof a->content);

    if (difference != 0)
        return difference;
    return a->image < b->image ? -1 : 1;
}

fleck_status fk_fit_sort_contents(const fk_fitting *f, int64_t **order, fleck_error *err)
{
    keyed *keys = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&keys, f->n, err));
    FK_DO(FK_ALLOC(order, f->n, err));
    for (int64_t i = 0; i < f->n; i++)
        keys[i] = (keyed){f->source->contents[i], i};
    qsort(keys, (size_t)f->n, sizeof *keys, by_content);
    for (int64_t i = 0; i < f->n; i++)
        (*order)[i] = keys[i].image;
done:
    fk_free(keys);
    return st;
}
