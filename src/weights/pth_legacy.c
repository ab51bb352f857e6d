/* SPDX-License-Identifier: Apache-2.0 */
/* torch's legacy container (torch before 1.6, and later on request): several pickles, then data.
 *
 *   pickle  0x1950a86a20f9469cfc6c, the magic number
 *   pickle  1001, the version of the container
 *   pickle  {"protocol_version": 1001, "little_endian": True, "type_sizes": {...}}
 *   pickle  the saved object; storages stand in it as persistent ids
 *   pickle  [KEY, ...], the storages in the order in which they follow
 *   for each: int64 count of elements, then the elements */
#include "weights/pth.h"

#include <string.h>

static const uint8_t magic[10] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};

#define VERSION 1001

bool fk_pth_is_legacy(const uint8_t *bytes, size_t size)
{
    return size >= 2 && bytes[0] == 0x80 && bytes[1] <= 5;
}

bool fk_storage_bytes(const fk_storage *s, int64_t *out)
{
    return s->count >= 0 &&
           !__builtin_mul_overflow(s->count, (int64_t)fk_dtype_size(s->dtype), out);
}

/* The rest of the file. */
typedef struct rest {
    const uint8_t *bytes;
    size_t size;
    const char *file;
} rest;

static fleck_status next_pickle(rest *r, fk_pickle *out, fleck_error *err)
{
    fleck_status st = fk_pickle_read(out, r->bytes, r->size, r->file, err);

    if (st == FLECK_OK) {
        r->bytes += out->used;
        r->size -= out->used;
    }
    return st;
}

/* Read the pickles before the object. */
static fleck_status read_head(rest *r, fleck_error *err)
{
    fk_pickle p = {0};
    const fk_value *root, *little;
    fleck_status st;

    FK_DO(next_pickle(r, &p, err));
    root = &p.values[p.root];
    if (root->kind != FK_VALUE_BIG || root->length != sizeof magic ||
        memcmp(root->bytes, magic, sizeof magic) != 0)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: a pickle, but not one that torch.save() wrote", r->file);
    fk_pickle_free(&p);
    FK_DO(next_pickle(r, &p, err));
    root = &p.values[p.root];
    if (root->kind != FK_VALUE_INT || root->integer != VERSION)
        FK_FAIL(err, FLECK_E_UNSUPPORTED, "%s: torch container version %lld, expected %d", r->file,
                root->kind == FK_VALUE_INT ? (long long)root->integer : -1, VERSION);
    fk_pickle_free(&p);
    FK_DO(next_pickle(r, &p, err));
    root = &p.values[p.root];
    little = root->kind == FK_VALUE_DICT ? fk_pickle_lookup(&p, root, "little_endian") : NULL;
    if (little == NULL || little->kind != FK_VALUE_BOOL)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: it does not say in which byte order it is", r->file);
    if (little->integer == 0)
        FK_FAIL(err, FLECK_E_UNSUPPORTED, "%s: big-endian data, expected little-endian", r->file);
done:
    fk_pickle_free(&p);
    return st;
}

/* The first storage with this key, NULL if no tensor uses it. */
static fk_storage *find_storage(fk_pickle *p, const fk_value *key)
{
    int64_t low = 0, high = p->n_storages;

    while (low < high) {
        int64_t middle = (low + high) / 2;
        const fk_storage *s = &p->storages[p->order[middle]];
        int64_t shorter = s->key_length < key->length ? s->key_length : key->length;
        int order = shorter > 0 ? memcmp(s->key, key->bytes, (size_t)shorter) : 0;

        if (order < 0 || (order == 0 && s->key_length < key->length))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == p->n_storages)
        return NULL;
    const fk_storage *s = &p->storages[p->order[low]];
    if (s->key_length != key->length ||
        (key->length > 0 && memcmp(s->key, key->bytes, (size_t)key->length) != 0))
        return NULL;
    return &p->storages[s->same_as];
}

/* Read one storage: its count, which must be the pickle's, and its elements. */
static fleck_status read_storage(rest *r, fk_storage *s, fleck_error *err)
{
    uint64_t count = 0;
    int64_t bytes;

    if (r->size < 8)
        return fk_error_set(err, FLECK_E_FORMAT, "%s: cut short in front of storage %.*s", r->file,
                            (int)s->key_length, s->key);
    for (int i = 7; i >= 0; i--)
        count = count << 8 | r->bytes[i];
    r->bytes += 8;
    r->size -= 8;
    if (count != (uint64_t)s->count)
        return fk_error_set(err, FLECK_E_FORMAT,
                            "%s: storage %.*s: expected %lld elements, found %lld", r->file,
                            (int)s->key_length, s->key, (long long)s->count, (long long)count);
    if (!fk_storage_bytes(s, &bytes) || (uint64_t)bytes > r->size)
        return fk_error_set(err, FLECK_E_FORMAT,
                            "%s: cut short in storage %.*s: %lld elements wanted, %zu bytes left",
                            r->file, (int)s->key_length, s->key, (long long)s->count, r->size);
    s->data = r->bytes;
    r->bytes += bytes;
    r->size -= (size_t)bytes;
    return FLECK_OK;
}

static fleck_status read_data(rest *r, fk_pickle *object, fleck_error *err)
{
    fk_pickle p = {0};
    const fk_value *keys;
    fleck_status st;

    FK_DO(next_pickle(r, &p, err));
    keys = &p.values[p.root];
    if (keys->kind != FK_VALUE_LIST)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: the list of its storages is %s", r->file,
                fk_value_kind_name(keys->kind));
    for (int64_t i = 0; i < keys->length; i++) {
        const fk_value *key = fk_pickle_item(&p, keys, i);
        fk_storage *s = key->kind == FK_VALUE_TEXT ? find_storage(object, key) : NULL;

        if (s == NULL || s->data != NULL)
            FK_FAIL(err, FLECK_E_FORMAT, "%s: storage %lld of %lld is %s", r->file, (long long)i,
                    (long long)keys->length, s == NULL ? "unknown to the tensors" : "there twice");
        FK_DO(read_storage(r, s, err));
    }
done:
    fk_pickle_free(&p);
    return st;
}

fleck_status fk_pth_legacy_read(fk_pickle *out, const uint8_t *bytes, size_t size, const char *file,
                                fleck_error *err)
{
    rest r = {bytes, size, file};
    fleck_status st;

    *out = (fk_pickle){0};
    FK_DO(read_head(&r, err));
    FK_DO(next_pickle(&r, out, err));
    FK_DO(read_data(&r, out, err));
done:
    if (st != FLECK_OK)
        fk_pickle_free(out);
    return st;
}
