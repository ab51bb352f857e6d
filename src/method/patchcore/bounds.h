/* SPDX-License-Identifier: Apache-2.0 */
/* What float products surely tell of distances, see bank.c. */
#ifndef FK_METHOD_PATCHCORE_BOUNDS_H
#define FK_METHOD_PATCHCORE_BOUNDS_H

#include <stdint.h>

#define FK_UNIT 0x1p-24
#define FK_MARGIN (1.0 + 1e-5) /* distances carry a relative error below 1e-6 */

/* Of squared lengths, what is surely there beside products of `dim` float terms. */
static inline double fk_sure_share(int64_t dim)
{
    return 1.0 - (2.0 * (double)dim + 16.0) * FK_UNIT;
}

#endif
