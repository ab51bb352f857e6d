/* SPDX-License-Identifier: Apache-2.0 */
/* bf16 to float: a bf16 is the upper half of a float. */
#include "base/clones.h"
#include "linalg/linalg.h"

#include <string.h>

FK_CLONES void fk_linalg_expand(float *restrict out, const uint16_t *restrict in, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)in[i] << 16;

        memcpy(out + i, &bits, sizeof bits);
    }
}
