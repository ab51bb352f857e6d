/* Regions of a result, at its image's own size. */
#ifndef FK_RUN_REGIONS_H
#define FK_RUN_REGIONS_H

#include "model/model.h"

/* The level above which r's map is outlined, wherever something is: fk_outline_level() of its map;
 * where that finds none, the limit, but never below the pixel threshold, or the peak's summit where
 * a defective part reaches neither.  NaN where m has no pixel threshold. */
fleck_status fk_result_level(double *level, const fk_model *m, const fleck_result *r,
                             fleck_error *err) FLECK_MUST_CHECK;

/* The regions of r.  Where settings name no threshold it is r's level; FLECK_E_STATE where there is
 * none.
 *
 *   map   [image_height, image_width], becomes r's map at that size
 *   kept  as in fk_regions_find() */
fleck_status fk_result_regions(fleck_regions *out, float *map, uint8_t *kept, const fk_model *m,
                               const fleck_result *r, const fleck_region_settings *settings,
                               fleck_error *err) FLECK_MUST_CHECK;

#endif
