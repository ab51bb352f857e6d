/* SPDX-License-Identifier: Apache-2.0 */
/* The level of a map at which a photo's defects are outlined. */
#ifndef FK_METRIC_OUTLINE_H
#define FK_METRIC_OUTLINE_H

#include "base/error.h"

/* Share of what is outlined that good pixels may make up by chance. */
#define FK_OUTLINE_CHANCE 0.3
/* Of the height of the peak above the median, what an outline reaches at least. */
#define FK_OUTLINE_HEIGHT 0.2

/* The lowest level of map [n], from its median up, above which chance makes up at most
 * FK_OUTLINE_CHANCE of the pixels, but no less than FK_OUTLINE_HEIGHT of the way from the median to
 * the peak; NaN where chance may make up more of them everywhere.  Values of 0 are left out, as
 * they are masked.
 *
 *   points  [n_points], n_points >= 1, rising: good pixels are above points[k] with probability
 *           2^(-k / 4)
 *
 * Cost: a few passes; 16 bytes a pixel while it runs. */
fleck_status fk_outline_level(double *level, const float *map, int64_t n, const double *points,
                              int64_t n_points, fleck_error *err) FLECK_MUST_CHECK;

#endif
