/* Farthest-first traversal: few rows that leave none of many far away. */
#ifndef FK_METHOD_FARTHEST_H
#define FK_METHOD_FARTHEST_H

#include "base/pool.h"

/* Choose k of the rows x [n, d] (1 <= k <= n, asserted): the one farthest from the mean, then each
 * time the one farthest from all that are chosen (Gonzalez 1985: no row is farther from the chosen
 * than twice what is possible with k).  Of equal distances the first row.
 *
 *   chosen  [k] indices in the order of choosing
 *
 * The same bytes on any pool.  Cost: n k d multiply-adds.  Memory: 8 n bytes. */
fleck_status fk_farthest_first(int64_t *chosen, int64_t k, const float *x, int64_t n, int64_t d,
                               fk_pool *pool, fleck_error *err) FLECK_MUST_CHECK;

#endif
