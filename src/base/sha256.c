/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256: the compression function of FIPS 180-4 over 64-byte blocks.
 *
 * The message is padded with one 1 bit, zeros, and its length in bits as 64 bits big endian, to a
 * multiple of 512 bits.  Each block M extends to 64 words
 *
 *   w[t] = M[t]                                              t < 16
 *   w[t] = s1(w[t-2]) + w[t-7] + s0(w[t-15]) + w[t-16]       t >= 16
 *
 * and 64 rounds mix them into the state a..h:
 *
 *   t1 = h + S1(e) + Ch(e, f, g) + k[t] + w[t],  t2 = S0(a) + Maj(a, b, c)
 *   h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2
 *
 * k[t] are the first 32 bits of the fractions of the cube roots of the first 64 primes, and the
 * first state those of the square roots of the first 8. */
#include "base/sha256.h"
#include "base/file.h"

#include <string.h>

static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static void extend(uint32_t w[64], const uint8_t *block)
{
    for (int t = 0; t < 16; t++)
        w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 |
               (uint32_t)block[4 * t + 2] << 8 | block[4 * t + 3];
    for (int t = 16; t < 64; t++) {
        uint32_t s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3;
        uint32_t s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10;

        w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
}

/* One round.  Only d and h get new values; the caller renames a..h. */
static inline void mix(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e, uint32_t f,
                       uint32_t g, uint32_t *h, uint32_t kw)
{
    uint32_t big1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    uint32_t big0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    uint32_t t1 = *h + big1 + ((e & f) ^ (~e & g)) + kw;

    *d += t1;
    *h = t1 + big0 + ((a & b) ^ (a & c) ^ (b & c));
}

static void compress(uint32_t state[8], const uint8_t *block)
{
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    uint32_t w[64];

    extend(w, block);
    for (int t = 0; t < 64; t += 8) {
        mix(a, b, c, &d, e, f, g, &h, k[t] + w[t]);
        mix(h, a, b, &c, d, e, f, &g, k[t + 1] + w[t + 1]);
        mix(g, h, a, &b, c, d, e, &f, k[t + 2] + w[t + 2]);
        mix(f, g, h, &a, b, c, d, &e, k[t + 3] + w[t + 3]);
        mix(e, f, g, &h, a, b, c, &d, k[t + 4] + w[t + 4]);
        mix(d, e, f, &g, h, a, b, &c, k[t + 5] + w[t + 5]);
        mix(c, d, e, &f, g, h, a, &b, k[t + 6] + w[t + 6]);
        mix(b, c, d, &e, f, g, h, &a, k[t + 7] + w[t + 7]);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
}

void fk_sha256_begin(fk_sha256 *s)
{
    static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    memcpy(s->state, first, sizeof first);
    s->length = 0;
}

void fk_sha256_add(fk_sha256 *s, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    size_t held = (size_t)(s->length % sizeof s->block);

    s->length += size;
    while (size > 0) {
        size_t n = sizeof s->block - held;

        if (held == 0 && size >= sizeof s->block) {
            compress(s->state, from);
            n = sizeof s->block;
        } else {
            n = n < size ? n : size;
            memcpy(s->block + held, from, n);
            held += n;
            if (held == sizeof s->block) {
                compress(s->state, s->block);
                held = 0;
            }
        }
        from += n;
        size -= n;
    }
}

void fk_sha256_finish(fk_sha256 *s, char out[FK_SHA256_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    static const uint8_t padding[64] = {0x80};
    uint64_t bits = s->length * 8;
    size_t held = (size_t)(s->length % 64);
    uint8_t tail[8];

    fk_sha256_add(s, padding, held < 56 ? 56 - held : 120 - held);
    for (int i = 0; i < 8; i++)
        tail[i] = (uint8_t)(bits >> (56 - 8 * i));
    fk_sha256_add(s, tail, sizeof tail);
    for (int i = 0; i < 64; i++)
        out[i] = digits[s->state[i / 8] >> (28 - 4 * (i % 8)) & 15];
    out[64] = '\0';
}

void fk_sha256_text(const void *bytes, size_t size, char out[FK_SHA256_TEXT])
{
    fk_sha256 s;

    fk_sha256_begin(&s);
    fk_sha256_add(&s, bytes, size);
    fk_sha256_finish(&s, out);
}

fleck_status fk_sha256_file(const char *path, char out[FK_SHA256_TEXT], fleck_error *err)
{
    fk_contents file;
    fleck_status st = fk_contents_read(&file, path, 0, err);

    out[0] = '\0';
    if (st != FLECK_OK)
        return st;
    fk_sha256_text(file.data, file.size, out);
    fk_contents_free(&file);
    return FLECK_OK;
}
