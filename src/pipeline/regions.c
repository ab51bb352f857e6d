/* Regions of a result, at its image's own size. */
#include "pipeline/regions.h"
#include "metric/region.h"
#include "pipeline/result.h"

#include <math.h>

fleck_status fk_result_regions(fleck_regions *out, float *map, uint8_t *kept, const fk_model *m,
                               const fleck_result *r, const fleck_region_settings *settings,
                               fleck_error *err)
{
    fleck_region_settings s = *settings;
    fleck_status st;

    *out = (fleck_regions){0};
    if (isnan(s.threshold))
        s.threshold = m->calibration.pixel_threshold;
    if (isnan(s.threshold))
        FK_FAIL(err, FLECK_E_STATE,
                "regions need a threshold: the model has none, it was not calibrated");
    FK_DO(fk_result_full_map(map, m, r, err));
    FK_DO(fk_regions_find(out, kept, map, r->image_height, r->image_width, &s, err));
done:
    return st;
}
