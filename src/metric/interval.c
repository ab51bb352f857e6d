/* SPDX-License-Identifier: Apache-2.0 */
/* Confidence intervals of a ROC-AUC, and tests whether two differ: bootstrap and DeLong's test.
 *
 * Bootstrap.  Items are sorted by score once.  A resample is a weight for each item: how often it
 * was drawn.  With the groups of equal scores in ascending order, `below` the weight of good items
 * in lower groups, and g and d the weights of good and defective items in the group,
 *
 *     AUROC = sum over groups of d (below + g / 2) / (P N),
 *
 * where P and N are the total weights of defective and good items.  The sum is computed in
 * integers, doubled, as in ranking.c.
 *
 * DeLong, DeLong and Clarke-Pearson 1988, with the midranks of Sun and Xu 2014.  With m defective
 * items x_i and n good items y_j, let T be the midrank among all items, X among the defective and Y
 * among the good ones (a tie gets the mean of its ranks).  T(x_i) - X(x_i) is the number of good
 * items below x_i, with ties counted half, so that
 *
 *     v_i = (T(x_i) - X(x_i)) / n,     w_j = 1 - (T(y_j) - Y(y_j)) / m
 *
 * are the fractions of pairs with x_i and with y_j that are ranked correctly (placement values).
 * The mean of either is the AUROC, whose variance is var(v) / m + var(w) / n.  The covariance of
 * two scorings is computed likewise.  These are sample variances, divided by m - 1 and n - 1. */
#include "metric/interval.h"
#include "base/mem.h"
#include "base/prng.h"
#include "metric/metric.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* An item in the order of scores. */
typedef struct ranked {
    double score;
    int64_t item;
} ranked;

static int compare(const void *x, const void *y)
{
    const ranked *a = x, *b = y;

    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    return a->item < b->item ? -1 : 1;
}

static fleck_status sort(ranked **out, const double *scores, int64_t n, fleck_error *err)
{
    fleck_status st = FK_ALLOC(out, n, err);

    if (st != FLECK_OK)
        return st;
    for (int64_t i = 0; i < n; i++)
        (*out)[i] = (ranked){scores[i], i};
    qsort(*out, (size_t)n, sizeof **out, compare);
    return FLECK_OK;
}

static fleck_status check(const fk_scored *s, int64_t least, int64_t *defective, fleck_error *err)
{
    *defective = 0;
    for (int64_t i = 0; i < s->n; i++) {
        *defective += s->labels[i] != 0;
        if (isnan(s->a[i]) || (s->b != NULL && isnan(s->b[i])))
            return fk_error_set(err, FLECK_E_FORMAT, "score %lld of %lld is not a number",
                                (long long)i + 1, (long long)s->n);
    }
    if (*defective < least || s->n - *defective < least)
        return fk_error_set(
            err, FLECK_E_FORMAT,
            "expected at least %lld good and %lld defective images, got %lld and %lld",
            (long long)least, (long long)least, (long long)(s->n - *defective),
            (long long)*defective);
    return FLECK_OK;
}

/* ---- Bootstrap ---- */

/* ROC-AUC with item i counted weights[i] times. */
static double weighted_auroc(const ranked *order, const uint8_t *labels, const int32_t *weights,
                             int64_t n)
{
    int64_t below = 0, defective = 0, twice = 0;

    for (int64_t i = 0; i < n;) {
        int64_t g = 0, d = 0, j = i;

        for (; j < n && order[j].score == order[i].score; j++) {
            if (labels[order[j].item] != 0)
                d += weights[order[j].item];
            else
                g += weights[order[j].item];
        }
        twice += d * (2 * below + g);
        below += g;
        defective += d;
        i = j;
    }
    return (double)twice / (2.0 * (double)defective * (double)below);
}

/* Draw `count` of the members with replacement, and write how often each was drawn. */
static void draw(fk_prng *g, const int64_t *members, int64_t count, int32_t *weights)
{
    for (int64_t i = 0; i < count; i++)
        weights[members[i]] = 0;
    for (int64_t i = 0; i < count; i++)
        weights[members[fk_prng_below(g, count)]]++;
}

fleck_status fk_bootstrap_statistic(fk_interval *out, const uint8_t *labels, int64_t n,
                                    const fk_bootstrap *how, fk_statistic *statistic, void *ctx,
                                    fleck_error *err)
{
    int64_t good = 0, bad = 0, drawn = 0, down = 0, up = 0, *members = NULL;
    int32_t *weights = NULL;
    float *values = NULL; /* [drawn] */
    double value;
    fk_prng g;
    fleck_status st;

    assert(how->resamples >= 1 && how->level > 0.0 && how->level < 1.0);
    *out = (fk_interval){NAN, NAN, NAN, NAN};
    FK_DO(FK_ALLOC(&members, n, err));
    FK_DO(FK_ALLOC(&weights, n, err));
    FK_DO(FK_ALLOC(&values, how->resamples, err));
    for (int64_t i = 0; i < n; i++)
        good += labels[i] == 0;
    for (int64_t i = 0, first = 0; i < n; i++) { /* good items first, then defective ones */
        members[labels[i] != 0 ? good + bad++ : first++] = i;
        weights[i] = 1;
    }
    value = statistic(ctx, weights);
    if (isnan(value))
        goto done;
    fk_prng_seed(&g, how->seed);
    fk_watch_stage(how->watch, "bootstrap", how->resamples);
    for (int64_t k = 0; k < how->resamples; k++) {
        double v;

        draw(&g, members, good, weights);
        draw(&g, members + good, bad, weights);
        v = statistic(ctx, weights);
        FK_DO(fk_watch_step(how->watch, k + 1, err));
        if (isnan(v))
            continue;
        down += v <= 0.0;
        up += v >= 0.0;
        values[drawn++] = (float)v;
    }
    /* p counts one more than was seen, so that it is never 0. */
    *out =
        (fk_interval){value, fk_quantile(values, drawn, (1.0 - how->level) / 2.0),
                      fk_quantile(values, drawn, (1.0 + how->level) / 2.0),
                      fmin(1.0, 2.0 * (double)(1 + (down < up ? down : up)) / (double)(1 + drawn))};
done:
    fk_free(members);
    fk_free(weights);
    fk_free(values);
    return st;
}

typedef struct scorings {
    const fk_scored *items;
    ranked *a, *b; /* b NULL for one scoring */
} scorings;

/* ROC-AUC of a, or ROC-AUC of b minus ROC-AUC of a. */
static double scorings_statistic(void *ctx, const int32_t *weights)
{
    const scorings *s = ctx;
    double v = weighted_auroc(s->a, s->items->labels, weights, s->items->n);

    if (s->b != NULL)
        v = weighted_auroc(s->b, s->items->labels, weights, s->items->n) - v;
    return v;
}

static fleck_status resample(fk_interval *out, const fk_scored *s, const fk_bootstrap *how,
                             fleck_error *err)
{
    scorings both = {.items = s};
    int64_t defective;
    fleck_status st;

    *out = (fk_interval){NAN, NAN, NAN, NAN};
    FK_DO(check(s, 1, &defective, err));
    FK_DO(sort(&both.a, s->a, s->n, err));
    if (s->b != NULL)
        FK_DO(sort(&both.b, s->b, s->n, err));
    FK_DO(fk_bootstrap_statistic(out, s->labels, s->n, how, scorings_statistic, &both, err));
    if (s->b == NULL)
        out->p = NAN; /* that a ROC-AUC is 0 is not worth a test */
done:
    fk_free(both.a);
    fk_free(both.b);
    return st;
}

fleck_status fk_bootstrap_auroc(fk_interval *out, const fk_scored *s, const fk_bootstrap *how,
                                fleck_error *err)
{
    fk_scored one = *s;

    one.b = NULL;
    return resample(out, &one, how, err);
}

fleck_status fk_bootstrap_difference(fk_interval *out, const fk_scored *s, const fk_bootstrap *how,
                                     fleck_error *err)
{
    assert(s->b != NULL);
    return resample(out, s, how, err);
}

/* ---- DeLong ---- */

/* Write the midranks, from 1, of the items with this label (-1: all items), by item into ranks. */
static void midranks(double *ranks, const ranked *order, const uint8_t *labels, int64_t n,
                     int label)
{
    int64_t before = 0;

    for (int64_t i = 0; i < n;) {
        int64_t count = 0, j;

        for (j = i; j < n && order[j].score == order[i].score; j++)
            count += label < 0 || (labels[order[j].item] != 0) == label;
        for (int64_t k = i; k < j; k++)
            if (label < 0 || (labels[order[k].item] != 0) == label)
                ranks[order[k].item] = (double)before + 0.5 * (double)(count + 1);
        before += count;
        i = j;
    }
}

/* The placement values of all items, v for defective and w for good ones, and their mean. */
static fleck_status placements(double *won, double *auroc, const double *scores, const fk_scored *s,
                               int64_t defective, fleck_error *err)
{
    ranked *order = NULL;
    double *own = NULL, sum = 0.0;
    int64_t good = s->n - defective;
    fleck_status st;

    FK_DO(sort(&order, scores, s->n, err));
    FK_DO(FK_ALLOC(&own, s->n, err));
    midranks(won, order, s->labels, s->n, -1);
    midranks(own, order, s->labels, s->n, 0);
    midranks(own, order, s->labels, s->n, 1);
    for (int64_t i = 0; i < s->n; i++) {
        if (s->labels[i] != 0) {
            won[i] = (won[i] - own[i]) / (double)good;
            sum += won[i];
        } else {
            won[i] = 1.0 - (won[i] - own[i]) / (double)defective;
        }
    }
    *auroc = sum / (double)defective;
done:
    fk_free(order);
    fk_free(own);
    return st;
}

/* Sample covariance of x and y over the items with this label, divided by the number of items. */
static double covariance(const double *x, double mean_x, const double *y, double mean_y,
                         const fk_scored *s, int label)
{
    double sum = 0.0;
    int64_t count = 0;

    for (int64_t i = 0; i < s->n; i++) {
        if ((s->labels[i] != 0) != label)
            continue;
        sum += (x[i] - mean_x) * (y[i] - mean_y);
        count++;
    }
    return sum / (double)(count - 1) / (double)count;
}

fleck_status fk_delong_test(fk_delong *out, const fk_scored *s, fleck_error *err)
{
    double *a = NULL, *b = NULL, variance;
    int64_t defective;
    fleck_status st;

    assert(s->b != NULL);
    *out = (fk_delong){0};
    FK_DO(check(s, 2, &defective, err));
    FK_DO(FK_ALLOC(&a, s->n, err));
    FK_DO(FK_ALLOC(&b, s->n, err));
    FK_DO(placements(a, &out->a, s->a, s, defective, err));
    FK_DO(placements(b, &out->b, s->b, s, defective, err));
    for (int label = 0; label < 2; label++) {
        out->variance[0] += covariance(a, out->a, a, out->a, s, label);
        out->variance[1] += covariance(b, out->b, b, out->b, s, label);
        out->variance[2] += covariance(a, out->a, b, out->b, s, label);
    }
    out->difference = out->b - out->a;
    variance = out->variance[0] + out->variance[1] - 2.0 * out->variance[2];
    out->se = sqrt(fmax(0.0, variance));
    if (out->difference == 0.0)
        out->z = 0.0;
    else
        out->z = out->difference / out->se; /* infinite if nothing varies: then they do differ */
    out->p = erfc(fabs(out->z) / sqrt(2.0));
done:
    fk_free(a);
    fk_free(b);
    return st;
}
