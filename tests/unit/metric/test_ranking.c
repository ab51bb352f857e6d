/* SPDX-License-Identifier: Apache-2.0 */
/* Rankings: worked examples, properties, the definition by all pairs, and scikit-learn's figures.
 */
#include "golden/metric_golden.h"
#include "metric_data.h"

/* scikit-learn sums a few thousand terms in another order than we do. */
#define GOLDEN_TOLERANCE 1e-12

static fk_ranking rank(const double *scores, const uint8_t *labels, int64_t n)
{
    fk_ranking r;

    assert_ok(fk_metric_ranking(&r, scores, labels, n, err));
    return r;
}

/* Scores and labels as golden_ranking describes them. */
static void make(uint64_t seed, int64_t n, uint64_t levels, uint64_t percent, uint64_t shift,
                 double *scores, uint8_t *labels)
{
    for (int64_t i = 0; i < n; i++) {
        uint64_t k = 2 * (uint64_t)i;

        labels[i] = data_hash(seed, k) % 100 < percent;
        scores[i] = data_score(data_hash(seed, k + 1) % levels + (labels[i] ? shift : 0));
    }
}

/* All pairs and all thresholds, straight from the definitions. */
static fk_ranking by_definition(const double *scores, const uint8_t *labels, int64_t n)
{
    fk_ranking r = {.f1max = 0.0};
    int64_t bad = 0, twice_won = 0;

    for (int64_t i = 0; i < n; i++)
        bad += labels[i];
    for (int64_t i = 0; i < n; i++) {
        int64_t tp = 0, fp = 0, here = 0;
        bool first = true;
        double f1;

        for (int64_t j = 0; j < n; j++) {
            if (labels[i] && !labels[j])
                twice_won += scores[i] > scores[j] ? 2 : scores[i] == scores[j];
            tp += labels[j] && scores[j] >= scores[i];
            fp += !labels[j] && scores[j] >= scores[i];
            here += labels[j] && scores[j] == scores[i];
            first = first && !(j < i && scores[j] == scores[i]);
        }
        f1 = 2.0 * (double)tp / (double)(tp + fp + bad);
        if (f1 > r.f1max || (f1 == r.f1max && scores[i] > r.f1max_threshold)) {
            r.f1max = f1;
            r.f1max_threshold = scores[i];
        }
        if (first)
            r.ap += (double)here / (double)bad * (double)tp / (double)(tp + fp);
    }
    r.auroc = (double)twice_won / (2.0 * (double)bad * (double)(n - bad));
    return r;
}

static void a_small_ranking_has_the_figures_worked_out_by_hand(void **state)
{
    /* Downward: 9 bad, 7 good, 5 bad + good, 1 good. */
    const double scores[] = {5, 9, 1, 7, 5};
    const uint8_t labels[] = {1, 1, 0, 0, 0};
    fk_ranking r = rank(scores, labels, 5);

    (void)state;
    assert_same(r.auroc, (3.0 + 1.5) / 6.0);
    assert_same(r.ap, (1.0 + 0.5) / 2.0);
    assert_same(r.f1max, 2.0 / 3.0); /* at 9: precision 1, recall 1/2; at 5: 1/2 and 1 */
    assert_same(r.f1max_threshold, 9.0);
}

static void scores_that_are_all_alike_rank_at_one_half(void **state)
{
    const double scores[] = {2, 2, 2, 2, 2};
    const uint8_t labels[] = {0, 1, 0, 1, 1};
    fk_ranking r = rank(scores, labels, 5);

    (void)state;
    assert_same(r.auroc, 0.5);
    assert_same(r.ap, 0.6);
    assert_same(r.f1max, 0.75);
    assert_same(r.f1max_threshold, 2.0);
}

static void plus_and_minus_zero_are_a_tie(void **state)
{
    const double scores[] = {0.0, -0.0};
    const uint8_t labels[] = {1, 0};

    (void)state;
    assert_same(rank(scores, labels, 2).auroc, 0.5);
}

static void a_perfect_ranking_is_exactly_one_and_its_reverse_zero(void **state)
{
    enum { N = 997 };
    double scores[N];
    uint8_t labels[N];
    fk_ranking r;

    (void)state;
    for (int i = 0; i < N; i++) {
        scores[i] = 0.1 * i;
        labels[i] = i >= 700;
    }
    r = rank(scores, labels, N);
    assert_same(r.auroc, 1.0);
    assert_same(r.ap, 1.0);
    assert_same(r.f1max, 1.0);
    assert_same(r.f1max_threshold, scores[700]);
    for (int i = 0; i < N; i++)
        labels[i] = !labels[i];
    assert_same(rank(scores, labels, N).auroc, 0.0);
}

static void one_class_alone_gives_nan(void **state)
{
    const double scores[] = {1, 2, 3};
    const uint8_t bad[] = {1, 1, 1}, good[] = {0, 0, 0};
    const fk_ranking none = {NAN, NAN, NAN, NAN};
    fk_ranking r;

    (void)state;
    r = rank(scores, bad, 3);
    assert_same_ranking(&r, &none);
    r = rank(scores, good, 3);
    assert_same_ranking(&r, &none);
    r = rank(scores, good, 0);
    assert_same_ranking(&r, &none);
}

static void infinite_scores_have_their_place(void **state)
{
    const double scores[] = {-INFINITY, INFINITY, 0.0};
    const uint8_t labels[] = {0, 1, 0};
    fk_ranking r = rank(scores, labels, 3);

    (void)state;
    assert_same(r.auroc, 1.0);
    assert_same(r.f1max_threshold, INFINITY);
}

static void a_score_that_is_not_a_number_is_refused_by_its_place(void **state)
{
    const double scores[] = {1, 2, NAN, 3};
    const uint8_t labels[] = {1, 0, 0, 1};
    fk_ranking r;

    (void)state;
    assert_refused(fk_metric_ranking(&r, scores, labels, 4, err), FLECK_E_FORMAT, "score 3 of 4");
    assert_true(isnan(r.auroc) && isnan(r.ap) && isnan(r.f1max));
}

static void increasing_maps_of_the_scores_change_nothing_but_the_threshold(void **state)
{
    enum { N = 400 };
    double scores[N], mapped[N];
    uint8_t labels[N];

    (void)state;
    for (uint64_t seed = 100; seed < 110; seed++) {
        fk_ranking a, b;

        make(seed, N, 60, 30, 12, scores, labels);
        for (int i = 0; i < N; i++)
            mapped[i] = exp(scores[i] / 2.0) - 5.0;
        a = rank(scores, labels, N);
        b = rank(mapped, labels, N);
        assert_same(b.f1max_threshold, exp(a.f1max_threshold / 2.0) - 5.0);
        b.f1max_threshold = a.f1max_threshold;
        assert_same_ranking(&a, &b);
    }
}

static void the_order_of_the_items_changes_no_bit(void **state)
{
    enum { N = 300 };
    double scores[N], moved[N];
    uint8_t labels[N], moved_labels[N];
    fk_ranking a, b;

    (void)state;
    make(120, N, 40, 30, 6, scores, labels);
    for (int i = 0; i < N; i++) {
        moved[i] = scores[(i * 7 + 11) % N];
        moved_labels[i] = labels[(i * 7 + 11) % N];
    }
    a = rank(scores, labels, N);
    b = rank(moved, moved_labels, N);
    assert_same_ranking(&a, &b);
}

static void every_figure_equals_its_definition(void **state)
{
    enum { N = 120 };
    double scores[N];
    uint8_t labels[N];

    (void)state;
    for (uint64_t seed = 200; seed < 300; seed++) {
        uint64_t levels = 1 + data_hash(seed, 5000) % 200, shift = data_hash(seed, 5001) % 50;
        fk_ranking got, want;

        make(seed, N, levels, 5 + seed % 90, shift, scores, labels);
        labels[0] = 0;
        labels[1] = 1;
        got = rank(scores, labels, N);
        want = by_definition(scores, labels, N);
        assert_same(got.auroc, want.auroc);
        assert_same(got.f1max, want.f1max);
        assert_same(got.f1max_threshold, want.f1max_threshold);
        assert_near(got.ap, want.ap, 1e-14); /* 120 terms in another order */
    }
}

static void figures_equal_those_of_scikit_learn(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden_rankings / sizeof golden_rankings[0]; i++) {
        const struct golden_ranking *c = &golden_rankings[i];
        double *scores = data_block(c->n, sizeof *scores);
        uint8_t *labels = data_block(c->n, 1);
        fk_ranking r;

        make(c->seed, c->n, c->levels, c->percent, c->shift, scores, labels);
        r = rank(scores, labels, c->n);
        assert_near(r.auroc, c->want.auroc, GOLDEN_TOLERANCE);
        assert_near(r.ap, c->want.ap, GOLDEN_TOLERANCE);
        assert_near(r.f1max, c->want.f1max, GOLDEN_TOLERANCE);
        assert_same(r.f1max_threshold, c->want.f1max_threshold);
        fk_free(scores);
        fk_free(labels);
    }
}

static void a_failed_allocation_is_reported_and_leaves_nothing(void **state)
{
    const double scores[] = {1, 2, 3};
    const uint8_t labels[] = {1, 0, 1};
    fk_ranking r;

    (void)state;
    for (int n = 1; n <= 2; n++) {
        fk_mem_fail_at(n);
        assert_refused(fk_metric_ranking(&r, scores, labels, 3, err), FLECK_E_NOMEM, "memory");
        assert_true(isnan(r.auroc));
    }
    fk_mem_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_ranking_has_the_figures_worked_out_by_hand),
        cmocka_unit_test(scores_that_are_all_alike_rank_at_one_half),
        cmocka_unit_test(plus_and_minus_zero_are_a_tie),
        cmocka_unit_test(a_perfect_ranking_is_exactly_one_and_its_reverse_zero),
        cmocka_unit_test(one_class_alone_gives_nan),
        cmocka_unit_test(infinite_scores_have_their_place),
        cmocka_unit_test(a_score_that_is_not_a_number_is_refused_by_its_place),
        cmocka_unit_test(increasing_maps_of_the_scores_change_nothing_but_the_threshold),
        cmocka_unit_test(the_order_of_the_items_changes_no_bit),
        cmocka_unit_test(every_figure_equals_its_definition),
        cmocka_unit_test(figures_equal_those_of_scikit_learn),
        cmocka_unit_test(a_failed_allocation_is_reported_and_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
