/* SPDX-License-Identifier: Apache-2.0 */
/* Digests that find damage at the speed of memory: XXH3 of 128 bits, over blocks.
 *
 * The digest of a file is the XXH3-128 of the concatenated XXH3-128s of its blocks, each in
 * canonical form (big endian).  A block has FK_DIGEST_BLOCK bytes, the last one fewer.  So several
 * threads can hash, and each block is hashed while it is in the cache.  Such a digest can be
 * forged; SHA-256 (base/sha256.h) cannot. */
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

/* Digest of one block of up to FK_DIGEST_BLOCK bytes. */
fk_digest fk_digest_block(const void *bytes, size_t size);
/* Number of blocks of so many bytes. */
int64_t fk_digest_count(int64_t bytes);
/* Digest of a whole from those of its n blocks. */
fk_digest fk_digest_join(const fk_digest *blocks, int64_t n);
void fk_digest_text(char out[FK_DIGEST_TEXT], fk_digest digest);

#endif
