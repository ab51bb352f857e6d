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

/* The rate is one, and the scores are there. */
static fleck_status check_rate(const fleck_model *model, double rate, const char *where,
                               fleck_error *err)
{
    if (!(rate > 0.0 && rate < 1.0))
        return fk_error_set(err, FLECK_E_OPTION,
                            "%s: expected a rate of false alarms between 0 and 1, got %g", where,
                            rate);
    if (model->model.calibration.alone == NULL)
        return fk_error_set(
            err, FLECK_E_STATE,
            "%s: the model has no scores of held-out images: fit it again, or set a "
            "threshold yourself",
            where);
    return FLECK_OK;
}

fleck_status fleck_model_threshold_at(const fleck_model *model, double rate, double *threshold,
                                      bool *supported, fleck_error *err)
{
    fleck_status st;

    FK_NEED(model);
    FK_NEED(threshold);
    FK_DO(check_rate(model, rate, __func__, err));
    *threshold = fk_conformal(model->model.calibration.alone, model->model.calibration.images, rate,
                              supported);
done:
    return st;
}

fleck_status fleck_model_set_false_alarms(fleck_model *model, double rate, fleck_error *err)
{
    fleck_status st;

    FK_NEED(model);
    FK_DO(check_rate(model, rate, __func__, err));
    fk_calibration_set_rate(&model->model.calibration, rate);
done:
    return st;
}

fleck_status fleck_model_set_threshold(fleck_model *model, double threshold, const char *rule,
                                       fleck_error *err)
{
    fk_calibration *c;

    FK_NEED(model);
    FK_NEED(rule);
    if (!isfinite(threshold))
        return fk_error_set(err, FLECK_E_OPTION, "%s: expected a finite threshold, got %g",
                            __func__, threshold);
    if (strcmp(rule, "set") != 0 && strcmp(rule, "labels") != 0)
        return fk_error_set(err, FLECK_E_OPTION, "%s: expected rule set or labels, got \"%s\"",
                            __func__, rule);
    c = &model->model.calibration;
    if (c->images == 0)
        return fk_error_set(err, FLECK_E_STATE,
                            "%s: the model was fitted without held-out images: fit it again",
                            __func__);
    c->rate = NAN;
    c->rule = strcmp(rule, "set") == 0 ? FK_THRESHOLD_SET : FK_THRESHOLD_LABELS;
    c->threshold = threshold;
    return FLECK_OK;
}
