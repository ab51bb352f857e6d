/* SPDX-License-Identifier: Apache-2.0 */
/* Floating-point numbers as unsigned integers of the same order (keys), and sorting of keys. */
#ifndef FK_METRIC_KEYS_H
#define FK_METRIC_KEYS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Keys compare like the numbers: a < b exactly if key(a) < key(b), and -0 has the key of 0.  IEEE
 * numbers of one sign are ordered like their bits, so the order of negative numbers is reversed and
 * they are placed below the others.  NaN has no place in this order. */
static inline uint32_t fk_key_from_f32(float value)
{
    uint32_t bits;

    value += 0.0f; /* -0 + 0 is 0 */
    memcpy(&bits, &value, sizeof bits);
    return bits ^ ((bits >> 31) != 0 ? UINT32_C(0xffffffff) : UINT32_C(0x80000000));
}

static inline float fk_f32_from_key(uint32_t key)
{
    uint32_t bits = key ^ ((key >> 31) != 0 ? UINT32_C(0x80000000) : UINT32_C(0xffffffff));
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint64_t fk_key_from_f64(double value)
{
    uint64_t bits;

    value += 0.0;
    memcpy(&bits, &value, sizeof bits);
    return bits ^ ((bits >> 63) != 0 ? UINT64_C(0xffffffffffffffff) : UINT64_C(0x8000000000000000));
}

static inline double fk_f64_from_key(uint64_t key)
{
    uint64_t bits =
        key ^ ((key >> 63) != 0 ? UINT64_C(0x8000000000000000) : UINT64_C(0xffffffffffffffff));
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Sort n keys in ascending order, with scratch [n].  Returns where the sorted keys are: keys or
 * scratch.  Cost: 3 passes. */
uint32_t *fk_keys_sort32(uint32_t *keys, uint32_t *scratch, int64_t n);

/* The same for 64 bits.  Only bits first_bit to 63 are compared; the sort is stable.  Cost: one
 * pass for each 11 bits; a pass whose bits are all equal moves nothing. */
uint64_t *fk_keys_sort64(uint64_t *keys, uint64_t *scratch, int64_t n, int first_bit);

#endif
