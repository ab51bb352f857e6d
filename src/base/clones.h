/* SPDX-License-Identifier: Apache-2.0 */
/* FK_CLONES: compile a function for several x86 vector widths.  The loader chooses one at start.
 *
 * The clones give the same bytes: they differ only in how many elements they compute at once, since
 * fleck is compiled without contraction and without reordering of sums. */
#ifndef FK_BASE_CLONES_H
#define FK_BASE_CLONES_H

#include <stdint.h> /* defines __GLIBC__ if this header comes first */

#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__AVX2__) && !defined(__clang__) &&      \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define FK_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FK_CLONES
#endif

/* For functions that clones call: they must be compiled into each clone. */
#define FK_INLINE static inline __attribute__((always_inline))

#endif
