/* Digests that find damage at the speed of memory: XXH3 of 128 bits, over blocks.
 *
 * The digest of a file is the XXH3-128 of its blocks' XXH3-128s, canonical (big endian), one behind
 * the other.  Blocks are FK_DIGEST_BLOCK bytes, the last one less; so threads can share the work,
 * and the bytes are hashed while they are in the cache.  Nobody is kept from forging one: SHA-256
 * (base/sha256.h) is for that. */
#ifndef FK_BASE_DIGEST_H
#define FK_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define FK_DIGEST_BLOCK (INT64_C(256) << 10)
/* 32 hexadecimal digits and the terminator. */
#define FK_DIGEST_TEXT 33

/* Canonical bytes of one XXH3-128. */
typedef struct fk_digest {
    uint8_t bytes[16];
} fk_digest;

/* Of up to FK_DIGEST_BLOCK bytes: one block's. */
fk_digest fk_digest_block(const void *bytes, size_t size);
/* How many blocks so many bytes have. */
int64_t fk_digest_count(int64_t bytes);
/* The whole's, of its n blocks'. */
fk_digest fk_digest_join(const fk_digest *blocks, int64_t n);
void fk_digest_text(char out[FK_DIGEST_TEXT], fk_digest digest);

#endif
