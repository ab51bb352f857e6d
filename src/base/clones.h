/* FK_CLONES: compile a function for several x86 vector widths; the loader picks one at start.
 *
 * The clones compute the same bytes: they differ in how many elements go through at once, and
 * neither contraction nor reordering of sums is allowed anywhere in fleck. */
#ifndef FK_BASE_CLONES_H
#define FK_BASE_CLONES_H

#include <stdint.h> /* with glibc says so, wherever this header comes first */

#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__AVX2__) && !defined(__clang__) &&      \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define FK_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FK_CLONES
#endif

/* For what is called from clones and must be compiled along with each, or must not be called at
 * all. */
#define FK_INLINE static inline __attribute__((always_inline))

#endif
