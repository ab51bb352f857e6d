/* SPDX-License-Identifier: Apache-2.0 */
/* ROC-AUC, average precision and F1-max, exact, with equal scores as one threshold; and the points
 * of the curves.
 *
 * Of P defective and N good items, a threshold t calls those with score >= t defective, which gives
 * TP(t) and FP(t).  All three figures need only the thresholds that are scores of defective items:
 *
 *   AUROC  the probability that a defective item scores higher than a good one, with ties counted
 *          half: sum over defective i of (good below s_i + (good equal to s_i) / 2) / (P * N).
 *          This is the area by trapezoids under the ROC curve with a point for each distinct score.
 *          With `above` and `equal` good items above and at s_i, twice the term is the integer
 *          2 * N - 2 * above - equal.
 *   AP     the sum over thresholds of (R(t) - R(previous t)) * precision(t).  The recall R changes
 *          at scores of defective items only, by here / P at a score that `here` of them share.
 *   F1     2 * TP / (TP + FP + P).  Between two scores of defective items TP is constant and FP can
 *          only grow, so a threshold there is never better than the defective score above it.
 *
 * Counts are exact integers.  Each figure is rounded by a few operations at the end, except the sum
 * of AP, whose terms are added in descending order of the scores, so always in the same order. */
#include "metric/tally.h"
#include "base/mem.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

void fk_tally_add(fk_tally *t, double score, int64_t here, int64_t above, int64_t equal)
{
    int64_t called;
    double f1;

    assert(here > 0 && above >= 0 && equal >= 0);
    t->found += here;
    t->twice_won += here * (2 * t->good - 2 * above - equal);
    called = t->found + above + equal;
    t->precision_sum += (double)here * ((double)t->found / (double)called);
    f1 = 2.0 * (double)t->found / (double)(called + t->defective);
    if (f1 > t->f1max) {
        t->f1max = f1;
        t->f1max_threshold = score;
    }
}

void fk_tally_finish(const fk_tally *t, fk_ranking *out)
{
    double pairs = (double)t->defective * (double)t->good;

    *out = (fk_ranking){.auroc = NAN, .ap = NAN, .f1max = NAN, .f1max_threshold = NAN};
    if (t->defective == 0 || t->good == 0)
        return;
    assert(t->found == t->defective);
    out->auroc = (double)t->twice_won / (2.0 * pairs);
    out->ap = t->precision_sum / (double)t->defective;
    out->f1max = t->f1max;
    out->f1max_threshold = t->f1max_threshold;
}

typedef struct scored {
    double score;
    bool defective;
} scored;

static int downward(const void *x, const void *y)
{
    const scored *a = x, *b = y;

    return a->score > b->score ? -1 : a->score < b->score ? 1 : 0;
}

fleck_status fk_metric_curve(fk_curve_point *out, int64_t *n_points, const double *scores,
                             const uint8_t *labels, int64_t n, fleck_error *err)
{
    scored *list = NULL;
    int64_t found = 0, alarms = 0, points = 0;
    fleck_status st;

    *n_points = 0;
    FK_DO(FK_ALLOC(&list, n, err));
    for (int64_t i = 0; i < n; i++) {
        if (isnan(scores[i]))
            FK_FAIL(err, FLECK_E_FORMAT, "ranking: score %lld of %lld is not a number",
                    (long long)i + 1, (long long)n);
        list[i] = (scored){scores[i] + 0.0, labels[i] != 0}; /* -0 + 0 is 0 */
    }
    qsort(list, (size_t)n, sizeof *list, downward);
    out[points++] = (fk_curve_point){INFINITY, 0, 0};
    for (int64_t i = 0; i < n; i++) {
        found += list[i].defective;
        alarms += !list[i].defective;
        if (i + 1 == n || list[i + 1].score != list[i].score)
            out[points++] = (fk_curve_point){list[i].score, found, alarms};
    }
    *n_points = points;
done:
    fk_free(list);
    return st;
}

fleck_status fk_metric_ranking(fk_ranking *out, const double *scores, const uint8_t *labels,
                               int64_t n, fleck_error *err)
{
    fk_tally t = {0};
    fk_curve_point *points = NULL;
    int64_t n_points;
    fleck_status st;

    assert(n >= 0);
    *out = (fk_ranking){.auroc = NAN, .ap = NAN, .f1max = NAN, .f1max_threshold = NAN};
    if (n > FK_TALLY_LIMIT)
        FK_FAIL(err, FLECK_E_LIMIT, "ranking: %lld scores, the limit is %lld", (long long)n,
                (long long)FK_TALLY_LIMIT);
    FK_DO(FK_ALLOC(&points, n + 1, err));
    FK_DO(fk_metric_curve(points, &n_points, scores, labels, n, err));
    t.defective = points[n_points - 1].found;
    t.good = points[n_points - 1].alarms;
    for (const fk_curve_point *p = points + 1; p < points + n_points; p++)
        if (p->found > p[-1].found)
            fk_tally_add(&t, p->threshold, p->found - p[-1].found, p[-1].alarms,
                         p->alarms - p[-1].alarms);
    fk_tally_finish(&t, out);
done:
    fk_free(points);
    return st;
}
