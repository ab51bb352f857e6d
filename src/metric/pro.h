/* SPDX-License-Identifier: Apache-2.0 */
/* PRO: the per-region overlap, averaged over regions and over false-positive rates up to a
 * limit. */
#ifndef FK_METRIC_PRO_H
#define FK_METRIC_PRO_H

#include "base/error.h"

/* Counts of one region (pro.c). */
typedef struct fk_pro_region {
    int64_t area;       /* pixels */
    int64_t inside;     /* pixels found before the limit */
    int64_t twice_late; /* sum over these of 2 * (good pixels above) + (good pixels equal) */
    int64_t edge;       /* pixels with the score at which the limit is crossed */
} fk_pro_region;

/* The limit, and the numbers of good pixels above and at the score that crosses it. */
typedef struct fk_pro {
    double limit; /* as a number of good pixels: FPR limit * good pixels; > 0 */
    int64_t edge_above, edge_equal;
} fk_pro;

/* Where a score lies relative to the limit. */
typedef enum fk_pro_place { FK_PRO_INSIDE, FK_PRO_EDGE, FK_PRO_OUTSIDE } fk_pro_place;

/* The place of a score that has `above` good pixels above it and `equal` good pixels equal to it.
 * At most one distinct score is the edge; it is stored in pro. */
fk_pro_place fk_pro_begin_score(fk_pro *pro, int64_t above, int64_t equal);

/* PRO of all regions, in [0, 1]; NaN without a region.  It does not depend on their order. */
fleck_status fk_pro_finish(const fk_pro *pro, const fk_pro_region *regions, int64_t n, double *out,
                           fleck_error *err) FLECK_MUST_CHECK;

#endif
