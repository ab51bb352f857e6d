/* SPDX-License-Identifier: Apache-2.0 */
/* Regions of a result, at its image's own size. */
#include "run/regions.h"
#include "map/map.h"
#include "metric/outline.h"
#include "metric/region.h"
#include "run/result.h"

#include <math.h>

/* If the map of a defective part does not reach the limit, it is outlined at this share of its
 * peak's height above the median of good maps. */
#define SUMMIT 0.9

/* The level of a photo whose map is too uneven for fk_outline_level().  The map of a defective part
 * need not reach the limit, since scores of PatchCore are higher than its maps. */
static double common_level(const fk_calibration *c, const fleck_result *r)
{
    double level = fmax(r->threshold, c->pixel_threshold); /* of NaN and a number: the number */
    float lowest, highest;

    fk_map_range(r->map, r->map_width * r->map_height, &lowest, &highest);
    if (r->defective && (double)highest <= level)
        level = c->low + SUMMIT * ((double)highest - c->low);
    return level;
}

fleck_status fk_result_level(double *level, const fk_model *m, const fleck_result *r,
                             fleck_error *err)
{
    const fk_calibration *c = &m->calibration;
    fleck_status st = FLECK_OK;

    *level = c->pixel_threshold;
    if (isnan(c->pixel_threshold) || c->pixels == NULL || c->pixels_set)
        return FLECK_OK;
    FK_DO(fk_outline_level(level, r->map, r->map_width * r->map_height, c->pixels, FK_PIXEL_POINTS,
                           err));
    if (isnan(*level))
        *level = common_level(c, r);
done:
    return st;
}

fleck_status fk_result_regions(fleck_regions *out, float *map, uint8_t *kept, const fk_model *m,
                               const fleck_result *r, const fleck_region_settings *settings,
                               fleck_error *err)
{
    fleck_region_settings s = *settings;
    fleck_status st;

    *out = (fleck_regions){0};
    if (isnan(s.threshold))
        FK_DO(fk_result_level(&s.threshold, m, r, err));
    if (isnan(s.threshold))
        FK_FAIL(err, FLECK_E_STATE,
                "regions need a threshold: the model has none, it was not calibrated");
    FK_DO(fk_result_full_map(map, m, r, err));
    FK_DO(fk_regions_find(out, kept, map, r->image_height, r->image_width, &s, err));
done:
    return st;
}
