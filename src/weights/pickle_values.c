/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a pickle. */
#include "weights/pickle.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

fleck_status fk_pickle_reserve(void **block, int64_t count, int64_t *room, size_t size,
                               fleck_error *err)
{
    int64_t larger = *room > 0 ? 2 * *room : 8;
    fleck_status st;

    if (count < *room)
        return FLECK_OK;
    if (count >= FK_PICKLE_LIMIT)
        return fk_error_set(err, FLECK_E_LIMIT, "more than %d values", FK_PICKLE_LIMIT);
    st = fk_grow(block, count, larger, size, err);
    if (st == FLECK_OK)
        *room = larger;
    return st;
}

fleck_status fk_pickle_new(fk_pickle *p, fk_value v, int32_t *out, fleck_error *err)
{
    fleck_status st =
        fk_pickle_reserve((void **)&p->values, p->n_values, &p->values_room, sizeof v, err);

    if (st != FLECK_OK)
        return st;
    *out = (int32_t)p->n_values;
    p->values[p->n_values++] = v;
    return FLECK_OK;
}

fleck_status fk_pickle_append(fk_pickle *p, int32_t to, int32_t item, fleck_error *err)
{
    fk_value *v = &p->values[to];
    fleck_status st =
        fk_pickle_reserve((void **)&v->items, v->length, &v->room, sizeof *v->items, err);

    if (st == FLECK_OK)
        v->items[v->length++] = item;
    return st;
}

const fk_value *fk_pickle_item(const fk_pickle *p, const fk_value *of, int64_t i)
{
    assert(i >= 0 && i < of->length && of->items != NULL);
    return &p->values[of->items[i]];
}

bool fk_value_is_text(const fk_value *v, const char *text)
{
    return v->kind == FK_VALUE_TEXT && v->length == (int64_t)strlen(text) &&
           memcmp(v->bytes, text, (size_t)v->length) == 0;
}

const char *fk_value_kind_name(fk_value_kind kind)
{
    static const char *const names[] = {
        [FK_VALUE_NONE] = "None",       [FK_VALUE_BOOL] = "a bool",
        [FK_VALUE_INT] = "an integer",  [FK_VALUE_BIG] = "a long integer",
        [FK_VALUE_REAL] = "a number",   [FK_VALUE_TEXT] = "a text",
        [FK_VALUE_BYTES] = "bytes",     [FK_VALUE_TUPLE] = "a tuple",
        [FK_VALUE_LIST] = "a list",     [FK_VALUE_DICT] = "a dict",
        [FK_VALUE_NAME] = "a function", [FK_VALUE_STORAGE] = "a storage",
        [FK_VALUE_TENSOR] = "a tensor",
    };

    return names[kind];
}

const fk_value *fk_pickle_lookup(const fk_pickle *p, const fk_value *dict, const char *key)
{
    for (int64_t i = dict->length - 2; i >= 0; i -= 2)
        if (fk_value_is_text(fk_pickle_item(p, dict, i), key))
            return fk_pickle_item(p, dict, i + 1);
    return NULL;
}

void fk_pickle_free(fk_pickle *p)
{
    for (int64_t i = 0; i < p->n_values; i++)
        fk_free(p->values[i].items);
    for (int64_t i = 0; i < p->n_storages; i++)
        fk_free(p->storages[i].owned);
    fk_free(p->values);
    fk_free(p->storages);
    fk_free(p->tensors);
    fk_free(p->order);
    fk_free(p->stack);
    fk_free(p->marks);
    fk_free(p->memo);
    fk_free(p->owned);
    *p = (fk_pickle){0};
}
