/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reader of raw frames: a media type up to the first zero byte, then the pixels.  A
 * frame that is accepted becomes a PNM file; its size is checked. */
#include "fuzz.h"
#include "../../serve/api_inspect.c" /* NOLINT: its readers are static */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
    fleck_pixels pixels;
    fleck_error err = {0};
    unsigned char *pnm;
    sv_part part = {0};
    size_t n = 0;

    if (zero == NULL)
        return 0;
    /* In memory of their own, so that a sanitizer sees their ends. */
    part.type = strdup((const char *)data);
    part.size = size - (size_t)(zero + 1 - data);
    part.data = malloc(part.size + 1);
    if (part.type != NULL && part.data != NULL) {
        memcpy(part.data, zero + 1, part.size);
        part.data[part.size] = '\0';
        (void)is_raw(part.type);
        if (raw_pixels(&pixels, &part, &err)) {
            pnm = sv_pnm_encode(&pixels, &n);
            fuzz_check(pnm == NULL || (n > part.size && n <= part.size + 64 && pnm[0] == 'P'));
            if (pnm != NULL)
                fuzz_touch(pnm, n);
            free(pnm);
        } else {
            fuzz_check(err.status != FLECK_OK && err.message[0] != '\0');
        }
    }
    free(part.type);
    free(part.data);
    return 0;
}
