/* SPDX-License-Identifier: Apache-2.0 */
/* Held-out scores and conformal thresholds.
 *
 * Let s_1 .. s_n be the scores of good parts, each computed without the part itself, and s the
 * score of a new good part.  If all n + 1 are exchangeable, the rank of s among them is uniform.
 * So s exceeds the k-th smallest of the n with a probability of at most 1 - k / (n + 1),
 * whatever the distribution (Vovk, Gammerman and Shafer 2005).  A part that is left out is
 * scored by a state of n - 1 parts, a new part by one of n, so held-out scores are a little
 * larger.  This is the jackknife of Barber et al. 2021, not its plus form. */
#include "model/calibration.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

static const char *const rules[] = {"rate", "maximum", "set", "labels", "holdout", "none"};

/* Share of held-out good pixels below the pixel threshold: this point, 1 - 2^-14, six in
 * 100,000. */
#define PIXEL_POINT 56

void fk_calibration_init(fk_calibration *c)
{
    *c = (fk_calibration){.rate = NAN,
                          .rule = FK_THRESHOLD_NONE,
                          .threshold = NAN,
                          .pixel_threshold = NAN,
                          .low = NAN,
                          .high = NAN};
}

void fk_calibration_free(fk_calibration *c)
{
    for (int64_t i = 0; c->names != NULL && i < c->images; i++)
        fk_free(c->names[i]);
    fk_free(c->names);
    fk_free(c->alone);
    fk_free(c->group);
    fk_free(c->fold);
    fk_free(c->sessions);
    fk_free(c->pixels);
    fk_calibration_init(c);
}

/* The middle one, in the order of the array, of the scores between low and high, both excluded. */
static double middle_between(const double *scores, int64_t n, double low, double high)
{
    int64_t count = 0, i = 0;

    for (int64_t j = 0; j < n; j++)
        count += scores[j] > low && scores[j] < high;
    for (count = count / 2 + 1; i < n; i++)
        if (scores[i] > low && scores[i] < high && --count == 0)
            break;
    return i < n ? scores[i] : (double)NAN;
}

/* The k-th smallest, k from 1.  It is found by halving and counting, so nothing is copied and
 * nothing can fail. */
static double smallest(const double *scores, int64_t n, int64_t k)
{
    double low = -INFINITY, high = INFINITY, at;

    for (at = middle_between(scores, n, low, high); !isnan(at);
         at = middle_between(scores, n, low, high)) {
        int64_t below = 0, equal = 0;

        for (int64_t j = 0; j < n; j++) {
            below += scores[j] < at;
            equal += scores[j] == at;
        }
        if (below < k && k <= below + equal)
            break;
        if (k <= below)
            high = at;
        else
            low = at;
    }
    return at;
}

double fk_conformal(const double *scores, int64_t n, double rate, bool *supported)
{
    /* A rate of 1/(n + 1) must give n, not n + 1, although it is rounded. */
    int64_t k = (int64_t)ceil((double)(n + 1) * (1.0 - rate) - 1e-9);

    if (supported != NULL)
        *supported = k <= n;
    return smallest(scores, n, k < 1 ? 1 : k > n ? n : k);
}

double fk_share_below(const double *scores, int64_t n, double score)
{
    int64_t below = 0;

    for (int64_t i = 0; i < n; i++)
        below += scores[i] < score;
    return (double)below / (double)n;
}

const char *fk_threshold_rule_name(fk_threshold_rule rule)
{
    return rules[rule];
}

void fk_calibration_set_rate(fk_calibration *c, double rate)
{
    bool supported;

    c->rate = rate;
    c->rule = FK_THRESHOLD_NONE;
    c->threshold = NAN;
    if (c->images < FK_LEAST_HELD_OUT)
        return;
    c->threshold = fk_conformal(c->alone, c->images, rate, &supported);
    c->rule = supported ? FK_THRESHOLD_RATE : FK_THRESHOLD_MAXIMUM;
}

void fk_calibration_set(fk_calibration *c, double threshold, fk_threshold_rule rule)
{
    c->rate = NAN;
    c->rule = rule;
    c->threshold = threshold;
}

static double point(int k)
{
    return 1.0 - exp2(-0.25 * k);
}

void fk_calibration_set_pixels(fk_calibration *c)
{
    c->pixel_threshold = c->pixels[PIXEL_POINT];
    c->low = c->pixels[4]; /* 1 - 2^-1: the median */
    c->high = c->low + 2.0 * (c->pixel_threshold - c->low);
    c->pixels_set = false;
}

void fk_calibration_set_level(fk_calibration *c, double level)
{
    c->pixel_threshold = level;
    c->pixels_set = true;
}

fleck_status fk_calibration_measure(fk_calibration *c, const float *values, int64_t n,
                                    fleck_error *err)
{
    fleck_status st;

    FK_DO(FK_ALLOC(&c->pixels, FK_PIXEL_POINTS, err));
    for (int k = 0; k < FK_PIXEL_POINTS; k++) {
        double at = point(k) * (double)(n - 1), below = floor(at);
        int64_t i = (int64_t)below;
        double next = i + 1 < n ? (double)values[i + 1] : (double)values[i];

        c->pixels[k] = (double)values[i] + (at - below) * (next - (double)values[i]);
    }
    fk_calibration_set_pixels(c);
done:
    return st;
}

/* ---- Saving and loading ---- */

static bool put_names(fk_json *p, const fk_calibration *c)
{
    fk_json *names;

    if (c->names == NULL)
        return true;
    names = fk_json_array();
    if (!fk_json_put(p, "names", names))
        return false;
    for (int64_t i = 0; i < c->images; i++)
        if (!fk_json_push_string(names, c->names[i]))
            return false;
    return true;
}

static bool put_numbers(fk_json *p, const fk_calibration *c)
{
    return fk_json_put_int(p, "images", c->images) &&
           fk_json_put_string(p, "rule", rules[c->rule]) &&
           (isnan(c->rate) || fk_json_put_real(p, "rate", c->rate)) &&
           (isnan(c->threshold) || fk_json_put_real(p, "threshold", c->threshold)) &&
           fk_json_put_real(p, "pixel_threshold", c->pixel_threshold) &&
           (!c->pixels_set || fk_json_put_bool(p, "pixels_set", true)) &&
           fk_json_put_real(p, "low", c->low) && fk_json_put_real(p, "high", c->high) &&
           (c->sessions == NULL || (fk_json_put_string(p, "sessions", c->sessions) &&
                                    fk_json_put_int(p, "folds", c->folds)));
}

fleck_status fk_calibration_save(const fk_calibration *c, fk_st_writer *w, fk_json *object,
                                 fleck_error *err)
{
    int64_t points = FK_PIXEL_POINTS;
    fk_json *p;
    fleck_status st = FLECK_OK;

    if (c->images == 0)
        return FLECK_OK;
    p = fk_json_object();
    if (!fk_json_put(object, "calibration", p) || !put_numbers(p, c) || !put_names(p, c))
        FK_FAIL(err, FLECK_E_NOMEM, "the model's description could not be made");
    if (c->alone != NULL)
        FK_DO(fk_st_writer_add_data(w, "calibration.alone", FK_F64, 1, &c->images, c->alone, err));
    if (c->group != NULL) {
        FK_DO(fk_st_writer_add_data(w, "calibration.group", FK_F64, 1, &c->images, c->group, err));
        FK_DO(fk_st_writer_add_data(w, "calibration.fold", FK_I32, 1, &c->images, c->fold, err));
    }
    if (c->pixels != NULL)
        FK_DO(fk_st_writer_add_data(w, "calibration.pixels", FK_F64, 1, &points, c->pixels, err));
done:
    return st;
}

static fleck_status missing(const char *key, const char *wanted, fleck_error *err)
{
    return fk_error_set(err, FLECK_E_FORMAT, "calibration: \"%s\" is missing or not %s", key,
                        wanted);
}

/* Read a number.  An optional one that is missing becomes NaN. */
static fleck_status get_real(double *out, const fk_json *p, const char *key, bool needed,
                             fleck_error *err)
{
    *out = NAN;
    if (!needed && fk_json_get(p, key) == NULL)
        return FLECK_OK;
    if (!fk_json_get_real(p, key, out) || !isfinite(*out))
        return missing(key, "a number", err);
    return FLECK_OK;
}

/* Copy a tensor of n finite numbers; *out stays NULL if the file has no such tensor. */
static fleck_status get_scores(double **out, const fk_st_reader *r, const char *name, int64_t n,
                               fleck_error *err)
{
    fk_tensor t;
    fleck_status st = FLECK_OK;

    if (!fk_st_has(r, name))
        return FLECK_OK;
    FK_DO(fk_st_get_checked(r, name, FK_F64, 1, &n, &t, err));
    FK_DO(FK_ALLOC(out, n, err));
    memcpy(*out, t.data, (size_t)n * sizeof **out);
    for (int64_t i = 0; i < n; i++)
        if (!isfinite((*out)[i]))
            FK_FAIL(err, FLECK_E_FORMAT, "%s: %s: number %lld is not finite", fk_st_name(r), name,
                    (long long)i);
done:
    return st;
}

static fleck_status get_folds(fk_calibration *c, const fk_st_reader *r, const fk_json *p,
                              fleck_error *err)
{
    const char *sessions = fk_json_get_string(p, "sessions");
    fk_tensor t;
    fleck_status st;

    FK_DO(get_scores(&c->group, r, "calibration.group", c->images, err));
    if (c->group == NULL)
        return FLECK_OK;
    if (sessions == NULL || !fk_json_get_int(p, "folds", &c->folds) || c->folds < 1)
        return missing("sessions", "a word, with a number of folds", err);
    FK_DO(fk_strdup(&c->sessions, sessions, err));
    FK_DO(fk_st_get_checked(r, "calibration.fold", FK_I32, 1, &c->images, &t, err));
    FK_DO(FK_ALLOC(&c->fold, c->images, err));
    memcpy(c->fold, t.data, (size_t)c->images * sizeof *c->fold);
    for (int64_t i = 0; i < c->images; i++)
        if (c->fold[i] < 0 || c->fold[i] >= c->folds)
            FK_FAIL(err, FLECK_E_FORMAT, "%s: calibration.fold names fold %d of %lld",
                    fk_st_name(r), (int)c->fold[i], (long long)c->folds);
done:
    return st;
}

static fleck_status get_names(fk_calibration *c, const fk_json *p, fleck_error *err)
{
    const fk_json *names = fk_json_get(p, "names");
    fleck_status st = FLECK_OK;

    if (names == NULL)
        return FLECK_OK;
    if (!fk_json_is_array(names) || fk_json_count(names) != c->images)
        return missing("names", "one name an image", err);
    FK_DO(FK_CALLOC(&c->names, c->images, err));
    for (int64_t i = 0; i < c->images; i++) {
        const char *name = fk_json_as_string(fk_json_at(names, i));

        if (name == NULL)
            return missing("names", "one name an image", err);
        FK_DO(fk_strdup(&c->names[i], name, err));
    }
done:
    return st;
}

/* Models of earlier versions have no rule; their threshold is the maximum. */
static fleck_status get_rule(fk_calibration *c, const fk_json *p, fleck_error *err)
{
    const char *rule = fk_json_get_string(p, "rule");
    int k = rule == NULL ? FK_THRESHOLD_MAXIMUM : 0;
    fleck_status st;

    while (rule != NULL && strcmp(rule, rules[k]) != 0)
        if (++k == (int)(sizeof rules / sizeof rules[0]))
            return missing("rule", "rate, maximum, set, labels, holdout or none", err);
    c->rule = (fk_threshold_rule)k;
    FK_DO(get_real(&c->rate, p, "rate", false, err));
    FK_DO(get_real(&c->threshold, p, "threshold", c->rule != FK_THRESHOLD_NONE, err));
done:
    return st;
}

fleck_status fk_calibration_load(fk_calibration *c, const fk_st_reader *r, const fk_json *object,
                                 fleck_error *err)
{
    const fk_json *p = fk_json_get(object, "calibration");
    fleck_status st;

    fk_calibration_init(c);
    if (p == NULL)
        return FLECK_OK;
    if (!fk_json_get_int(p, "images", &c->images) || c->images < 1)
        FK_FAIL(err, FLECK_E_FORMAT,
                "calibration: \"images\" is missing or not a positive integer");
    FK_DO(get_rule(c, p, err));
    FK_DO(get_real(&c->pixel_threshold, p, "pixel_threshold", true, err));
    if (fk_json_get(p, "pixels_set") != NULL && !fk_json_get_bool(p, "pixels_set", &c->pixels_set))
        FK_DO(missing("pixels_set", "true or false", err));
    FK_DO(get_real(&c->low, p, "low", true, err));
    FK_DO(get_real(&c->high, p, "high", true, err));
    FK_DO(get_scores(&c->alone, r, "calibration.alone", c->images, err));
    FK_DO(get_folds(c, r, p, err));
    FK_DO(get_scores(&c->pixels, r, "calibration.pixels", FK_PIXEL_POINTS, err));
    FK_DO(get_names(c, p, err));
done:
    if (st != FLECK_OK)
        fk_calibration_free(c);
    return st;
}
