/* SPDX-License-Identifier: Apache-2.0 */
/* The names that torch's pickles use for tensors, and the results of calling them. */
#include "weights/pickle.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum name_kind {
    NAME_DICT,
    NAME_SIZE,
    NAME_TENSOR,
    NAME_PARAMETER,
    NAME_STORAGE
} name_kind;

/* Every name that is accepted.  A NAME value's integer is its index in this table. */
static const struct {
    const char *module, *name;
    name_kind kind;
    fk_dtype dtype; /* of a storage */
} names[] = {
    {"collections", "OrderedDict", NAME_DICT, FK_F32},
    {"torch", "Size", NAME_SIZE, FK_F32},
    {"torch._utils", "_rebuild_tensor", NAME_TENSOR, FK_F32}, /* before torch 0.4 */
    {"torch._utils", "_rebuild_tensor_v2", NAME_TENSOR, FK_F32},
    {"torch._utils", "_rebuild_parameter", NAME_PARAMETER, FK_F32},
    {"torch", "FloatStorage", NAME_STORAGE, FK_F32},
    {"torch", "DoubleStorage", NAME_STORAGE, FK_F64},
    {"torch", "HalfStorage", NAME_STORAGE, FK_F16},
    {"torch", "BFloat16Storage", NAME_STORAGE, FK_BF16},
    {"torch", "LongStorage", NAME_STORAGE, FK_I64},
    {"torch", "IntStorage", NAME_STORAGE, FK_I32},
    {"torch", "CharStorage", NAME_STORAGE, FK_I8},
    {"torch", "ByteStorage", NAME_STORAGE, FK_U8},
    {"torch", "BoolStorage", NAME_STORAGE, FK_BOOL},
};

/* A text of the file for a message: truncated, and without control characters. */
static const char *printable(char *out, size_t size, const char *text, int64_t length)
{
    size_t n = 0;

    for (; n + 1 < size && n < (uint64_t)length; n++)
        out[n] = text[n] > ' ' && text[n] <= '~' ? text[n] : '?';
    out[n] = '\0';
    return out;
}

static bool is_text(const char *text, int64_t length, const char *wanted)
{
    return length == (int64_t)strlen(wanted) && memcmp(text, wanted, (size_t)length) == 0;
}

fleck_status fk_torch_name(fk_pickle *p, const char *module, int64_t module_length,
                           const char *name, int64_t name_length, int32_t *out, fleck_error *err)
{
    char a[96], b[96];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (is_text(module, module_length, names[i].module) &&
            is_text(name, name_length, names[i].name))
            return fk_pickle_new(p, (fk_value){.kind = FK_VALUE_NAME, .integer = (int64_t)i}, out,
                                 err);
    return fk_error_set(err, FLECK_E_UNSUPPORTED,
                        "refused, for it asks for %s.%s; a weight file may hold only tensors in a "
                        "dict, as torch.save(model.state_dict(), path) writes it",
                        printable(a, sizeof a, module, module_length),
                        printable(b, sizeof b, name, name_length));
}

/* ---- Storages ---- */

/* Item i of a tuple as a number in [0, 2^62], so that sums do not overflow. */
static bool whole(const fk_pickle *p, const fk_value *tuple, int64_t i, int64_t *out)
{
    const fk_value *v = fk_pickle_item(p, tuple, i);

    *out = v->integer;
    return v->kind == FK_VALUE_INT && v->integer >= 0 && v->integer <= INT64_MAX / 2;
}

/* The part of a storage that torch before 1.11 wrote: None, or (key, offset, width). */
static fleck_status read_part(const fk_pickle *p, const fk_value *part, fk_storage *s,
                              fleck_error *err)
{
    if (part->kind == FK_VALUE_NONE)
        return FLECK_OK;
    if (part->kind != FK_VALUE_TUPLE || part->length != 3 || !whole(p, part, 1, &s->offset) ||
        !whole(p, part, 2, &s->width) || s->offset + s->width > s->count)
        return fk_error_set(err, FLECK_E_FORMAT, "a view of a storage that leaves it");
    return FLECK_OK;
}

/* ("storage", TYPE, KEY, DEVICE, COUNT), and in the legacy container a view as the last item. */
fleck_status fk_torch_storage(fk_pickle *p, int32_t id, int32_t *out, fleck_error *err)
{
    const fk_value *v = &p->values[id], *type, *key;
    fk_storage s = {0};
    fleck_status st;

    if (v->kind != FK_VALUE_TUPLE || v->length < 5 || v->length > 6 ||
        !fk_value_is_text(fk_pickle_item(p, v, 0), "storage"))
        FK_FAIL(err, FLECK_E_UNSUPPORTED, "a persistent id that is not that of a storage");
    type = fk_pickle_item(p, v, 1);
    key = fk_pickle_item(p, v, 2);
    if (type->kind != FK_VALUE_NAME || names[type->integer].kind != NAME_STORAGE)
        FK_FAIL(err, FLECK_E_FORMAT, "a storage whose type is %s", fk_value_kind_name(type->kind));
    if (key->kind != FK_VALUE_TEXT || !whole(p, v, 4, &s.count))
        FK_FAIL(err, FLECK_E_FORMAT, "a storage without key or count");
    s.key = key->bytes;
    s.key_length = key->length;
    s.dtype = names[type->integer].dtype;
    s.width = s.count;
    if (v->length == 6)
        FK_DO(read_part(p, fk_pickle_item(p, v, 5), &s, err));
    FK_DO(
        fk_pickle_reserve((void **)&p->storages, p->n_storages, &p->storages_room, sizeof s, err));
    FK_DO(
        fk_pickle_new(p, (fk_value){.kind = FK_VALUE_STORAGE, .integer = p->n_storages}, out, err));
    p->storages[p->n_storages++] = s;
done:
    return st;
}

/* Storages are ordered by what identifies their data, and then by index, so that the order is
 * total. */
typedef struct sort_key {
    const fk_storage *storage;
    int32_t place;
} sort_key;

static int compare_data(const fk_storage *a, const fk_storage *b)
{
    int64_t shorter = a->key_length < b->key_length ? a->key_length : b->key_length;
    int order = shorter > 0 ? memcmp(a->key, b->key, (size_t)shorter) : 0;

    if (order != 0)
        return order;
    if (a->key_length != b->key_length)
        return a->key_length < b->key_length ? -1 : 1;
    if (a->dtype != b->dtype)
        return a->dtype < b->dtype ? -1 : 1;
    return a->count != b->count ? (a->count < b->count ? -1 : 1) : 0;
}

static int compare_places(const void *a, const void *b)
{
    const sort_key *x = a, *y = b;
    int order = compare_data(x->storage, y->storage);

    return order != 0 ? order : x->place < y->place ? -1 : 1;
}

fleck_status fk_torch_sort_storages(fk_pickle *p, fleck_error *err)
{
    sort_key *keys = NULL;
    int32_t first = 0;
    fleck_status st;

    FK_DO(FK_ALLOC(&keys, p->n_storages, err));
    FK_DO(FK_ALLOC(&p->order, p->n_storages, err));
    for (int32_t i = 0; i < p->n_storages; i++)
        keys[i] = (sort_key){&p->storages[i], i};
    if (p->n_storages > 1)
        qsort(keys, (size_t)p->n_storages, sizeof *keys, compare_places);
    for (int64_t i = 0; i < p->n_storages; i++) {
        p->order[i] = keys[i].place;
        if (i == 0 || compare_data(keys[i - 1].storage, keys[i].storage) != 0)
            first = keys[i].place;
        p->storages[keys[i].place].same_as = first;
    }
done:
    fk_free(keys);
    return st;
}

/* ---- Calls ---- */

/* A tuple of sizes or strides. */
static fleck_status read_sizes(const fk_pickle *p, const fk_value *v, int64_t *out, int *ndim,
                               const char *what, fleck_error *err)
{
    if (v->kind != FK_VALUE_TUPLE)
        return fk_error_set(err, FLECK_E_FORMAT, "the %s of a tensor is %s, expected a tuple", what,
                            fk_value_kind_name(v->kind));
    if (v->length > FK_MAX_DIMS)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "a tensor of %lld dimensions, expected at most %d",
                            (long long)v->length, FK_MAX_DIMS);
    *ndim = (int)v->length;
    for (int i = 0; i < *ndim; i++)
        if (!whole(p, v, i, &out[i]))
            return fk_error_set(err, FLECK_E_FORMAT, "the %s of a tensor is not whole numbers >= 0",
                                what);
    return FLECK_OK;
}

/* The slice must lie in its storage, and must not have more elements than the storage, so that few
 * bytes cannot ask for much memory.  (torch.expand() makes slices with more; state dicts have
 * none.) */
static fleck_status check_slice(const fk_slice *cut, int64_t width, fleck_error *err)
{
    char text[FK_SHAPE_TEXT];
    int64_t count, step, last = cut->offset;
    bool fits = fk_shape_count(cut->ndim, cut->shape, &count) && count <= width;

    for (int i = 0; fits && count > 0 && i < cut->ndim; i++)
        fits = fk_mul_fits(cut->shape[i] - 1, cut->stride[i], &step) &&
               !__builtin_add_overflow(last, step, &last);
    if (fits && (count == 0 || last < width))
        return FLECK_OK;
    return fk_error_set(err, FLECK_E_FORMAT,
                        "a tensor %s at offset %lld leaves its storage of %lld elements",
                        fk_shape_text(text, sizeof text, cut->ndim, cut->shape),
                        (long long)cut->offset, (long long)width);
}

/* (storage, offset, sizes, strides), from torch 0.4 on followed by requires_grad, hooks and perhaps
 * metadata, which do not change the numbers. */
static fleck_status make_tensor(fk_pickle *p, const fk_value *args, int32_t *out, fleck_error *err)
{
    const fk_value *of;
    fk_slice cut = {0};
    int n_strides;
    fleck_status st;

    if (args->length < 4 || args->length > 7)
        FK_FAIL(err, FLECK_E_FORMAT, "a tensor made of %lld parts, expected 4 to 7",
                (long long)args->length);
    of = fk_pickle_item(p, args, 0);
    if (of->kind != FK_VALUE_STORAGE)
        FK_FAIL(err, FLECK_E_FORMAT, "a tensor made of %s, expected a storage",
                fk_value_kind_name(of->kind));
    if (!whole(p, args, 1, &cut.offset))
        FK_FAIL(err, FLECK_E_FORMAT, "the offset of a tensor is not a whole number >= 0");
    cut.storage = (int32_t)of->integer;
    FK_DO(read_sizes(p, fk_pickle_item(p, args, 2), cut.shape, &cut.ndim, "shape", err));
    FK_DO(read_sizes(p, fk_pickle_item(p, args, 3), cut.stride, &n_strides, "strides", err));
    if (n_strides != cut.ndim)
        FK_FAIL(err, FLECK_E_FORMAT, "a tensor with %d sizes and %d strides", cut.ndim, n_strides);
    FK_DO(check_slice(&cut, p->storages[cut.storage].width, err));
    cut.offset += p->storages[cut.storage].offset;
    FK_DO(fk_pickle_reserve((void **)&p->tensors, p->n_tensors, &p->tensors_room, sizeof cut, err));
    FK_DO(fk_pickle_new(p, (fk_value){.kind = FK_VALUE_TENSOR, .integer = p->n_tensors}, out, err));
    p->tensors[p->n_tensors++] = cut;
done:
    return st;
}

/* OrderedDict(), or in Python 2 OrderedDict([[key, value], ...]).  The list is emptied, so that few
 * bytes cannot copy a long list many times. */
static fleck_status make_dict(fk_pickle *p, const fk_value *args, int32_t *out, fleck_error *err)
{
    int32_t pairs = args->length == 1 ? args->items[0] : -1;
    int64_t n = 0;
    fleck_status st;

    if (args->length > 1 || (pairs >= 0 && p->values[pairs].kind != FK_VALUE_LIST))
        FK_FAIL(err, FLECK_E_FORMAT, "an ordered dict made of something but a list of pairs");
    if (pairs >= 0) {
        if (p->values[pairs].integer++ != 0)
            FK_FAIL(err, FLECK_E_UNSUPPORTED, "two ordered dicts made of one list");
        n = p->values[pairs].length;
    }
    FK_DO(fk_pickle_new(p, (fk_value){.kind = FK_VALUE_DICT, .integer = 1}, out, err));
    for (int64_t i = 0; i < n; i++) {
        const fk_value *pair = fk_pickle_item(p, &p->values[pairs], i);

        if ((pair->kind != FK_VALUE_LIST && pair->kind != FK_VALUE_TUPLE) || pair->length != 2)
            FK_FAIL(err, FLECK_E_FORMAT, "an ordered dict made of something but pairs");
        FK_DO(fk_pickle_append(p, *out, pair->items[0], err));
        FK_DO(fk_pickle_append(p, *out, pair->items[1], err));
    }
done:
    return st;
}

fleck_status fk_torch_call(fk_pickle *p, int32_t callable, int32_t args_at, int32_t *out,
                           fleck_error *err)
{
    const fk_value *f = &p->values[callable], *args = &p->values[args_at];
    fleck_status st = FLECK_OK;

    if (f->kind != FK_VALUE_NAME)
        FK_FAIL(err, FLECK_E_FORMAT, "it calls %s", fk_value_kind_name(f->kind));
    if (args->kind != FK_VALUE_TUPLE)
        FK_FAIL(err, FLECK_E_FORMAT, "arguments that are %s", fk_value_kind_name(args->kind));
    switch (names[f->integer].kind) {
    case NAME_DICT:
        FK_DO(make_dict(p, args, out, err));
        break;
    case NAME_TENSOR:
        FK_DO(make_tensor(p, args, out, err));
        break;
    case NAME_SIZE: /* a tuple of sizes stays one */
        if (args->length != 1 || fk_pickle_item(p, args, 0)->kind != FK_VALUE_TUPLE)
            FK_FAIL(err, FLECK_E_FORMAT, "torch.Size of something but a tuple");
        *out = args->items[0];
        break;
    case NAME_PARAMETER: /* (tensor, requires_grad, hooks) is the tensor */
        if (args->length < 1 || fk_pickle_item(p, args, 0)->kind != FK_VALUE_TENSOR)
            FK_FAIL(err, FLECK_E_FORMAT, "a parameter of something but a tensor");
        *out = args->items[0];
        break;
    case NAME_STORAGE:
        FK_FAIL(err, FLECK_E_UNSUPPORTED, "it calls %s.%s", names[f->integer].module,
                names[f->integer].name);
    }
done:
    return st;
}
