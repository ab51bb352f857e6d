/* SPDX-License-Identifier: Apache-2.0 */
/* Digests: XXH3 of 128 bits, through libxxhash. */
#include "base/digest.h"

#include <string.h>
#ifdef FLECK_WITH_XXH_DISPATCH
#include <xxh_x86dispatch.h> /* XXH3_128bits() for the processor's vectors, the same digest */
#else
#include <xxhash.h>
#endif

static fk_digest hash(const void *bytes, size_t size)
{
    XXH128_canonical_t canonical;
    fk_digest out;

    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, size));
    memcpy(out.bytes, canonical.digest, sizeof out.bytes);
    return out;
}

fk_digest fk_digest_block(const void *bytes, size_t size)
{
    return hash(bytes, size);
}

int64_t fk_digest_count(int64_t bytes)
{
    return bytes / FK_DIGEST_BLOCK + (bytes % FK_DIGEST_BLOCK != 0);
}

fk_digest fk_digest_join(const fk_digest *blocks, int64_t n)
{
    return hash(blocks, (size_t)n * sizeof *blocks);
}

void fk_digest_text(char out[FK_DIGEST_TEXT], fk_digest digest)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < sizeof digest.bytes; i++) {
        out[2 * i] = digits[digest.bytes[i] >> 4];
        out[2 * i + 1] = digits[digest.bytes[i] & 15];
    }
    out[FK_DIGEST_TEXT - 1] = '\0';
}
