/* SPDX-License-Identifier: Apache-2.0 */
/* Several arrays laid out in one block: once without the block, to learn its size, then in it. */
#ifndef FK_BASE_CARVE_H
#define FK_BASE_CARVE_H

#include <stddef.h>
#include <stdint.h>

/* Initialised with {.base = block}, a 64-byte aligned block, or with {0} to get only the size. */
typedef struct fk_carver {
    char *base;
    size_t used; /* bytes so far, a multiple of 64 */
} fk_carver;

/* The next count elements of size bytes, 64-byte aligned; NULL without a block.  The caller knows
 * that they fit. */
static inline void *fk_carve(fk_carver *c, int64_t count, size_t size)
{
    size_t at = c->used;

    c->used += ((size_t)count * size + 63) / 64 * 64;
    return c->base != NULL ? c->base + at : NULL;
}

/* Typed front end: FK_CARVE(&c, l->values, n) for `float *values`. */
#define FK_CARVE(carver, ptr, count) ((ptr) = fk_carve((carver), (count), sizeof *(ptr)))

#endif
