/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of public functions: lists, counts, choices and results. */
#include "api/check.h"
#include "api/handle.h"

#define MAX_THREADS 4096
#define MAX_PIXELS (INT64_C(1) << 40)

fleck_status fk_check_files(const char *const *files, int64_t n, const char *where,
                            fleck_error *err)
{
    if (n < 0)
        return fk_error_set(err, FLECK_E_OPTION, "%s: expected a number of files, got %lld", where,
                            (long long)n);
    if (n > 0 && files == NULL)
        return fk_error_set(err, FLECK_E_OPTION, "%s: files must not be NULL", where);
    for (int64_t i = 0; i < n; i++)
        if (files[i] == NULL)
            return fk_error_set(err, FLECK_E_OPTION, "%s: files[%lld] must not be NULL", where,
                                (long long)i);
    return FLECK_OK;
}

fleck_status fk_check_threads(int threads, const char *where, fleck_error *err)
{
    if (threads < 0 || threads > MAX_THREADS)
        return fk_error_set(err, FLECK_E_OPTION, "%s: threads: expected 0 to %d, got %d", where,
                            MAX_THREADS, threads);
    return FLECK_OK;
}

fleck_status fk_check_measure(fleck_protocol protocol, double pro_limit, const char *where,
                              fleck_error *err)
{
    if (protocol != FLECK_PROTOCOL_PAPER && protocol != FLECK_PROTOCOL_ORIGINAL)
        return fk_error_set(err, FLECK_E_OPTION, "%s: there is no protocol %d", where,
                            (int)protocol);
    if (!(pro_limit > 0.0 && pro_limit <= 1.0))
        return fk_error_set(err, FLECK_E_OPTION,
                            "%s: pro_limit: expected above 0, at most 1, got %g", where, pro_limit);
    return FLECK_OK;
}

static bool is_size(int64_t width, int64_t height)
{
    return width > 0 && height > 0 && width <= MAX_PIXELS / height;
}

fleck_status fk_check_own(const fleck_model *model, const fleck_result *result, const char *where,
                          fleck_error *err)
{
    bool own;

    if (result == NULL)
        return fk_error_set(err, FLECK_E_OPTION, "%s: result must not be NULL", where);
    own = result->map != NULL && is_size(result->map_width, result->map_height) &&
          is_size(result->image_width, result->image_height);
    if (own) {
        fk_map_size size =
            fk_preprocess_canvas(&model->model.pre, result->image_width, result->image_height);

        own = result->map_width == size.width && result->map_height == size.height;
    }
    return own ? FLECK_OK
               : fk_error_set(err, FLECK_E_SHAPE, "%s: the result is not one of this model's",
                              where);
}

fleck_status fk_check_regions(const fleck_region_settings *settings, const char *where,
                              fleck_error *err)
{
    if (settings->min_area < 0)
        return fk_error_set(err, FLECK_E_OPTION, "%s: min_area: expected 0 or more, got %lld",
                            where, (long long)settings->min_area);
    if (!(settings->min_percent >= 0.0 && settings->min_percent <= 100.0))
        return fk_error_set(err, FLECK_E_OPTION, "%s: min_percent: expected 0 to 100, got %g",
                            where, settings->min_percent);
    return FLECK_OK;
}
