/* SPDX-License-Identifier: Apache-2.0 */
/* A small seeded generator: xoshiro256** seeded by splitmix64. */
#include "base/prng.h"

#include <math.h>

uint64_t fk_prng_hash(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

void fk_prng_seed(fk_prng *g, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        g->s[i] = fk_prng_hash(seed + (uint64_t)i * 0x9e3779b97f4a7c15u);
}

static uint64_t rotate(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t fk_prng_next(fk_prng *g)
{
    uint64_t result = rotate(g->s[1] * 5, 7) * 9;
    uint64_t t = g->s[1] << 17;

    g->s[2] ^= g->s[0];
    g->s[3] ^= g->s[1];
    g->s[1] ^= g->s[2];
    g->s[0] ^= g->s[3];
    g->s[2] ^= t;
    g->s[3] = rotate(g->s[3], 45);
    return result;
}

double fk_prng_uniform(fk_prng *g)
{
    return (double)(fk_prng_next(g) >> 11) * 0x1.0p-53;
}

int64_t fk_prng_below(fk_prng *g, int64_t n)
{
    uint64_t range = (uint64_t)n, limit = UINT64_MAX - UINT64_MAX % range, x;

    do
        x = fk_prng_next(g);
    while (x >= limit);
    return (int64_t)(x % range);
}

double fk_prng_normal(fk_prng *g)
{
    double u, v, s;

    do {
        u = 2.0 * fk_prng_uniform(g) - 1.0;
        v = 2.0 * fk_prng_uniform(g) - 1.0;
        s = u * u + v * v;
    } while (s >= 1.0 || s == 0.0);
    return u * sqrt(-2.0 * log(s) / s);
}
