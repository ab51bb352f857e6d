/* SPDX-License-Identifier: Apache-2.0 */
/* A sample of patches that does not depend on the order in which they come. */
#ifndef FK_METHOD_PATCHCORE_RESERVOIR_H
#define FK_METHOD_PATCHCORE_RESERVOIR_H

#include "base/error.h"

/* Of all patches that were offered the `room` whose keys are smallest, each only once.  A patch's
 * key is a hash of its own numbers: the sample is as good as random, and neither names nor the
 * order of images have a part in it (bottom-k sampling, Cohen and Kaplan 2007).  Valid when zeroed;
 * owned.
 *
 * Memory: 2 room (8 D + 40) bytes at most. */
typedef struct fk_reservoir {
    int64_t dim, room, n;
    int64_t reserved; /* patches that there is memory for */
    float *rows;      /* [n, D] */
    int64_t *images;  /* [n] */
    uint64_t *keys;   /* [n] */
    uint64_t limit;   /* a patch whose key is not below it is surely not among the smallest */
} fk_reservoir;

void fk_reservoir_init(fk_reservoir *r, int64_t dim, int64_t room);
/* Empty again, and without memory. */
void fk_reservoir_free(fk_reservoir *r);

/* Offer n patches x [n, D] of one image; valid is NULL, or [n]: 0 where a patch is not offered.  On
 * failure some of them may have been taken.  Cost: one hash a patch. */
fleck_status fk_reservoir_offer(fk_reservoir *r, const float *x, const uint8_t *valid, int64_t n,
                                int64_t image, fleck_error *err) FLECK_MUST_CHECK;
/* Offer what other holds, of images counted from `first` on. */
fleck_status fk_reservoir_join(fk_reservoir *r, const fk_reservoir *other, int64_t first,
                               fleck_error *err) FLECK_MUST_CHECK;
/* Keep the room smallest, sorted by key. */
fleck_status fk_reservoir_settle(fk_reservoir *r, fleck_error *err) FLECK_MUST_CHECK;

/* Bytes that it takes at most. */
int64_t fk_reservoir_bytes(int64_t dim, int64_t room);

#endif
