/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: every heap block of the library is allocated here, and every size is checked. */
#ifndef FK_BASE_MEM_H
#define FK_BASE_MEM_H

#include "base/error.h"

/* *out = a * b; false if that does not fit or a factor is negative. */
bool fk_mul_fits(int64_t a, int64_t b, int64_t *out);

/* Allocate count elements of size bytes, aligned to 64 bytes.  count may be 0, which gives a valid
 * block.  fk_alloc leaves the bytes undefined, fk_calloc zeroes them.  On failure *out is NULL and
 * the status is FLECK_E_NOMEM. */
fleck_status fk_alloc(void **out, int64_t count, size_t size, fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_calloc(void **out, int64_t count, size_t size, fleck_error *err) FLECK_MUST_CHECK;

/* Grow *block from old_count to new_count elements (new_count >= old_count).  On failure *block
 * is as it was. */
fleck_status fk_grow(void **block, int64_t old_count, int64_t new_count, size_t size,
                     fleck_error *err) FLECK_MUST_CHECK;

/* Free a block of the functions above; NULL is legal. */
void fk_free(void *block);

/* The same for a block that may be large, such as a file's bytes.  From FK_LARGE bytes on it has
 * pages of its own, huge pages if the system has them.  These cause a tenth of the page faults, and
 * go back to the system when they are freed.  fk_alloc_large leaves the bytes undefined,
 * fk_calloc_large zeroes them. */
#define FK_LARGE (INT64_C(4) << 20)
fleck_status fk_alloc_large(void **out, int64_t bytes, fleck_error *err) FLECK_MUST_CHECK;
fleck_status fk_calloc_large(void **out, int64_t bytes, fleck_error *err) FLECK_MUST_CHECK;
/* Free such a block; bytes is its size.  NULL is legal. */
void fk_free_large(void *block, int64_t bytes);

/* Give the memory of a block of at least FK_LARGE bytes back to the system, but keep its address.
 * fk_large_back() makes it usable again, with undefined bytes.  Access in between ends the process.
 * A smaller block stays as it is. */
void fk_large_drop(void *block, int64_t bytes);
fleck_status fk_large_back(void *block, int64_t bytes, fleck_error *err) FLECK_MUST_CHECK;

/* Give freed memory back to the system, if the C library can. */
void fk_mem_trim(void);

/* Typed front ends: FK_ALLOC(&p, n, err) for `float *p`. */
#define FK_ALLOC(ptr, count, err) fk_alloc((void **)(ptr), (count), sizeof **(ptr), (err))
#define FK_CALLOC(ptr, count, err) fk_calloc((void **)(ptr), (count), sizeof **(ptr), (err))

/* For tests: make the n-th allocation from now fail (1 is the next), once; 0 switches this off.
 * Returns the number of allocations since the last call. */
int64_t fk_mem_fail_at(int64_t n);

/* Whether the process can get that many bytes of address space more.  For libraries that hang or
 * end the process if they get none. */
bool fk_addresses_left(size_t bytes);

#endif
