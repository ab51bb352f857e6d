/* SPDX-License-Identifier: Apache-2.0 */
/* Bootstrap intervals and DeLong's test: golden figures, cases that are known, properties. */
#include "golden/metric_delong.h"
#include "metric/interval.h"
#include "metric_data.h"

typedef struct sample {
    int64_t n;
    double *a, *b;
    uint8_t *labels;
} sample;

/* As the golden script makes it. */
static sample make(uint64_t seed, int64_t n, int64_t values, int64_t lift)
{
    sample s = {.n = n,
                .a = data_block(n, sizeof *s.a),
                .b = data_block(n, sizeof *s.b),
                .labels = data_block(n, 1)};

    for (int64_t i = 0; i < n; i++) {
        uint64_t k = 3 * (uint64_t)i;
        int64_t third = values / 3;

        s.labels[i] = data_hash(seed, k) % 3 != 0;
        s.a[i] = (double)(data_hash(seed, k + 1) % (uint64_t)values) + s.labels[i] * (double)third;
        s.b[i] = (double)(data_hash(seed, k + 2) % (uint64_t)values) + s.labels[i] * (double)lift +
                 s.a[i] / 2.0;
    }
    return s;
}

static void drop(sample *s)
{
    fk_free(s->a);
    fk_free(s->b);
    fk_free(s->labels);
}

static fk_scored both(const sample *s)
{
    return (fk_scored){s->a, s->b, s->labels, s->n};
}

/* Sums of at most 500 shares in another order: a few hundred roundings. */
static void close_to(double found, double wanted)
{
    if (fabs(found - wanted) > 1e-12 * fmax(1.0, fabs(wanted)))
        fail_msg("expected %.17g, got %.17g", wanted, found);
}

static void delongs_test_equals_its_definition_pair_by_pair(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden_delongs / sizeof golden_delongs[0]; i++) {
        const struct golden_delong *c = &golden_delongs[i];
        sample s = make((uint64_t)c->seed, c->n, c->values, c->lift);
        fk_scored in = both(&s);
        fk_ranking ranking;
        fk_delong d;

        assert_ok(fk_delong_test(&d, &in, err));
        close_to(d.a, c->a);
        close_to(d.b, c->b);
        close_to(d.variance[0], c->var_a);
        close_to(d.variance[1], c->var_b);
        close_to(d.variance[2], c->cov);
        /* z divides by the root of a difference of variances, which loses what they share. */
        assert_true(fabs(d.z - c->z) <= 1e-9 * fmax(1.0, fabs(c->z)));
        assert_true(fabs(d.p - c->p) <= 1e-9);
        assert_ok(fk_metric_ranking(&ranking, s.b, s.labels, s.n, err));
        close_to(d.b, ranking.auroc);
        drop(&s);
    }
}

static void runs_that_are_the_same_do_not_differ(void **state)
{
    sample s = make(2, 83, 1000, 250);
    fk_scored in = {s.a, s.a, s.labels, s.n};
    fk_bootstrap how = {.resamples = 500, .seed = 1, .level = 0.95};
    fk_interval d;
    fk_delong t;

    (void)state;
    assert_ok(fk_delong_test(&t, &in, err));
    assert_true(t.difference == 0.0 && t.z == 0.0 && t.p == 1.0 && t.se < 1e-9);
    assert_ok(fk_bootstrap_difference(&d, &in, &how, err));
    assert_true(d.value == 0.0 && d.low == 0.0 && d.high == 0.0 && d.p == 1.0);
    drop(&s);
}

static void exchanging_the_runs_turns_the_sign(void **state)
{
    sample s = make(3, 83, 12, 0);
    fk_scored in = both(&s), back = {s.b, s.a, s.labels, s.n};
    fk_bootstrap how = {.resamples = 500, .seed = 9, .level = 0.95};
    fk_interval d, e;
    fk_delong t, u;

    (void)state;
    assert_ok(fk_delong_test(&t, &in, err));
    assert_ok(fk_delong_test(&u, &back, err));
    assert_true(t.difference == -u.difference && t.p == u.p);
    assert_ok(fk_bootstrap_difference(&d, &in, &how, err));
    assert_ok(fk_bootstrap_difference(&e, &back, &how, err));
    assert_true(d.value == -e.value && d.p == e.p);
    /* Both ends are interpolated between two resamples, in float. */
    assert_true(fabs(d.low + e.high) < 1e-6 && fabs(d.high + e.low) < 1e-6);
    drop(&s);
}

/* With 500 items the bootstrap's spread is normal to a few per cent, and 4000 resamples know each
 * end of the interval to about 3 % of its width. */
static void the_bootstrap_agrees_with_delongs_standard_error(void **state)
{
    sample s = make(4, 500, 1000000, 100000);
    fk_scored in = both(&s);
    fk_bootstrap how = {.resamples = 4000, .seed = 1, .level = 0.95};
    fk_interval one, d;
    fk_delong t;
    double wanted;

    (void)state;
    assert_ok(fk_delong_test(&t, &in, err));
    assert_ok(fk_bootstrap_auroc(&one, &in, &how, err));
    assert_ok(fk_bootstrap_difference(&d, &in, &how, err));
    wanted = 2.0 * 1.96 * sqrt(t.variance[0]);
    assert_true(one.low < one.value && one.value < one.high && isnan(one.p));
    assert_true(fabs(one.high - one.low - wanted) < 0.1 * wanted);
    wanted = 2.0 * 1.96 * t.se;
    assert_true(fabs(d.high - d.low - wanted) < 0.1 * wanted);
    close_to(one.value, t.a);
    close_to(d.value, t.difference);
    drop(&s);
}

static void a_seed_gives_the_same_bits_and_another_seed_others(void **state)
{
    sample s = make(2, 83, 1000, 250);
    fk_scored in = both(&s);
    fk_bootstrap how = {.resamples = 300, .seed = 5, .level = 0.9};
    fk_interval a, b, c;

    (void)state;
    assert_ok(fk_bootstrap_auroc(&a, &in, &how, err));
    assert_ok(fk_bootstrap_auroc(&b, &in, &how, err));
    how.seed = 6;
    assert_ok(fk_bootstrap_auroc(&c, &in, &how, err));
    assert_true(a.low == b.low && a.high == b.high && a.value == c.value);
    assert_true(a.low != c.low || a.high != c.high);
    drop(&s);
}

static void perfect_scores_have_an_interval_without_width(void **state)
{
    const double scores[] = {1, 2, 3, 10, 11, 12, 13};
    const uint8_t labels[] = {0, 0, 0, 1, 1, 1, 1};
    fk_scored in = {.a = scores, .labels = labels, .n = 7};
    fk_bootstrap how = {.resamples = 100, .seed = 1, .level = 0.95};
    fk_interval i;

    (void)state;
    assert_ok(fk_bootstrap_auroc(&i, &in, &how, err));
    assert_true(i.value == 1.0 && i.low == 1.0 && i.high == 1.0);
}

static void runs_without_any_variance_that_differ_do_differ(void **state)
{
    const double good[] = {1, 2, 3, 4}, bad[] = {4, 3, 2, 1};
    const uint8_t labels[] = {0, 0, 1, 1};
    fk_scored in = {good, bad, labels, 4};
    fk_delong t;

    (void)state;
    assert_ok(fk_delong_test(&t, &in, err));
    assert_true(t.difference == -1.0 && t.se == 0.0 && isinf(t.z) && t.p == 0.0);
}

static void what_has_no_figure_is_refused(void **state)
{
    const double scores[] = {1, 2, 3, NAN};
    const uint8_t one[] = {0, 1, 1, 1}, none[] = {1, 1, 1, 1}, two[] = {0, 0, 1, 1};
    fk_bootstrap how = {.resamples = 10, .seed = 1, .level = 0.95};
    fk_interval i;
    fk_delong t;

    (void)state;
    assert_refused(fk_bootstrap_auroc(&i, &(fk_scored){scores, NULL, none, 3}, &how, err),
                   FLECK_E_FORMAT, "got 0 and 3");
    assert_refused(fk_delong_test(&t, &(fk_scored){scores, scores, one, 3}, err), FLECK_E_FORMAT,
                   "at least 2 good");
    assert_refused(fk_delong_test(&t, &(fk_scored){scores, scores, two, 4}, err), FLECK_E_FORMAT,
                   "score 4 of 4");
    assert_ok(fk_bootstrap_auroc(&i, &(fk_scored){scores, NULL, one, 3}, &how, err));
}

static void any_allocation_may_fail(void **state)
{
    sample s = make(2, 83, 1000, 250);
    fk_scored in = both(&s);
    fk_bootstrap how = {.resamples = 10, .seed = 1, .level = 0.95};
    fk_interval i;
    fk_delong t;

    (void)state;
    for (int64_t n = 1; n <= 5; n++) {
        (void)fk_mem_fail_at(n);
        assert_refused(fk_bootstrap_difference(&i, &in, &how, err), FLECK_E_NOMEM, "memory");
        (void)fk_mem_fail_at(n);
        assert_refused(fk_delong_test(&t, &in, err), FLECK_E_NOMEM, "memory");
    }
    (void)fk_mem_fail_at(0);
    drop(&s);
}

/* ---- Curves ---- */

static void a_curve_has_a_point_for_each_distinct_score(void **state)
{
    const double scores[] = {3, 1, 2, 2, 5};
    const uint8_t labels[] = {1, 0, 0, 1, 1};
    fk_curve_point p[6];
    int64_t n;

    (void)state;
    assert_ok(fk_metric_curve(p, &n, scores, labels, 5, err));
    assert_int_equal(n, 5);
    assert_true(isinf(p[0].threshold) && p[0].found == 0 && p[0].alarms == 0);
    assert_true(p[1].threshold == 5.0 && p[1].found == 1 && p[1].alarms == 0);
    assert_true(p[2].threshold == 3.0 && p[2].found == 2 && p[2].alarms == 0);
    assert_true(p[3].threshold == 2.0 && p[3].found == 3 && p[3].alarms == 1);
    assert_true(p[4].threshold == 1.0 && p[4].found == 3 && p[4].alarms == 2);
    assert_refused(fk_metric_curve(p, &n, &(double){NAN}, labels, 1, err), FLECK_E_FORMAT,
                   "score 1 of 1");
}

static void the_area_under_the_points_is_the_roc_auc(void **state)
{
    sample s = make(3, 83, 12, 0);
    fk_curve_point *p = data_block(s.n + 1, sizeof *p);
    fk_ranking r;
    double area = 0.0;
    int64_t n, last;

    (void)state;
    assert_ok(fk_metric_curve(p, &n, s.a, s.labels, s.n, err));
    assert_ok(fk_metric_ranking(&r, s.a, s.labels, s.n, err));
    last = n - 1;
    for (int64_t i = 1; i < n; i++)
        area +=
            (double)(p[i].alarms - p[i - 1].alarms) * (double)(p[i].found + p[i - 1].found) / 2.0;
    close_to(area / (double)p[last].found / (double)p[last].alarms, r.auroc);
    fk_free(p);
    drop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delongs_test_equals_its_definition_pair_by_pair),
        cmocka_unit_test(runs_that_are_the_same_do_not_differ),
        cmocka_unit_test(exchanging_the_runs_turns_the_sign),
        cmocka_unit_test(the_bootstrap_agrees_with_delongs_standard_error),
        cmocka_unit_test(a_seed_gives_the_same_bits_and_another_seed_others),
        cmocka_unit_test(perfect_scores_have_an_interval_without_width),
        cmocka_unit_test(runs_without_any_variance_that_differ_do_differ),
        cmocka_unit_test(what_has_no_figure_is_refused),
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(a_curve_has_a_point_for_each_distinct_score),
        cmocka_unit_test(the_area_under_the_points_is_the_roc_auc)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
