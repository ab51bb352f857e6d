/* fleck.h: regions. */
#include "api/check.h"
#include "api/handle.h"
#include "base/mem.h"
#include "metric/region.h"
#include "run/regions.h"

#include <math.h>

void fleck_regions_free(fleck_regions *regions)
{
    fk_regions_free(regions);
}

fleck_region_settings fleck_region_defaults(void)
{
    return (fleck_region_settings){.threshold = NAN};
}

fleck_status fleck_regions_find(fleck_regions *out, const float *map, int64_t width, int64_t height,
                                const fleck_region_settings *settings, fleck_error *err)
{
    fleck_status st;

    FK_NEED(out);
    *out = (fleck_regions){0};
    FK_NEED(map);
    FK_NEED(settings);
    FK_DO(fk_check_regions(settings, __func__, err));
    if (isnan(settings->threshold))
        FK_FAIL(err, FLECK_E_OPTION, "%s: threshold: expected a number", __func__);
    if (width < 1 || height < 1)
        FK_FAIL(err, FLECK_E_OPTION, "%s: expected a map with pixels, got %lld x %lld", __func__,
                (long long)width, (long long)height);
    st = fk_regions_find(out, NULL, map, height, width, settings, err);
done:
    return st;
}

fleck_status fleck_result_regions(const fleck_model *model, const fleck_result *result,
                                  const fleck_region_settings *settings, fleck_regions *out,
                                  fleck_error *err)
{
    fleck_region_settings s = settings != NULL ? *settings : fleck_region_defaults();
    float *map = NULL;
    fleck_status st;

    FK_NEED(out);
    *out = (fleck_regions){0};
    FK_NEED(model);
    FK_DO(fk_check_own(model, result, __func__, err));
    FK_DO(fk_check_regions(&s, __func__, err));
    FK_DO(FK_ALLOC(&map, result->image_width * result->image_height, err));
    st = fk_result_regions(out, map, NULL, &model->model, result, &s, err);
done:
    fk_free(map);
    return st;
}
