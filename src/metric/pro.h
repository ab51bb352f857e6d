/* SPDX-License-Identifier: Apache-2.0 */
/* PRO: the mean overlap of defective regions, averaged over low false-positive rates. */
#ifndef FK_METRIC_PRO_H
#define FK_METRIC_PRO_H

#include "base/error.h"

/* What one region has gathered. */
typedef struct fk_pro_region {
    int64_t area;       /* its pixels */
    int64_t inside;     /* pixels found before the limit */
    int64_t twice_late; /* sum over these of (false positives above them) + (and equal to them) */
    int64_t edge;       /* pixels of the one score at which the limit is crossed */
} fk_pro_region;

/* The limit, and the score that crosses it. */
typedef struct fk_pro {
    double limit; /* in false positives: FPR limit * good pixels; > 0 */
    int64_t edge_above, edge_equal;
} fk_pro;

/* Where a score lies that has `above` good pixels above it and `equal` equal to it. */
typedef enum fk_pro_place { FK_PRO_INSIDE, FK_PRO_EDGE, FK_PRO_OUTSIDE } fk_pro_place;

/* Place of a score; remembers the edge.  At most one distinct score is the edge. */
fk_pro_place fk_pro_begin_score(fk_pro *pro, int64_t above, int64_t equal);

/* PRO from all regions, in [0, 1]; NaN without a region.  Does not depend on their order. */
fleck_status fk_pro_finish(const fk_pro *pro, const fk_pro_region *regions, int64_t n, double *out,
                           fleck_error *err) FLECK_MUST_CHECK;

#endif
