/* SPDX-License-Identifier: Apache-2.0 */
/* The level of a map at which a photo's defects are outlined. */
#ifndef FK_METRIC_OUTLINE_H
#define FK_METRIC_OUTLINE_H

#include "base/error.h"

/* The estimated fraction of the outlined pixels that may be good ones: a false discovery rate. */
#define FK_OUTLINE_CHANCE 0.3
/* The lowest level of an outline, as a fraction of the peak's height above the median. */
#define FK_OUTLINE_HEIGHT 0.2

/* Find the lowest level of map [n], at or above its median, at which at most FK_OUTLINE_CHANCE of
 * the pixels above are expected to be good ones; it is raised to FK_OUTLINE_HEIGHT of the way from
 * the median to the peak if it is lower.  NaN if there is no such level.  Values of 0 do not count:
 * they are masked.
 *
 *   points  [n_points], n_points >= 1, ascending: good pixels are above points[k] with probability
 *           2^(-k / 4)
 *
 * Cost: a few passes, and 16 bytes of memory a pixel. */
fleck_status fk_outline_level(double *level, const float *map, int64_t n, const double *points,
                              int64_t n_points, fleck_error *err) FLECK_MUST_CHECK;

#endif
