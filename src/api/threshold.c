/* SPDX-License-Identifier: Apache-2.0 */
/* Held-out scores, and thresholds that follow from them or are set. */
#include "api/check.h"
#include "api/handle.h"

#include <math.h>
#include <string.h>

bool fleck_model_held_out(const fleck_model *model, int64_t i, fleck_held_out *out)
{
    const fk_calibration *c = model != NULL ? &model->model.calibration : NULL;

    if (c == NULL || out == NULL || c->alone == NULL || i < 0 || i >= c->images)
        return false;
    *out = (fleck_held_out){.name = c->names != NULL ? c->names[i] : NULL,
                            .alone = c->alone[i],
                            .group = c->group != NULL ? c->group[i] : (double)NAN,
                            .group_number = c->fold != NULL ? (int)c->fold[i] : 0};
    return true;
}

static fleck_status check_rate(double rate, const char *where, fleck_error *err)
{
    if (rate > 0.0 && rate < 1.0)
        return FLECK_OK;
    return fk_error_set(err, FLECK_E_OPTION,
                        "%s: expected a rate of false alarms between 0 and 1, got %g", where, rate);
}

/* Check that the rate is valid and that the model has held-out scores. */
static fleck_status check_model(const fleck_model *model, double rate, const char *where,
                                fleck_error *err)
{
    fleck_status st;

    FK_DO(check_rate(rate, where, err));
    if (model->model.calibration.alone == NULL)
        FK_FAIL(err, FLECK_E_STATE,
                "%s: the model has no scores of held-out images: fit it again, or set a "
                "threshold yourself",
                where);
done:
    return st;
}

fleck_status fleck_threshold_of(const double *scores, int64_t n, double rate, double *threshold,
                                bool *supported, fleck_error *err)
{
    fleck_status st;

    FK_NEED(scores);
    FK_NEED(threshold);
    FK_DO(check_rate(rate, __func__, err));
    if (n < 1)
        FK_FAIL(err, FLECK_E_OPTION, "%s: expected at least one score, got %lld", __func__,
                (long long)n);
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(scores[i]))
            FK_FAIL(err, FLECK_E_OPTION, "%s: score %lld is not finite", __func__, (long long)i);
    *threshold = fk_conformal(scores, n, rate, supported);
done:
    return st;
}

fleck_status fleck_model_threshold_at(const fleck_model *model, double rate, double *threshold,
                                      bool *supported, fleck_error *err)
{
    fleck_status st;

    FK_NEED(model);
    FK_NEED(threshold);
    FK_DO(check_model(model, rate, __func__, err));
    *threshold = fk_conformal(model->model.calibration.alone, model->model.calibration.images, rate,
                              supported);
done:
    return st;
}

fleck_status fleck_model_set_false_alarms(fleck_model *model, double rate, fleck_error *err)
{
    fleck_status st;

    FK_NEED(model);
    FK_DO(check_model(model, rate, __func__, err));
    fk_calibration_set_rate(&model->model.calibration, rate);
    fk_handle_describe(model);
done:
    return st;
}

fleck_status fleck_model_set_threshold(fleck_model *model, double threshold, const char *rule,
                                       fleck_error *err)
{
    static const fk_threshold_rule rules[] = {FK_THRESHOLD_SET, FK_THRESHOLD_LABELS,
                                              FK_THRESHOLD_HOLDOUT};
    size_t i = 0;

    FK_NEED(model);
    FK_NEED(rule);
    if (!isfinite(threshold) || threshold <= 0.0)
        return fk_error_set(err, FLECK_E_OPTION, "%s: expected a finite threshold above 0, got %g",
                            __func__, threshold);
    while (strcmp(rule, fk_threshold_rule_name(rules[i])) != 0)
        if (++i == sizeof rules / sizeof rules[0])
            return fk_error_set(err, FLECK_E_OPTION,
                                "%s: expected rule set, labels or holdout, got \"%s\"", __func__,
                                rule);
    if (model->model.calibration.images == 0)
        return fk_error_set(err, FLECK_E_STATE,
                            "%s: the model was fitted without held-out images: fit it again",
                            __func__);
    fk_calibration_set(&model->model.calibration, threshold, rules[i]);
    fk_handle_describe(model);
    return FLECK_OK;
}

fleck_status fleck_model_set_pixel_threshold(fleck_model *model, double level, fleck_error *err)
{
    fk_calibration *c;

    FK_NEED(model);
    c = &model->model.calibration;
    if (isinf(level))
        return fk_error_set(err, FLECK_E_OPTION, "%s: expected a finite level, got %g", __func__,
                            level);
    if (c->images == 0 || (isnan(level) && c->pixels == NULL))
        return fk_error_set(err, FLECK_E_STATE,
                            "%s: the model was fitted without held-out images: fit it again",
                            __func__);
    if (isnan(level))
        fk_calibration_set_pixels(c);
    else
        fk_calibration_set_level(c, level);
    fk_handle_describe(model);
    return FLECK_OK;
}
