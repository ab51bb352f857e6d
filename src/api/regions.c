/* SPDX-License-Identifier: Apache-2.0 */
/* fleck.h: regions. */
#include "api/check.h"
#include "api/handle.h"
#include "base/mem.h"
#include "metric/region.h"
#include "run/regions.h"

#include <math.h>

void fleck_regions_free(fleck_regions **regions)
{
    if (regions == NULL || *regions == NULL)
        return;
    fk_regions_free(*regions);
    fk_free(*regions);
    *regions = NULL;
}

void fleck_region_defaults(fleck_region_settings *settings, size_t size)
{
    fk_hand_defaults(settings, size, &(fleck_region_settings){.threshold = NAN}, sizeof *settings);
}

fleck_status fleck_regions_find(fleck_regions **out, const float *map, int64_t width,
                                int64_t height, const fleck_region_settings *settings,
                                fleck_error *err)
{
    fleck_region_settings s = {.threshold = NAN};
    fleck_status st;

    FK_NEED(out);
    *out = NULL;
    FK_NEED(map);
    FK_NEED(settings);
    FK_TAKE(&s, settings);
    FK_DO(fk_check_regions(&s, __func__, err));
    if (isnan(s.threshold))
        FK_FAIL(err, FLECK_E_OPTION, "%s: threshold: expected a number", __func__);
    if (width < 1 || height < 1)
        FK_FAIL(err, FLECK_E_OPTION, "%s: expected a map with pixels, got %lld x %lld", __func__,
                (long long)width, (long long)height);
    FK_DO(FK_CALLOC(out, 1, err));
    st = fk_regions_find(*out, NULL, map, height, width, &s, err);
done:
    if (st != FLECK_OK)
        fleck_regions_free(out);
    return st;
}

fleck_status fleck_result_regions(const fleck_model *model, const fleck_result *result,
                                  const fleck_region_settings *settings, fleck_regions **out,
                                  fleck_error *err)
{
    fleck_region_settings s = {.threshold = NAN};
    fleck_status st;

    FK_NEED(out);
    *out = NULL;
    FK_NEED(model);
    FK_TAKE(&s, settings);
    FK_DO(fk_check_own(model, result, __func__, err));
    FK_DO(fk_check_regions(&s, __func__, err));
    FK_DO(FK_CALLOC(out, 1, err));
    st = fk_result_regions(*out, NULL, NULL, &model->model, result, &s, err);
done:
    if (st != FLECK_OK)
        fleck_regions_free(out);
    return st;
}
