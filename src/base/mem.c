/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: checked, aligned allocation with a switch that makes the n-th one fail. */
#define _GNU_SOURCE
#include "base/mem.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT 64
/* A whole number of huge pages begins at one: the kernel aligns no other mapping. */
#define HUGE_PAGE ((size_t)2 << 20)

static _Atomic int64_t asked;
static _Atomic int64_t fail_at;

bool fk_mul_fits(int64_t a, int64_t b, int64_t *out)
{
    int64_t product;

    if (a < 0 || b < 0 || __builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}

int64_t fk_mem_fail_at(int64_t n)
{
    atomic_store(&fail_at, n);
    return atomic_exchange(&asked, 0);
}

/* Count an allocation; false if it is the one that a test wants to fail. */
static bool may_allocate(void)
{
    int64_t turn = atomic_fetch_add(&asked, 1) + 1;
    int64_t failing = atomic_load(&fail_at);

    return failing == 0 || turn != failing;
}

static fleck_status no_memory(int64_t bytes, fleck_error *err)
{
    return fk_error_set(err, FLECK_E_NOMEM, "out of memory: %lld bytes", (long long)bytes);
}

fleck_status fk_alloc(void **out, int64_t count, size_t size, fleck_error *err)
{
    int64_t bytes;
    bool may = may_allocate();

    *out = NULL;
    if (!fk_mul_fits(count, (int64_t)size, &bytes) || bytes > INT64_MAX - ALIGNMENT)
        return fk_error_set(err, FLECK_E_NOMEM, "%lld elements of %zu bytes do not fit",
                            (long long)count, size);
    bytes = (bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    if (may)
        *out = aligned_alloc(ALIGNMENT, (size_t)bytes);
    if (*out == NULL)
        return no_memory(bytes, err);
    return FLECK_OK;
}

fleck_status fk_calloc(void **out, int64_t count, size_t size, fleck_error *err)
{
    fleck_status st = fk_alloc(out, count, size, err);

    if (st == FLECK_OK)
        memset(*out, 0, (size_t)count * size);
    return st;
}

fleck_status fk_grow(void **block, int64_t old_count, int64_t new_count, size_t size,
                     fleck_error *err)
{
    void *larger = NULL;
    fleck_status st = fk_alloc(&larger, new_count, size, err);

    if (st != FLECK_OK)
        return st;
    if (*block != NULL && old_count > 0)
        memcpy(larger, *block, (size_t)old_count * size);
    fk_free(*block);
    *block = larger;
    return FLECK_OK;
}

void fk_free(void *block)
{
    free(block);
}

/* Bytes that a block of bytes >= FK_LARGE maps. */
static size_t mapped(int64_t bytes)
{
    return ((size_t)bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

fleck_status fk_alloc_large(void **out, int64_t bytes, fleck_error *err)
{
    void *block;

    if (bytes < FK_LARGE)
        return fk_alloc(out, bytes, 1, err);
    *out = NULL;
    block = may_allocate() ? mmap(NULL, mapped(bytes), PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                           : MAP_FAILED;
    if (block == MAP_FAILED)
        return no_memory(bytes, err);
#ifdef MADV_HUGEPAGE
    (void)madvise(block, mapped(bytes), MADV_HUGEPAGE); /* a hint */
#endif
    *out = block;
    return FLECK_OK;
}

fleck_status fk_calloc_large(void **out, int64_t bytes, fleck_error *err)
{
    /* Pages of one's own are zero. */
    return bytes < FK_LARGE ? fk_calloc(out, bytes, 1, err) : fk_alloc_large(out, bytes, err);
}

void fk_free_large(void *block, int64_t bytes)
{
    if (block != NULL && bytes >= FK_LARGE)
        munmap(block, mapped(bytes));
    else
        fk_free(block);
}

void fk_large_drop(void *block, int64_t bytes)
{
    if (bytes < FK_LARGE)
        return;
    (void)mprotect(block, mapped(bytes), PROT_NONE);
    (void)madvise(block, mapped(bytes), MADV_DONTNEED);
}

fleck_status fk_large_back(void *block, int64_t bytes, fleck_error *err)
{
    if (bytes >= FK_LARGE && mprotect(block, mapped(bytes), PROT_READ | PROT_WRITE) != 0)
        return no_memory(bytes, err);
    return FLECK_OK;
}

void fk_mem_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

bool fk_addresses_left(size_t bytes)
{
    void *room = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return room != MAP_FAILED && munmap(room, bytes) == 0;
}
