/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of samples: add, sort, free; and of the images in a folder. */
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
    fk_free(s->key);
}

void fk_samples_free(fk_samples *s)
{
    for (int64_t i = 0; i < s->count; i++)
        sample_free(&s->items[i]);
    fk_free(s->items);
    fk_free(s->passed_text);
    *s = (fk_samples){0};
}

/* A copy of text; NULL for NULL. */
static fleck_status copy(char **out, const char *text, fleck_error *err)
{
    return text != NULL ? fk_strdup(out, text, err) : FLECK_OK;
}

fleck_status fk_samples_add(fk_samples *s, const fk_sample_texts *sample, fleck_error *err)
{
    fk_sample added = {.defective = sample->defective};
    fleck_status st;

    if (s->count == s->room) {
        int64_t room = s->room > 0 ? 2 * s->room : 64;

        st = fk_grow((void **)&s->items, s->count, room, sizeof *s->items, err);
        if (st != FLECK_OK)
            return st;
        s->room = room;
    }
    FK_DO(copy(&added.path, sample->path, err));
    FK_DO(copy(&added.mask, sample->mask, err));
    FK_DO(copy(&added.ignore, sample->ignore, err));
    FK_DO(copy(&added.defect, sample->defect, err));
    FK_DO(copy(&added.key, sample->key, err));
    s->items[s->count++] = added;
    return FLECK_OK;
done:
    sample_free(&added);
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

fleck_status fk_images_in(fk_names *out, const char *folder, fk_is_image *is_image,
                          fleck_error *err)
{
    fk_names all = {0};
    fleck_status st;

    FK_DO(fk_folder_list(&all, folder, 'f', err));
    for (int64_t i = 0; i < all.count; i++)
        if (is_image(all.items[i]))
            FK_DO(fk_names_add(out, all.items[i], err));
done:
    fk_names_free(&all);
    return st;
}
