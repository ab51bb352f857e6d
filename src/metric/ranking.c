/* ROC-AUC, average precision and F1-max, exact and with ties kept together.
 *
 * Let the items' scores be ranked downward, P = defective, N = good.  A threshold t calls "score >=
 * t" defective and gets TP(t), FP(t).  All three figures need only the thresholds that are scores
 * of defective items:
 *
 *   AUROC  is the chance that a defective item beats a good one, a tie being half a win:
 *          sum over defective i of (good below s_i + good equal to s_i / 2) / (P * N).  This equals
 *          the trapezoids under the ROC curve whose points are the distinct scores.  With `above`
 *          and `equal` good items at s_i, twice the term is the integer 2 * N - 2 * above - equal.
 *   AP     sum over thresholds of (R(t) - R(t before)) * precision(t).  The recall R steps at
 *          defective scores only; at a score that `here` defective items share it steps by here /
 * P. F1     2 * TP / (TP + FP + P).  Between two defective scores TP stands still and FP can only
 *          grow, so a threshold there is never better than the defective score above it.
 *
 * Counts are integers and exact; each figure is rounded by a few operations at its end, but for the
 * sum of AP, whose terms come in falling order of score and so always in the same order. */
#include "metric/tally.h"
#include "base/mem.h"
#include "metric/keys.h"

#include <assert.h>
#include <math.h>

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

/* Walk down both sorted lists together. */
static void tally_lists(fk_tally *t, const uint64_t *bad, const uint64_t *good)
{
    int64_t g = t->good; /* good[g..] are above the score at hand */

    for (int64_t b = t->defective; b > 0;) {
        uint64_t key = bad[b - 1];
        int64_t here = 0, above, equal;

        while (b > 0 && bad[b - 1] == key) {
            b--;
            here++;
        }
        while (g > 0 && good[g - 1] > key)
            g--;
        above = t->good - g;
        while (g > 0 && good[g - 1] == key)
            g--;
        equal = t->good - g - above;
        fk_tally_add(t, fk_f64_from_key(key), here, above, equal);
    }
}

fleck_status fk_metric_ranking(fk_ranking *out, const double *scores, const uint8_t *labels,
                               int64_t n, fleck_error *err)
{
    fk_tally t = {0};
    uint64_t *keys = NULL, *spare = NULL;
    const uint64_t *bad, *good;
    int64_t b = 0, g = 0;
    fleck_status st;

    assert(n >= 0);
    *out = (fk_ranking){.auroc = NAN, .ap = NAN, .f1max = NAN, .f1max_threshold = NAN};
    if (n > FK_TALLY_LIMIT)
        FK_FAIL(err, FLECK_E_LIMIT, "ranking: %lld scores, the limit is %lld", (long long)n,
                (long long)FK_TALLY_LIMIT);
    for (int64_t i = 0; i < n; i++) {
        if (isnan(scores[i]))
            FK_FAIL(err, FLECK_E_FORMAT, "ranking: score %lld of %lld is not a number",
                    (long long)i + 1, (long long)n);
        t.defective += labels[i] != 0;
    }
    t.good = n - t.defective;
    FK_DO(FK_ALLOC(&keys, n, err));
    FK_DO(FK_ALLOC(&spare, n, err));
    for (int64_t i = 0; i < n; i++) {
        if (labels[i] != 0)
            keys[b++] = fk_key_from_f64(scores[i]);
        else
            keys[t.defective + g++] = fk_key_from_f64(scores[i]);
    }
    bad = fk_keys_sort64(keys, spare, t.defective, 0);
    good = fk_keys_sort64(keys + t.defective, spare + t.defective, t.good, 0);
    tally_lists(&t, bad, good);
    fk_tally_finish(&t, out);
    st = FLECK_OK;
done:
    fk_free(keys);
    fk_free(spare);
    return st;
}
