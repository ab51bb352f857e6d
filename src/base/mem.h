/* Memory: every heap block of the library goes through here, every size is checked. */
#ifndef FK_BASE_MEM_H
#define FK_BASE_MEM_H

#include "base/error.h"

/* *out = a * b; false where that does not fit (negative factors never fit). */
bool fk_mul_fits(int64_t a, int64_t b, int64_t *out);

/* Allocate count elements of size bytes, 64-byte aligned.  count may be 0 (a valid block is
 * returned).  fk_alloc leaves the bytes undefined, fk_calloc zeroes them.  On failure *out is
 * NULL and the status is FLECK_E_NOMEM. */
fleck_status fk_alloc(void **out, int64_t count, size_t size, fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_calloc(void **out, int64_t count, size_t size, fleck_error *err) FLECK_MUST_CHECK;

/* Grow *block from old_count to new_count elements (new_count >= old_count).  On failure *block
 * is as it was. */
fleck_status fk_grow(void **block, int64_t old_count, int64_t new_count, size_t size,
                     fleck_error *err) FLECK_MUST_CHECK;

/* Free a block from above; NULL is legal. */
void fk_free(void *block);

/* The same for a block that may be large, such as a file's bytes: from FK_LARGE bytes on it lies in
 * pages of its own, large ones where the system has them.  Those cost a tenth of the faults, and go
 * back to the system when they are freed.  The bytes are undefined. */
#define FK_LARGE (INT64_C(4) << 20)
fleck_status fk_alloc_large(void **out, int64_t bytes, fleck_error *err) FLECK_MUST_CHECK;
/* Free it; bytes as it was allocated with.  NULL is legal. */
void fk_free_large(void *block, int64_t bytes);

/* Give a block of at least FK_LARGE bytes back to the system, whatever was in it, but keep its
 * address:
 * fk_large_back() makes it usable again, with undefined bytes.  What touches it in between ends the
 * process.  A smaller block stays as it is. */
void fk_large_drop(void *block, int64_t bytes);
fleck_status fk_large_back(void *block, int64_t bytes, fleck_error *err) FLECK_MUST_CHECK;

/* Give freed memory back to the system where the C library can: before much of another kind is
 * needed. */
void fk_mem_trim(void);

/* Typed front ends: FK_ALLOC(&p, n, err) for `float *p`. */
#define FK_ALLOC(ptr, count, err) fk_alloc((void **)(ptr), (count), sizeof **(ptr), (err))
#define FK_CALLOC(ptr, count, err) fk_calloc((void **)(ptr), (count), sizeof **(ptr), (err))

/* For tests: make the n-th allocation from now fail (1 is the next), once; 0 switches this off.
 * Returns how many allocations have been asked for since the last call. */
int64_t fk_mem_fail_at(int64_t n);

/* Whether the process may have that many bytes of addresses more.  For libraries that neither
 * return nor fail in order where they get none. */
bool fk_addresses_left(size_t bytes);

#endif
