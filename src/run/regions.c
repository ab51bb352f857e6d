/* SPDX-License-Identifier: Apache-2.0 */
/* Regions of a result, at its image's own size. */
#include "run/regions.h"
#include "base/mem.h"
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

/* Whether no pixel of r's full map is above the level.  Its values lie between those of the map,
 * and are 0 where areas are left out. */
static bool nothing_above(const fleck_result *r, double level)
{
    float lowest, highest;

    fk_map_range(r->map, r->map_width * r->map_height, &lowest, &highest);
    return (double)highest <= level && level >= 0.0;
}

fleck_status fk_result_regions(fleck_regions *out, float *map, uint8_t *kept, const fk_model *m,
                               const fleck_result *r, const fleck_region_settings *settings,
                               fleck_error *err)
{
    fleck_region_settings s = *settings;
    float *own = NULL;
    fleck_status st;

    *out = (fleck_regions){0};
    if (isnan(s.threshold))
        FK_DO(fk_result_level(&s.threshold, m, r, err));
    if (isnan(s.threshold))
        FK_FAIL(err, FLECK_E_STATE,
                "regions need a threshold: the model has none, it was not calibrated");
    if (map == NULL && kept == NULL && nothing_above(r, s.threshold)) {
        *out = (fleck_regions){
            .width = r->image_width, .height = r->image_height, .threshold = s.threshold};
        return FLECK_OK;
    }
    if (map == NULL) {
        FK_DO(FK_ALLOC(&own, r->image_width * r->image_height, err));
        map = own;
    }
    FK_DO(fk_result_full_map(map, m, r, err));
    FK_DO(fk_regions_find(out, kept, map, r->image_height, r->image_width, &s, err));
done:
    fk_free(own);
    return st;
}
