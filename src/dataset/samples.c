/* Lists of samples: add, sort, free. */
#include "dataset/samples.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static void sample_free(fk_sample *s)
{
    fk_free(s->path);
    fk_free(s->mask);
    fk_free(s->ignore);
    fk_free(s->defect);
}

void fk_samples_free(fk_samples *s)
{
    for (int64_t i = 0; i < s->count; i++)
        sample_free(&s->items[i]);
    fk_free(s->items);
    *s = (fk_samples){0};
}

fleck_status fk_samples_add(fk_samples *s, const char *path, const char *mask, const char *ignore,
                            const char *defect, fleck_error *err)
{
    fk_sample sample = {.defective = strcmp(defect, FK_GOOD) != 0};
    fleck_status st;

    if (s->count == s->room) {
        int64_t room = s->room > 0 ? 2 * s->room : 64;

        st = fk_grow((void **)&s->items, s->count, room, sizeof *s->items, err);
        if (st != FLECK_OK)
            return st;
        s->room = room;
    }
    FK_DO(fk_strdup(&sample.path, path, err));
    FK_DO(fk_strdup(&sample.defect, defect, err));
    if (mask != NULL)
        FK_DO(fk_strdup(&sample.mask, mask, err));
    if (ignore != NULL)
        FK_DO(fk_strdup(&sample.ignore, ignore, err));
    s->items[s->count++] = sample;
    return FLECK_OK;
done:
    sample_free(&sample);
    return st;
}

static int by_type_and_path(const void *a, const void *b)
{
    const fk_sample *x = a, *y = b;
    int order = (int)x->defective - (int)y->defective;

    if (order == 0)
        order = fk_natural_compare(x->defect, y->defect);
    return order != 0 ? order : fk_natural_compare(x->path, y->path);
}

void fk_samples_sort(fk_samples *s)
{
    if (s->count > 1)
        qsort(s->items, (size_t)s->count, sizeof *s->items, by_type_and_path);
}
