/* SPDX-License-Identifier: Apache-2.0 */
/* Random samples without replacement, with the same numbers as Python's random module.
 *
 * The generator is MT19937 (Matsumoto and Nishimura 1998) seeded by the array of the seed's 32-bit
 * words.  A number below n is the top bits(n) bits of one output, drawn again until it is below n.
 * sample() has two algorithms and uses the one that needs less memory in Python: for small n the
 * first k steps of a shuffle of a list of all n; for large n single draws, repeated if a number was
 * drawn before. */
#include "features/sample.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

#define WORDS 624

typedef struct twister {
    uint32_t word[WORDS];
    int next;
} twister;

static void seed_by_number(twister *t, uint32_t seed)
{
    t->word[0] = seed;
    for (int i = 1; i < WORDS; i++)
        t->word[i] = 1812433253u * (t->word[i - 1] ^ (t->word[i - 1] >> 30)) + (uint32_t)i;
    t->next = WORDS;
}

/* Seed by init_by_array of the generator's authors, with the one or two words of seed. */
static void seed_by_words(twister *t, uint64_t seed)
{
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, *w = t->word;
    int n_key = key[1] != 0 ? 2 : 1, i = 1, j = 0;

    seed_by_number(t, 19650218u);
    for (int step = 0; step < WORDS; step++) {
        w[i] = (w[i] ^ ((w[i - 1] ^ (w[i - 1] >> 30)) * 1664525u)) + key[j] + (uint32_t)j;
        j = (j + 1) % n_key;
        if (++i == WORDS) {
            w[0] = w[WORDS - 1];
            i = 1;
        }
    }
    for (int step = 0; step < WORDS - 1; step++) {
        w[i] = (w[i] ^ ((w[i - 1] ^ (w[i - 1] >> 30)) * 1566083941u)) - (uint32_t)i;
        if (++i == WORDS) {
            w[0] = w[WORDS - 1];
            i = 1;
        }
    }
    w[0] = 0x80000000u;
}

static void refill(twister *t)
{
    for (int i = 0; i < WORDS; i++) {
        uint32_t y = (t->word[i] & 0x80000000u) | (t->word[(i + 1) % WORDS] & 0x7fffffffu);

        t->word[i] = t->word[(i + 397) % WORDS] ^ (y >> 1) ^ ((y & 1u) != 0 ? 0x9908b0dfu : 0u);
    }
    t->next = 0;
}

static uint32_t next_word(twister *t)
{
    uint32_t y;

    if (t->next == WORDS)
        refill(t);
    y = t->word[t->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

static int64_t below(twister *t, int64_t n)
{
    int bits = 0;
    int64_t r;

    while (n >> bits != 0)
        bits++;
    do
        r = (int64_t)(next_word(t) >> (32 - bits));
    while (r >= n);
    return r;
}

/* Whether Python would shuffle a list of all n. */
static bool lists_all(int64_t n, int64_t k)
{
    int64_t set_size = 21, power = 1;

    if (k > 5) {
        while (power < 3 * k) /* 4 ^ ceil(log4(3 k)); 3 k is no power of 4 */
            power *= 4;
        set_size += power;
    }
    return n <= set_size;
}

fleck_status fk_sample_python(int64_t *out, int64_t k, int64_t n, uint64_t seed, fleck_error *err)
{
    twister t;
    int64_t *pool = NULL;
    uint8_t *drawn = NULL;
    fleck_status st;

    assert(0 <= k && k <= n && n <= INT64_C(1) << 31);
    seed_by_words(&t, seed);
    if (lists_all(n, k)) {
        FK_DO(FK_ALLOC(&pool, n, err));
        for (int64_t i = 0; i < n; i++)
            pool[i] = i;
        for (int64_t i = 0; i < k; i++) {
            int64_t j = below(&t, n - i);

            out[i] = pool[j];
            pool[j] = pool[n - i - 1];
        }
    } else {
        FK_DO(FK_CALLOC(&drawn, n, err));
        for (int64_t i = 0; i < k; i++) {
            do
                out[i] = below(&t, n);
            while (drawn[out[i]] != 0);
            drawn[out[i]] = 1;
        }
    }
done:
    fk_free(pool);
    fk_free(drawn);
    return st;
}
