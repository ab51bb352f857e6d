/* SPDX-License-Identifier: Apache-2.0 */
/* safetensors: reading a file with several threads, its checksum, and giving back its memory. */
#define _GNU_SOURCE
#include "base/digest.h"
#include "base/mem.h"
#include "base/pool.h"
#include "tensor/st_reader.h"

#include <string.h>

/* Bytes that a thread reads at a time: some blocks of the digest. */
#define PIECE (16 * FK_DIGEST_BLOCK)
/* Below this many bytes starting threads costs more than it saves. */
#define ALONE_BELOW (INT64_C(8) << 20)

typedef struct read_job {
    const fk_file *file;
    const uint8_t *memory; /* NULL, or where the bytes are */
    uint8_t *data;
    fk_digest *blocks;
    fk_watch *watch;
} read_job;

/* Read a piece.  Each block is hashed while it is in the cache. */
static fleck_status read_piece(void *ctx, int64_t item, int worker, fleck_error *err)
{
    const read_job *job = ctx;
    int64_t end = job->file->stamp.size;
    fleck_status st = FLECK_OK;

    if (worker == 0) /* the caller's thread */
        FK_DO(fk_watch_step(job->watch, item * PIECE, err));
    end = end < (item + 1) * PIECE ? end : (item + 1) * PIECE;
    for (int64_t at = item * PIECE; at < end; at += FK_DIGEST_BLOCK) {
        size_t n = (size_t)(end - at < FK_DIGEST_BLOCK ? end - at : FK_DIGEST_BLOCK);

        if (job->memory != NULL)
            memcpy(job->data + at, job->memory + at, n);
        else
            FK_DO(fk_file_read(job->file, job->data + at, at, n, err));
        job->blocks[at / FK_DIGEST_BLOCK] = fk_digest_block(job->data + at, n);
    }
done:
    return st;
}

/* Read all of the file into data [size], and compute the digests of its blocks. */
static fleck_status read_file(const fk_file *file, const uint8_t *memory, uint8_t *data,
                              fk_digest *blocks, int threads, fk_watch *watch, fleck_error *err)
{
    read_job job = {file, memory, data, blocks, watch};
    fk_pool *pool = NULL;
    fleck_status st;

    if (threads > 1 && file->stamp.size >= ALONE_BELOW)
        FK_DO(fk_pool_open(&pool, threads, err));
    FK_DO(fk_pool_run(pool, file->stamp.size / PIECE + 1, read_piece, &job, err));
    if (memory == NULL)
        FK_DO(fk_file_unchanged(file, err));
done:
    fk_pool_close(&pool);
    return st;
}

/* The 32 digits of the checksum in the header; NULL if they are not where fleck writes them. */
static uint8_t *find_checksum(uint8_t *bytes, int64_t size, const char *digits)
{
    static const char key[] = "\"" FK_ST_CHECKSUM "\":\"";
    uint8_t *at = memmem(bytes, (size_t)size, key, sizeof key - 1);

    if (at == NULL || bytes + size - at < (int64_t)(sizeof key - 1 + FK_DIGEST_TEXT))
        return NULL;
    at += sizeof key - 1;
    return memcmp(at, digits, FK_DIGEST_TEXT - 1) == 0 ? at : NULL;
}

/* Replace the checksum by zeros, and hash its blocks again.  The zeros stay. */
static fleck_status hash_without_checksum(fk_st_reader *r, fk_digest *blocks, fleck_error *err)
{
    const char *wanted = fk_st_metadata(r, FK_ST_CHECKSUM);
    int64_t size = r->file.stamp.size;
    uint8_t *at = find_checksum(r->bytes, size, wanted);

    if (strlen(wanted) != FK_DIGEST_TEXT - 1 || at == NULL)
        return fk_error_set(err, FLECK_E_CHECKSUM,
                            "%s: damaged, or written by another program: its checksum is not where "
                            "fleck writes it",
                            r->name);
    memset(at, '0', FK_DIGEST_TEXT - 1);
    for (int64_t b = (at - r->bytes) / FK_DIGEST_BLOCK;
         b <= (at - r->bytes + FK_DIGEST_TEXT - 2) / FK_DIGEST_BLOCK; b++) {
        int64_t left = size - b * FK_DIGEST_BLOCK;

        blocks[b] = fk_digest_block(r->bytes + b * FK_DIGEST_BLOCK,
                                    (size_t)(left < FK_DIGEST_BLOCK ? left : FK_DIGEST_BLOCK));
    }
    return FLECK_OK;
}

/* Compute r->digest, and compare it with the file's checksum if it has one. */
static fleck_status check_digest(fk_st_reader *r, fk_digest *blocks, fleck_error *err)
{
    const char *wanted = fk_st_metadata(r, FK_ST_CHECKSUM);
    fleck_status st = FLECK_OK;

    if (wanted != NULL)
        FK_DO(hash_without_checksum(r, blocks, err));
    fk_digest_text(r->digest, fk_digest_join(blocks, fk_digest_count(r->file.stamp.size)));
    if (wanted != NULL && strcmp(wanted, r->digest) != 0)
        FK_FAIL(err, FLECK_E_CHECKSUM, "%s: damaged: its checksum is %s, its bytes give %s",
                r->name, wanted, r->digest);
done:
    return st;
}

/* Open the file called name, or memory [size]. */
static fleck_status open_whole(fk_st_reader **out, const char *name, const void *memory,
                               int64_t size, int threads, fk_watch *watch, fleck_error *err)
{
    fk_st_reader *r = NULL;
    fk_digest *blocks = NULL;
    fleck_status st;

    *out = NULL;
    FK_DO(FK_CALLOC(&r, 1, err));
    r->file.fd = -1;
    pthread_mutex_init(&r->lock, NULL);
    FK_DO(fk_strdup(&r->name, name, err));
    r->file.stamp.size = size;
    if (memory == NULL)
        FK_DO(fk_file_open(&r->file, r->name, 0, err));
    size = r->file.stamp.size;
    r->threads = threads;
    FK_DO(fk_alloc_large((void **)&r->bytes, size, err));
    FK_DO(FK_ALLOC(&blocks, fk_digest_count(size), err));
    fk_watch_stage(watch, "read", size);
    FK_DO(read_file(&r->file, memory, r->bytes, blocks, threads, watch, err));
    FK_DO(fk_st_read_header(r, r->bytes, (size_t)size, err));
    FK_DO(check_digest(r, blocks, err));
    *out = r;
    r = NULL;
done:
    fk_free(blocks);
    fk_st_close(&r);
    return st;
}

fleck_status fk_st_open_with(fk_st_reader **out, const char *path, int threads, fk_watch *watch,
                             fleck_error *err)
{
    return open_whole(out, path, NULL, 0, threads, watch, err);
}

fleck_status fk_st_open_copy(fk_st_reader **out, const void *bytes, size_t size, const char *name,
                             int threads, fk_watch *watch, fleck_error *err)
{
    return open_whole(out, name, bytes, (int64_t)size, threads, watch, err);
}

fleck_status fk_st_open(fk_st_reader **out, const char *path, fleck_error *err)
{
    return fk_st_open_with(out, path, 1, NULL, err);
}

void fk_st_release(fk_st_reader *r)
{
    if (r->bytes == NULL || r->file.fd < 0 || r->file.stamp.size < FK_LARGE)
        return;
    fk_large_drop(r->bytes, r->file.stamp.size);
    r->released = true;
}

static fleck_status restore(fk_st_reader *r, fleck_error *err)
{
    char before[FK_DIGEST_TEXT];
    fk_digest *blocks = NULL;
    fleck_status st = FLECK_OK;

    if (!r->released)
        return FLECK_OK;
    memcpy(before, r->digest, sizeof before);
    FK_DO(FK_ALLOC(&blocks, fk_digest_count(r->file.stamp.size), err));
    FK_DO(fk_large_back(r->bytes, r->file.stamp.size, err));
    st = read_file(&r->file, NULL, r->bytes, blocks, r->threads, NULL, err);
    if (st == FLECK_OK)
        st = check_digest(r, blocks, err);
    if (st == FLECK_E_CHECKSUM || (st == FLECK_OK && strcmp(before, r->digest) != 0))
        st = FLECK_E_IO;
    if (st == FLECK_OK)
        r->released = false;
    else
        fk_large_drop(r->bytes, r->file.stamp.size);
    if (st == FLECK_E_IO)
        st = fk_error_set(err, FLECK_E_STATE, "%s: the file has changed since it was read first",
                          r->name);
done:
    fk_free(blocks);
    return st;
}

fleck_status fk_st_restore(fk_st_reader *r, fleck_error *err)
{
    fleck_status st;

    pthread_mutex_lock(&r->lock);
    st = restore(r, err);
    pthread_mutex_unlock(&r->lock);
    return st;
}

fk_stamp fk_st_stamp(const fk_st_reader *r)
{
    return r->file.stamp;
}

const char *fk_st_digest(const fk_st_reader *r)
{
    return r->digest;
}

bool fk_st_has_checksum(const fk_st_reader *r)
{
    return r->digest[0] != '\0' && fk_st_metadata(r, FK_ST_CHECKSUM) != NULL;
}
