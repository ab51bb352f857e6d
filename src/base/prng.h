/* SPDX-License-Identifier: Apache-2.0 */
/* A small seeded generator whose sequence is part of fleck's formats: it never changes. */
#ifndef FK_BASE_PRNG_H
#define FK_BASE_PRNG_H

#include <stdint.h>

/* xoshiro256** 1.0 (Blackman and Vigna 2018), state filled by splitmix64 from the seed. */
typedef struct fk_prng {
    uint64_t s[4];
} fk_prng;

void fk_prng_seed(fk_prng *g, uint64_t seed);
uint64_t fk_prng_next(fk_prng *g);
/* Uniform in [0, 1), 53 bits. */
double fk_prng_uniform(fk_prng *g);
/* Uniform integer in [0, n), n > 0, without modulo bias. */
int64_t fk_prng_below(fk_prng *g, int64_t n);
/* Standard normal, Marsaglia's polar method; one value a call. */
double fk_prng_normal(fk_prng *g);

/* One step of splitmix64 as a hash of x: the same bits on every machine. */
uint64_t fk_prng_hash(uint64_t x);

#endif
