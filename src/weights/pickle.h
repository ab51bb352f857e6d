/* SPDX-License-Identifier: Apache-2.0 */
/* torch's pickles, for this room only: an unpickler that makes values and never calls anything.
 *
 * A pickle is a program for a stack machine.  Python's machine runs any function that it names.
 * This one knows numbers, strings, tuples, lists, dicts, and the few names that torch uses to
 * describe a tensor.  Any other name is FLECK_E_UNSUPPORTED, and the message has it.  Nothing
 * recurses, and every step adds at most one value, so that work and memory stay in proportion to
 * the bytes read. */
#ifndef FK_WEIGHTS_PICKLE_H
#define FK_WEIGHTS_PICKLE_H

#include "tensor/tensor.h"

/* Most values, stack entries and memo entries of one pickle; real ones have some ten thousand. */
#define FK_PICKLE_LIMIT (1 << 20)

typedef enum fk_value_kind {
    FK_VALUE_NONE,
    FK_VALUE_BOOL,
    FK_VALUE_INT,
    FK_VALUE_BIG,  /* an integer beyond int64_t: bytes, little endian, two's complement */
    FK_VALUE_REAL, /* its value is not stored, as nothing needs it */
    FK_VALUE_TEXT,
    FK_VALUE_BYTES,
    FK_VALUE_TUPLE,
    FK_VALUE_LIST,
    FK_VALUE_DICT,
    FK_VALUE_NAME,    /* one of the known names, see pickle_torch.c */
    FK_VALUE_STORAGE, /* an index in storages */
    FK_VALUE_TENSOR   /* an index in tensors */
} fk_value_kind;

typedef struct fk_value {
    fk_value_kind kind;
    int64_t integer;   /* of BOOL, INT, NAME, STORAGE, TENSOR; of a DICT 1 if it is ordered */
    const char *bytes; /* of TEXT, BYTES, BIG: borrowed from the pickle, not terminated */
    int64_t length;    /* bytes; items of TUPLE and LIST; keys and values of DICT, both counted */
    int64_t room;
    int32_t *items; /* indices in values; of DICT key, value, key, value, ... */
} fk_value;

/* A run of numbers that tensors are slices of, as a persistent id names it. */
typedef struct fk_storage {
    const char *key; /* not terminated */
    int64_t key_length;
    fk_dtype dtype;
    int64_t count;         /* elements of the whole storage */
    int64_t offset, width; /* the part that this id names: [offset, offset + width) */
    int32_t same_as;       /* the first storage with this key, dtype and count; it has the data */
    const uint8_t *data;   /* count elements at any address; NULL until a container was read */
    void *owned;           /* the block of data; NULL: borrowed */
} fk_storage;

/* A tensor as a slice of a storage; offset and strides in elements. */
typedef struct fk_slice {
    int32_t storage;
    int ndim;
    int64_t offset, shape[FK_MAX_DIMS], stride[FK_MAX_DIMS];
} fk_slice;

/* One pickle.  Only the unpickler writes to it, except for the data of storages. */
typedef struct fk_pickle {
    const char *file; /* for messages; borrowed */
    const uint8_t *bytes;
    size_t size;  /* of bytes */
    size_t used;  /* read so far; at the end the offset after STOP */
    void *owned;  /* the block of bytes; NULL: borrowed */
    int32_t root; /* the pickled object */
    fk_value *values;
    fk_storage *storages;
    fk_slice *tensors;
    int64_t n_values, values_room, n_storages, storages_room, n_tensors, tensors_room;
    int32_t *order; /* all storages, sorted by key */
    /* The machine: the stack, its heights at MARKs, the memo (-1: no entry). */
    int32_t *stack, *marks, *memo;
    int64_t height, stack_room, n_marks, marks_room, n_memo, memo_room;
} fk_pickle;

/* Read one pickle from the start of bytes, up to its STOP; out->used says how long it was.  bytes
 * and file are borrowed until fk_pickle_free().  Protocols 0 to 4.  Errors, with *out empty:
 *   FLECK_E_FORMAT       not a pickle, or cut short
 *   FLECK_E_UNSUPPORTED  it asks for a name that no tensor needs; the message says which
 *   FLECK_E_LIMIT        more than FK_PICKLE_LIMIT of anything, FLECK_E_NOMEM */
fleck_status fk_pickle_read(fk_pickle *out, const uint8_t *bytes, size_t size, const char *file,
                            fleck_error *err) FLECK_MUST_CHECK;
void fk_pickle_free(fk_pickle *p);

/* Item i of a value. */
const fk_value *fk_pickle_item(const fk_pickle *p, const fk_value *of, int64_t i);
bool fk_value_is_text(const fk_value *v, const char *text);
/* The name of a kind, as "a list". */
const char *fk_value_kind_name(fk_value_kind kind);
/* The value of a string key of dict, of several the last; NULL if there is none. */
const fk_value *fk_pickle_lookup(const fk_pickle *p, const fk_value *dict, const char *key);

/* ---- Functions of pickle_torch.c for the machine.  Arguments and results are indices in
 * values.  ---- */

/* The NAME value of "module.name". */
fleck_status fk_torch_name(fk_pickle *p, const char *module, int64_t module_length,
                           const char *name, int64_t name_length, int32_t *out,
                           fleck_error *err) FLECK_MUST_CHECK;
/* The result of calling NAME callable with the tuple args. */
fleck_status fk_torch_call(fk_pickle *p, int32_t callable, int32_t args, int32_t *out,
                           fleck_error *err) FLECK_MUST_CHECK;
/* The STORAGE value of a persistent id. */
fleck_status fk_torch_storage(fk_pickle *p, int32_t id, int32_t *out,
                              fleck_error *err) FLECK_MUST_CHECK;
/* Fill order, and same_as of every storage. */
fleck_status fk_torch_sort_storages(fk_pickle *p, fleck_error *err) FLECK_MUST_CHECK;

/* ---- For both files: making values.  ---- */
fleck_status fk_pickle_new(fk_pickle *p, fk_value v, int32_t *out,
                           fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_pickle_append(fk_pickle *p, int32_t to, int32_t item,
                              fleck_error *err) FLECK_MUST_CHECK;
/* Make room for one more element of an array of the pickle. */
fleck_status fk_pickle_reserve(void **block, int64_t count, int64_t *room, size_t size,
                               fleck_error *err) FLECK_MUST_CHECK;

#endif
