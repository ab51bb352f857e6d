/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a safetensors reader, for the files that implement it. */
#ifndef FK_TENSOR_ST_READER_H
#define FK_TENSOR_ST_READER_H

#include "base/digest.h"
#include "tensor/safetensors.h"

#include <pthread.h>

/* What the header says about one tensor.  name is borrowed from the JSON. */
typedef struct fk_st_entry {
    const char *name;
    int64_t begin, end;
    fk_tensor view;
    void *copy; /* copy of the data if it is misaligned */
} fk_st_entry;

struct fk_st_reader {
    char *name;
    fk_file file;         /* open while the reader lives; unused by a reader over bytes */
    uint8_t *bytes;       /* [file.stamp.size] of the file; NULL for a reader over bytes */
    int threads;          /* to read it with */
    bool released;        /* the memory of bytes is with the system; guarded by lock */
    pthread_mutex_t lock; /* several threads may restore at once */
    char digest[FK_DIGEST_TEXT];
    fk_json *header;
    const fk_json *metadata;
    fk_st_entry *entries; /* in the order of the data */
    int64_t count;
    const fk_st_entry **by_name; /* the same, sorted for look-up */
};

/* Check the header of size bytes and fill the reader from it. */
fleck_status fk_st_read_header(fk_st_reader *r, const uint8_t *bytes, size_t size,
                               fleck_error *err) FLECK_MUST_CHECK;

#endif
