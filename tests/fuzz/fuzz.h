/* SPDX-License-Identifier: Apache-2.0 */
/* What every fuzz target includes. */
#ifndef FK_FUZZ_H
#define FK_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* The target: called with each input; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Fail the input where something that must hold does not.  Not an assert: it counts in every build.
 */
static inline void fuzz_check(bool holds)
{
    if (!holds)
        abort();
}

/* Read every byte, so that a sanitizer sees one that is not there. */
static inline void fuzz_touch(const void *bytes, size_t size)
{
    volatile uint8_t sum = 0;

    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum ^ ((const uint8_t *)bytes)[i]);
}

#endif
