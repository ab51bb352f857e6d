/* SPDX-License-Identifier: Apache-2.0 */
/* safetensors: writing a file, complete or not at all. */
#include "tensor/safetensors.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DATA_ALIGNMENT 64
#define PIECE_BYTES (INT64_C(4) << 20)
#define NO_CHECKSUM "00000000000000000000000000000000"

typedef struct item {
    char *name;
    fk_tensor view;
    int64_t bytes;
    int64_t turn; /* index in the order of adding */
} item;

struct fk_st_writer {
    item *items;
    int64_t count, room;
    fk_json *metadata; /* NULL before the first key */
    fk_watch *watch;
};

fleck_status fk_st_writer_open(fk_st_writer **out, fleck_error *err)
{
    return FK_CALLOC(out, 1, err);
}

void fk_st_writer_watch(fk_st_writer *w, fk_watch *watch)
{
    w->watch = watch;
}

void fk_st_writer_abort(fk_st_writer **handle)
{
    fk_st_writer *w = handle != NULL ? *handle : NULL;

    if (w == NULL)
        return;
    for (int64_t i = 0; i < w->count; i++)
        fk_free(w->items[i].name);
    fk_free(w->items);
    fk_json_free(&w->metadata);
    fk_free(w);
    *handle = NULL;
}

static bool is_utf8(const char *text)
{
    int n;

    while (*text != '\0' && (n = fk_utf8_length(text)) > 0)
        text += n;
    return *text == '\0';
}

static fleck_status check_name(const fk_st_writer *w, const char *name, fleck_error *err)
{
    if (strcmp(name, "__metadata__") == 0)
        return fk_error_set(err, FLECK_E_FORMAT, "a tensor cannot be called __metadata__");
    if (!is_utf8(name))
        return fk_error_set(err, FLECK_E_FORMAT, "tensor name \"%s\" is not UTF-8", name);
    for (int64_t i = 0; i < w->count; i++)
        if (strcmp(w->items[i].name, name) == 0)
            return fk_error_set(err, FLECK_E_FORMAT, "there is a tensor %s already", name);
    return FLECK_OK;
}

fleck_status fk_st_writer_add_data(fk_st_writer *w, const char *name, fk_dtype dtype, int ndim,
                                   const int64_t *shape, const void *data, fleck_error *err)
{
    char text[FK_SHAPE_TEXT];
    item new = {.view = {.dtype = dtype, .ndim = ndim}, .turn = w->count};
    fleck_status st;

    assert(ndim >= 0 && ndim <= FK_MAX_DIMS);
    FK_DO(check_name(w, name, err));
    for (int i = 0; i < ndim; i++)
        new.view.shape[i] = shape[i];
    if (!fk_shape_count(ndim, shape, &new.bytes) ||
        !fk_mul_fits(new.bytes, (int64_t)fk_dtype_size(dtype), &new.bytes))
        FK_FAIL(err, FLECK_E_SHAPE, "tensor %s: a shape %s cannot exist", name,
                fk_shape_text(text, sizeof text, ndim, shape));
    assert(data != NULL || new.bytes == 0);
    new.view.data = (void *)(uintptr_t)data; /* only read */
    if (w->count == w->room) {
        int64_t room = w->room > 0 ? 2 * w->room : 32;

        FK_DO(fk_grow((void **)&w->items, w->count, room, sizeof *w->items, err));
        w->room = room;
    }
    FK_DO(fk_strdup(&new.name, name, err));
    w->items[w->count++] = new;
done:
    return st;
}

fleck_status fk_st_writer_add(fk_st_writer *w, const char *name, const fk_tensor *t,
                              fleck_error *err)
{
    return fk_st_writer_add_data(w, name, t->dtype, t->ndim, t->shape, t->data, err);
}

fleck_status fk_st_writer_metadata(fk_st_writer *w, const char *key, const char *text,
                                   fleck_error *err)
{
    if (!is_utf8(key) || !is_utf8(text))
        return fk_error_set(err, FLECK_E_FORMAT, "metadata %s: its text is not UTF-8", key);
    if (w->metadata == NULL)
        w->metadata = fk_json_object();
    if (w->metadata == NULL || !fk_json_put_string(w->metadata, key, text))
        return fk_error_set(err, FLECK_E_NOMEM, "out of memory for metadata %s", key);
    return FLECK_OK;
}

fleck_status fk_st_writer_check_finite(const fk_st_writer *w, fleck_error *err)
{
    for (int64_t i = 0; i < w->count; i++) {
        const item *it = &w->items[i];
        bool finite =
            it->bytes == 0 || fk_bytes_finite(it->view.data, (size_t)it->bytes, it->view.dtype);

        if (!finite)
            return fk_error_set(err, FLECK_E_FORMAT, "tensor %s: a number that is infinite or none",
                                it->name);
    }
    return FLECK_OK;
}

/* Wider elements come first.  Since the data block is aligned, every tensor is aligned too. */
static int by_alignment(const void *a, const void *b)
{
    const item *x = a, *y = b;
    size_t m = fk_dtype_size(x->view.dtype), n = fk_dtype_size(y->view.dtype);

    if (m != n)
        return m > n ? -1 : 1;
    return x->turn < y->turn ? -1 : x->turn > y->turn;
}

/* {"dtype": ..., "shape": [...], "data_offsets": [begin, begin + bytes]}; NULL when out of memory.
 */
static fk_json *describe(const item *it, int64_t begin)
{
    fk_json *object = fk_json_object(), *shape = fk_json_array(), *offsets = fk_json_array();
    bool ok = object != NULL && shape != NULL && offsets != NULL;

    for (int i = 0; ok && i < it->view.ndim; i++)
        ok = fk_json_push_int(shape, it->view.shape[i]);
    ok = ok && fk_json_push_int(offsets, begin) && fk_json_push_int(offsets, begin + it->bytes) &&
         fk_json_put_string(object, "dtype", fk_dtype_name(it->view.dtype));
    if (ok) {
        ok = fk_json_put(object, "shape", shape);
        shape = NULL; /* owned by object, also on failure */
    }
    if (ok) {
        ok = fk_json_put(object, "data_offsets", offsets);
        offsets = NULL;
    }
    fk_json_free(&shape);
    fk_json_free(&offsets);
    if (!ok)
        fk_json_free(&object);
    return object;
}

/* The text of the header, padded so that the data block begins at a multiple of DATA_ALIGNMENT. */
static fleck_status header_text(fk_text *out, fk_st_writer *w, fleck_error *err)
{
    char spaces[DATA_ALIGNMENT];
    fk_json *header = fk_json_object();
    char *text = NULL;
    int64_t begin = 0, padding;
    bool ok = header != NULL;
    fleck_status st = FLECK_OK;

    if (ok && w->metadata != NULL) {
        ok = fk_json_put(header, "__metadata__", w->metadata);
        w->metadata = NULL;
    }
    for (int64_t i = 0; ok && i < w->count; i++) {
        int64_t end;

        if (__builtin_add_overflow(begin, w->items[i].bytes, &end))
            FK_FAIL(err, FLECK_E_SHAPE, "the tensors together do not fit a file");
        ok = fk_json_put(header, w->items[i].name, describe(&w->items[i], begin));
        begin = end;
    }
    if (!ok)
        FK_FAIL(err, FLECK_E_NOMEM, "out of memory for the safetensors header");
    FK_DO(fk_json_dump(&text, header, 0, err));
    FK_DO(fk_text_add(out, text, (int64_t)strlen(text), err));
    padding = (DATA_ALIGNMENT - (8 + out->length) % DATA_ALIGNMENT) % DATA_ALIGNMENT;
    memset(spaces, ' ', sizeof spaces);
    FK_DO(fk_text_add(out, spaces, padding, err));
    if (out->length > FK_ST_MAX_HEADER)
        FK_FAIL(err, FLECK_E_LIMIT, "safetensors header of %lld bytes, the limit is %d",
                (long long)out->length, FK_ST_MAX_HEADER);
done:
    fk_free(text);
    fk_json_free(&header);
    return st;
}

fleck_status fk_st_writer_checksum(fk_st_writer *w, fleck_error *err)
{
    return fk_st_writer_metadata(w, FK_ST_CHECKSUM, NO_CHECKSUM, err);
}

/* Bytes of a file go either into the hash, in blocks, or into a file. */
typedef struct sink {
    fk_writer *file; /* or */
    uint8_t *memory; /* of the file's size; neither: hash */
    fk_watch *watch; /* hears of what was written */
    int64_t written;
    uint8_t *held;     /* [FK_DIGEST_BLOCK] bytes that do not fill a block yet */
    fk_digest *blocks; /* of the file */
    int64_t n_held, n_blocks;
} sink;

/* Write piece by piece, with progress after each. */
static fleck_status write_pieces(sink *to, const char *data, int64_t bytes, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int64_t at = 0, n; at < bytes; at += n) {
        n = bytes - at < PIECE_BYTES ? bytes - at : PIECE_BYTES;
        if (to->memory != NULL)
            memcpy(to->memory + to->written, data + at, (size_t)n);
        else
            FK_DO(fk_writer_write(to->file, data + at, (size_t)n, err));
        to->written += n;
        FK_DO(fk_watch_step(to->watch, to->written, err));
    }
done:
    return st;
}

static fleck_status put(sink *to, const void *bytes, int64_t size, fleck_error *err)
{
    const uint8_t *from = bytes;

    if (to->file != NULL || to->memory != NULL)
        return write_pieces(to, bytes, size, err);
    while (size > 0) {
        int64_t n = FK_DIGEST_BLOCK - to->n_held;

        n = n < size ? n : size;
        if (n == FK_DIGEST_BLOCK) { /* a whole block in one piece */
            to->blocks[to->n_blocks++] = fk_digest_block(from, (size_t)n);
        } else {
            memcpy(to->held + to->n_held, from, (size_t)n);
            to->n_held += n;
        }
        if (to->n_held == FK_DIGEST_BLOCK) {
            to->blocks[to->n_blocks++] = fk_digest_block(to->held, FK_DIGEST_BLOCK);
            to->n_held = 0;
        }
        from += n;
        size -= n;
    }
    return FLECK_OK;
}

/* Put all bytes of the file, in order. */
static fleck_status put_all(const fk_st_writer *w, const fk_text *header, sink *to,
                            fleck_error *err)
{
    uint8_t length[8];
    fleck_status st;

    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)header->length >> (8 * i));
    FK_DO(put(to, length, sizeof length, err));
    FK_DO(put(to, header->data, header->length, err));
    for (int64_t i = 0; i < w->count; i++)
        FK_DO(put(to, w->items[i].view.data, w->items[i].bytes, err));
done:
    return st;
}

/* Bytes of the file with a header of this length. */
static int64_t all_bytes(const fk_st_writer *w, int64_t header)
{
    int64_t bytes = 8 + header;

    for (int64_t i = 0; i < w->count; i++)
        bytes += w->items[i].bytes;
    return bytes;
}

/* Replace the zeros in the header by the checksum. */
static fleck_status fill_checksum(const fk_st_writer *w, fk_text *header, fleck_error *err)
{
    static const char zeros[] = "\"" FK_ST_CHECKSUM "\":\"" NO_CHECKSUM "\"";
    char *at = strstr(header->data, zeros), text[FK_DIGEST_TEXT];
    sink to = {0};
    fleck_status st = FLECK_OK;

    if (at == NULL) /* no checksum */
        return FLECK_OK;
    FK_DO(FK_ALLOC(&to.held, FK_DIGEST_BLOCK, err));
    FK_DO(FK_ALLOC(&to.blocks, fk_digest_count(all_bytes(w, header->length)), err));
    FK_DO(put_all(w, header, &to, err));
    if (to.n_held > 0)
        to.blocks[to.n_blocks++] = fk_digest_block(to.held, (size_t)to.n_held);
    fk_digest_text(text, fk_digest_join(to.blocks, to.n_blocks));
    memcpy(at + strlen("\"" FK_ST_CHECKSUM "\":\""), text, FK_DIGEST_TEXT - 1);
done:
    fk_free(to.held);
    fk_free(to.blocks);
    return st;
}

/* Write into the file at path, or, if that is NULL, into *bytes [*size]. */
static fleck_status commit(fk_st_writer **handle, const char *path, uint8_t **bytes, size_t *size,
                           fleck_error *err)
{
    fk_st_writer *w = *handle;
    sink to = {.watch = w->watch};
    fk_text header = {0};
    fleck_status st;

    if (w->count > 1)
        qsort(w->items, (size_t)w->count, sizeof *w->items, by_alignment);
    st = header_text(&header, w, err);
    if (st != FLECK_OK) {
        fk_error_context(err, "cannot write %s", path != NULL ? path : "into memory");
        goto done;
    }
    FK_DO(fill_checksum(w, &header, err));
    fk_watch_stage(w->watch, "write", all_bytes(w, header.length));
    if (bytes == NULL)
        FK_DO(fk_writer_open(&to.file, path, err));
    else
        FK_DO(FK_ALLOC(&to.memory, all_bytes(w, header.length), err));
    FK_DO(put_all(w, &header, &to, err));
    if (bytes == NULL) {
        FK_DO(fk_writer_commit(&to.file, err));
    } else {
        *bytes = to.memory;
        *size = (size_t)to.written;
        to.memory = NULL;
    }
done:
    fk_writer_abort(&to.file);
    fk_free(to.memory);
    fk_text_free(&header);
    fk_st_writer_abort(handle);
    return st;
}

fleck_status fk_st_writer_commit(fk_st_writer **w, const char *path, fleck_error *err)
{
    return commit(w, path, NULL, NULL, err);
}

fleck_status fk_st_writer_commit_memory(fk_st_writer **w, uint8_t **bytes, size_t *size,
                                        fleck_error *err)
{
    return commit(w, NULL, bytes, size, err);
}
