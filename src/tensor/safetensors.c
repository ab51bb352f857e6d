/* SPDX-License-Identifier: Apache-2.0 */
/* safetensors: reading.  Every offset of the header is checked before it is used. */
#include "tensor/safetensors.h"
#include "base/mem.h"
#include "tensor/st_reader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors data is little endian and is used in place"
#endif

/* ---- The header ---- */

static fleck_status read_shape(const fk_json *shape, fk_tensor *view, const char *file,
                               const char *name, fleck_error *err)
{
    int64_t ndim = fk_json_count(shape);

    if (!fk_json_is_array(shape))
        return fk_error_set(err, FLECK_E_FORMAT, "%s: tensor %s: shape is not a list", file, name);
    if (ndim > FK_MAX_DIMS)
        return fk_error_set(err, FLECK_E_UNSUPPORTED,
                            "%s: tensor %s: expected at most %d dimensions, found %lld", file, name,
                            FK_MAX_DIMS, (long long)ndim);
    view->ndim = (int)ndim;
    for (int i = 0; i < view->ndim; i++)
        if (!fk_json_as_int(fk_json_at(shape, i), &view->shape[i]) || view->shape[i] < 0)
            return fk_error_set(err, FLECK_E_FORMAT,
                                "%s: tensor %s: size %d of the shape is not a whole number >= 0",
                                file, name, i);
    return FLECK_OK;
}

static fleck_status read_dtype(const char *text, fk_tensor *view, const char *file,
                               const char *name, fleck_error *err)
{
    if (text == NULL)
        return fk_error_set(err, FLECK_E_FORMAT, "%s: tensor %s: dtype is missing or no text", file,
                            name);
    if (!fk_dtype_parse(text, &view->dtype))
        return fk_error_set(
            err, FLECK_E_UNSUPPORTED,
            "%s: tensor %s: expected dtype F32, F64, F16, BF16, U8, I8, I32, I64 or BOOL, found %s",
            file, name, text);
    return FLECK_OK;
}

/* Read one member of the header into e.  data_size is the number of bytes after the header. */
static fleck_status read_entry(fk_st_entry *e, const fk_json *value, int64_t data_size,
                               const char *file, fleck_error *err)
{
    const fk_json *offsets = fk_json_get(value, "data_offsets");
    int64_t bytes;
    char text[FK_SHAPE_TEXT];
    fleck_status st;

    if (!fk_json_is_object(value))
        FK_FAIL(err, FLECK_E_FORMAT, "%s: tensor %s: its entry is not an object", file, e->name);
    FK_DO(read_dtype(fk_json_get_string(value, "dtype"), &e->view, file, e->name, err));
    FK_DO(read_shape(fk_json_get(value, "shape"), &e->view, file, e->name, err));
    if (!fk_json_is_array(offsets) || fk_json_count(offsets) != 2 ||
        !fk_json_as_int(fk_json_at(offsets, 0), &e->begin) ||
        !fk_json_as_int(fk_json_at(offsets, 1), &e->end))
        FK_FAIL(err, FLECK_E_FORMAT, "%s: tensor %s: data_offsets is not two whole numbers", file,
                e->name);
    if (e->begin < 0 || e->end < e->begin || e->end > data_size)
        FK_FAIL(err, FLECK_E_FORMAT,
                "%s: tensor %s: data_offsets [%lld, %lld] leave the %lld bytes of data", file,
                e->name, (long long)e->begin, (long long)e->end, (long long)data_size);
    if (!fk_shape_count(e->view.ndim, e->view.shape, &bytes) ||
        !fk_mul_fits(bytes, (int64_t)fk_dtype_size(e->view.dtype), &bytes) ||
        bytes != e->end - e->begin)
        FK_FAIL(err, FLECK_E_FORMAT,
                "%s: tensor %s: %s %s does not take the %lld bytes given to it", file, e->name,
                fk_dtype_name(e->view.dtype),
                fk_shape_text(text, sizeof text, e->view.ndim, e->view.shape),
                (long long)(e->end - e->begin));
done:
    return st;
}

typedef struct header_walk {
    fk_st_reader *reader;
    int64_t data_size;
} header_walk;

static fleck_status check_metadata(void *ctx, const char *key, const fk_json *value,
                                   fleck_error *err)
{
    const fk_st_reader *r = ctx;

    if (fk_json_as_string(value) == NULL)
        return fk_error_set(err, FLECK_E_FORMAT, "%s: __metadata__: %s is not text", r->name, key);
    return FLECK_OK;
}

static fleck_status read_member(void *ctx, const char *key, const fk_json *value, fleck_error *err)
{
    header_walk *walk = ctx;
    fk_st_reader *r = walk->reader;

    if (strcmp(key, "__metadata__") == 0) {
        if (!fk_json_is_object(value))
            return fk_error_set(err, FLECK_E_FORMAT, "%s: __metadata__ is not an object", r->name);
        r->metadata = value;
        return fk_json_each(value, check_metadata, r, err);
    }
    r->entries[r->count].name = key;
    return read_entry(&r->entries[r->count++], value, walk->data_size, r->name, err);
}

/* The order of the data.  An empty tensor comes before a tensor with the same offset. */
static int by_offset(const void *a, const void *b)
{
    const fk_st_entry *x = a, *y = b;

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const fk_st_entry *const *)a)->name, (*(const fk_st_entry *const *)b)->name);
}

/* Sorted by offset, the tensors must cover the data from its first to its last byte. */
static fleck_status check_cover(const fk_st_reader *r, int64_t data_size, fleck_error *err)
{
    int64_t covered = 0;

    for (int64_t i = 0; i < r->count; i++) {
        const fk_st_entry *e = &r->entries[i];

        if (e->begin != covered)
            return fk_error_set(err, FLECK_E_FORMAT,
                                "%s: tensor %s begins at byte %lld of the data, expected %lld: %s",
                                r->name, e->name, (long long)e->begin, (long long)covered,
                                e->begin < covered ? "tensors overlap" : "there is a gap");
        covered = e->end;
    }
    if (covered != data_size)
        return fk_error_set(err, FLECK_E_FORMAT,
                            "%s: the tensors take %lld bytes, the file has %lld behind its header",
                            r->name, (long long)covered, (long long)data_size);
    return FLECK_OK;
}

/* Point the views at the data.  A tensor at a misaligned address is copied. */
static fleck_status place_views(fk_st_reader *r, const uint8_t *data, fleck_error *err)
{
    for (int64_t i = 0; i < r->count; i++) {
        fk_st_entry *e = &r->entries[i];
        const uint8_t *from = data + e->begin;

        /* The view is read-only by contract, so the cast only silences the type. */
        e->view.data = (void *)(uintptr_t)from;
        if ((uintptr_t)from % fk_dtype_size(e->view.dtype) != 0) {
            fleck_status st = fk_alloc(&e->copy, e->end - e->begin, 1, err);

            if (st != FLECK_OK)
                return st;
            memcpy(e->copy, from, (size_t)(e->end - e->begin));
            e->view.data = e->copy;
        }
    }
    return FLECK_OK;
}

fleck_status fk_st_read_header(fk_st_reader *r, const uint8_t *bytes, size_t size, fleck_error *err)
{
    header_walk walk = {.reader = r};
    uint64_t length = 0;
    fleck_status st;

    if (size < 8)
        FK_FAIL(err, FLECK_E_FORMAT,
                "%s: not a safetensors file: expected at least 8 bytes, "
                "found %zu",
                r->name, size);
    for (int i = 7; i >= 0; i--)
        length = length << 8 | bytes[i];
    /* In a file of another format the length is absurd.  The check with the clearer message
     * comes first. */
    if (size == 8 || bytes[8] != '{')
        FK_FAIL(err, FLECK_E_FORMAT, "%s: not a safetensors file: its header does not begin with {",
                r->name);
    if (length > FK_ST_MAX_HEADER)
        FK_FAIL(err, FLECK_E_LIMIT, "%s: safetensors header of %llu bytes, the limit is %d",
                r->name, (unsigned long long)length, FK_ST_MAX_HEADER);
    if (length > size - 8)
        FK_FAIL(err, FLECK_E_FORMAT,
                "%s: cut short: its header says %llu bytes, the file has %zu left", r->name,
                (unsigned long long)length, size - 8);
    walk.data_size = (int64_t)(size - 8 - length);
    FK_DO(fk_json_parse(&r->header, (const char *)bytes + 8, (size_t)length, r->name, err));
    if (!fk_json_is_object(r->header))
        FK_FAIL(err, FLECK_E_FORMAT, "%s: the safetensors header is not an object", r->name);
    FK_DO(FK_CALLOC(&r->entries, fk_json_count(r->header), err));
    FK_DO(FK_CALLOC(&r->by_name, fk_json_count(r->header), err));
    FK_DO(fk_json_each(r->header, read_member, &walk, err));
    qsort(r->entries, (size_t)r->count, sizeof *r->entries, by_offset);
    FK_DO(check_cover(r, walk.data_size, err));
    FK_DO(place_views(r, bytes + 8 + length, err));
    for (int64_t i = 0; i < r->count; i++)
        r->by_name[i] = &r->entries[i];
    qsort(r->by_name, (size_t)r->count, sizeof *r->by_name, by_name);
done:
    return st;
}

/* ---- The reader ---- */

fleck_status fk_st_open_bytes(fk_st_reader **out, const void *bytes, size_t size, const char *name,
                              fleck_error *err)
{
    fk_st_reader *r = NULL;
    fleck_status st;

    *out = NULL;
    FK_DO(FK_CALLOC(&r, 1, err));
    r->file.fd = -1;
    pthread_mutex_init(&r->lock, NULL);
    FK_DO(fk_strdup(&r->name, name, err));
    FK_DO(fk_st_read_header(r, bytes, size, err));
    *out = r;
    return FLECK_OK;
done:
    fk_st_close(&r);
    return st;
}

void fk_st_close(fk_st_reader **handle)
{
    fk_st_reader *r = handle != NULL ? *handle : NULL;

    if (r == NULL)
        return;
    for (int64_t i = 0; i < r->count; i++)
        fk_free(r->entries[i].copy);
    fk_free(r->entries);
    fk_free(r->by_name);
    fk_json_free(&r->header);
    fk_file_close(&r->file);
    fk_free_large(r->bytes, r->file.stamp.size);
    pthread_mutex_destroy(&r->lock);
    fk_free(r->name);
    fk_free(r);
    *handle = NULL;
}

const char *fk_st_name(const fk_st_reader *r)
{
    return r->name;
}

fleck_status fk_st_check_finite(const fk_st_reader *reader, fleck_error *err)
{
    for (int64_t i = 0; i < reader->count; i++)
        if (!fk_tensor_finite(&reader->entries[i].view))
            return fk_error_set(err, FLECK_E_FORMAT,
                                "%s: tensor %s: a number that is infinite or none", reader->name,
                                reader->entries[i].name);
    return FLECK_OK;
}

int64_t fk_st_count(const fk_st_reader *r)
{
    return r->count;
}

const char *fk_st_tensor_name(const fk_st_reader *r, int64_t i)
{
    assert(i >= 0 && i < r->count);
    return r->entries[i].name;
}

const char *fk_st_metadata(const fk_st_reader *r, const char *key)
{
    return r->metadata != NULL ? fk_json_get_string(r->metadata, key) : NULL;
}

static const fk_st_entry *find(const fk_st_reader *r, const char *name)
{
    fk_st_entry wanted = {.name = name};
    const fk_st_entry *key = &wanted;
    const fk_st_entry **found =
        bsearch(&key, r->by_name, (size_t)r->count, sizeof *r->by_name, by_name);

    return found != NULL ? *found : NULL;
}

bool fk_st_has(const fk_st_reader *r, const char *name)
{
    return find(r, name) != NULL;
}

fleck_status fk_st_get(const fk_st_reader *r, const char *name, fk_tensor *out, fleck_error *err)
{
    const fk_st_entry *e = find(r, name);

    *out = (fk_tensor){0};
    if (e == NULL)
        return fk_error_set(err, FLECK_E_NOTFOUND, "%s: there is no tensor %s", r->name, name);
    *out = e->view;
    return FLECK_OK;
}

fleck_status fk_st_get_checked(const fk_st_reader *r, const char *name, fk_dtype dtype, int ndim,
                               const int64_t *shape, fk_tensor *out, fleck_error *err)
{
    char wanted[FK_SHAPE_TEXT], found[FK_SHAPE_TEXT];
    fk_tensor view;
    fleck_status st;

    FK_DO(fk_st_get(r, name, &view, err));
    if (view.dtype != dtype || !fk_tensor_has_shape(&view, ndim, shape))
        FK_FAIL(err, FLECK_E_SHAPE, "%s: tensor %s: expected %s %s, found %s %s", r->name, name,
                fk_dtype_name(dtype), fk_shape_text(wanted, sizeof wanted, ndim, shape),
                fk_dtype_name(view.dtype),
                fk_shape_text(found, sizeof found, view.ndim, view.shape));
done:
    /* Last, since shape may be out's own. */
    *out = st == FLECK_OK ? view : (fk_tensor){0};
    return st;
}
