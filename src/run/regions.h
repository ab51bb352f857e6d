/* SPDX-License-Identifier: Apache-2.0 */
/* Regions of a result, at its image's own size. */
#ifndef FK_RUN_REGIONS_H
#define FK_RUN_REGIONS_H

#include "model/model.h"

/* The level above which r's map is outlined.  It is fk_outline_level() of its map; if that finds
 * none, the larger of limit and pixel threshold; if the map of a defective part does not exceed
 * these, a level just below its peak.  NaN: m has no pixel threshold. */
fleck_status fk_result_level(double *level, const fk_model *m, const fleck_result *r,
                             fleck_error *err) FLECK_MUST_CHECK;

/* The regions of r above the threshold of settings, or, if that is NaN, above r's level.
 * FLECK_E_STATE: r has no level.
 *
 *   map   [image_height, image_width], becomes r's map at that size; NULL: not wanted.  Without it
 *         and kept a map that lies below the level is not enlarged.
 *   kept  as in fk_regions_find() */
fleck_status fk_result_regions(fleck_regions *out, float *map, uint8_t *kept, const fk_model *m,
                               const fleck_result *r, const fleck_region_settings *settings,
                               fleck_error *err) FLECK_MUST_CHECK;

#endif
