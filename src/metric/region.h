/* SPDX-License-Identifier: Apache-2.0 */
/* Regions: the connected parts of a map above a threshold, measured and outlined. */
#ifndef FK_METRIC_REGION_H
#define FK_METRIC_REGION_H

#include "base/error.h"

/* Find the regions of map [height, width] as fleck_regions_find() does; the threshold must not be
 * NaN.
 *
 *   kept  NULL, or [height, width] u8: set to 1 where a pixel belongs to a region in the list, else
 *         0
 *
 * Regions are the components of fk_components().  Linear time.  During the call it uses 5 bytes for
 * each pixel and about 250 for each region in the list. */
fleck_status fk_regions_find(fleck_regions *out, uint8_t *kept, const float *map, int64_t height,
                             int64_t width, const fleck_region_settings *settings,
                             fleck_error *err) FLECK_MUST_CHECK;
void fk_regions_free(fleck_regions *r);

#endif
