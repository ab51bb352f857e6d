/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4), to verify downloads and to name the source of weights. */
#ifndef FK_BASE_SHA256_H
#define FK_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* 64 hexadecimal digits and the terminator. */
#define FK_SHA256_TEXT 65

/* A running sum.  The struct owns no memory. */
typedef struct fk_sha256 {
    uint32_t state[8];
    uint64_t length;   /* bytes so far */
    uint8_t block[64]; /* the bytes that do not fill a block yet */
} fk_sha256;

void fk_sha256_begin(fk_sha256 *s);
void fk_sha256_add(fk_sha256 *s, const void *bytes, size_t size);
/* The sum as 64 lower-case digits.  s needs fk_sha256_begin() before it can be used again. */
void fk_sha256_finish(fk_sha256 *s, char out[FK_SHA256_TEXT]);

/* The sum of one block of bytes. */
void fk_sha256_text(const void *bytes, size_t size, char out[FK_SHA256_TEXT]);
/* The sum of the file at path. */
fleck_status fk_sha256_file(const char *path, char out[FK_SHA256_TEXT],
                            fleck_error *err) FLECK_MUST_CHECK;

#endif
