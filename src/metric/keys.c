/* SPDX-License-Identifier: Apache-2.0 */
/* Radix sort of keys, least significant digit first, 11 bits a pass. */
#include "metric/keys.h"

#include <stdbool.h>

#define DIGIT_BITS 11
#define DIGITS (1 << DIGIT_BITS)

/* Turn the counts of the digits into the index where each digit's keys begin.  False if one digit
 * has all n keys, so that the pass would move nothing. */
static bool counts_to_places(int64_t *count, int64_t n)
{
    int64_t place = 0;

    for (int d = 0; d < DIGITS; d++) {
        int64_t here = count[d];

        if (here == n)
            return false;
        count[d] = place;
        place += here;
    }
    return true;
}

uint32_t *fk_keys_sort32(uint32_t *keys, uint32_t *scratch, int64_t n)
{
    for (int shift = 0; shift < 32; shift += DIGIT_BITS) {
        int64_t count[DIGITS] = {0};
        uint32_t *swap = keys;

        for (int64_t i = 0; i < n; i++)
            count[keys[i] >> shift & (DIGITS - 1)]++;
        if (!counts_to_places(count, n))
            continue;
        for (int64_t i = 0; i < n; i++)
            scratch[count[keys[i] >> shift & (DIGITS - 1)]++] = keys[i];
        keys = scratch;
        scratch = swap;
    }
    return keys;
}

uint64_t *fk_keys_sort64(uint64_t *keys, uint64_t *scratch, int64_t n, int first_bit)
{
    for (int shift = first_bit; shift < 64; shift += DIGIT_BITS) {
        int64_t count[DIGITS] = {0};
        uint64_t *swap = keys;

        for (int64_t i = 0; i < n; i++)
            count[keys[i] >> shift & (DIGITS - 1)]++;
        if (!counts_to_places(count, n))
            continue;
        for (int64_t i = 0; i < n; i++)
            scratch[count[keys[i] >> shift & (DIGITS - 1)]++] = keys[i];
        keys = scratch;
        scratch = swap;
    }
    return keys;
}
