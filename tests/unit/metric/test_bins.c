/* SPDX-License-Identifier: Apache-2.0 */
/* Scores in bins against the exact figures, and the bootstrap of images against a plain one. */
#include "metric/bins.h"
#include "metric_data.h"

/* The bins of a set's images. */
static void count_all(fk_bins *out, const data_set *d)
{
    int64_t size = d->height * d->width;

    for (int64_t i = 0; i < d->images; i++)
        assert_ok(fk_bins_make(&out[i], d->maps + i * size, d->masks + i * size, NULL, size, err));
}

static void free_all(fk_bins *bins, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        fk_bins_free(&bins[i]);
}

static void an_image_is_counted_by_score_and_class(void **state)
{
    static const float map[] = {1.0f, -2.0f, 1.0f, 0.0f, -0.0f, 3.0f, 9.0f};
    static const uint8_t mask[] = {0, 0, 1, 0, 0, 255, 1}, left_out[] = {0, 0, 0, 0, 0, 0, 7};
    static const uint32_t good[] = {1, 2, 1, 0}, defective[] = {0, 0, 1, 1};
    fk_bins b;

    (void)state;
    assert_ok(fk_bins_make(&b, map, mask, left_out, 7, err));
    assert_int_equal(b.n, 4); /* -2, 0, 1, 3 */
    assert_memory_equal(b.good, good, sizeof good);
    assert_memory_equal(b.defective, defective, sizeof defective);
    fk_bins_free(&b);
    assert_ok(fk_bins_make(&b, map + 6, mask + 6, left_out + 6, 1, err));
    assert_int_equal(b.n, 0);
    assert_ok(fk_bins_make(&b, map, NULL, NULL, 7, err));
    assert_int_equal(b.n, 5);
    assert_true(b.defective[2] == 0 && b.good[2] == 2);
    fk_bins_free(&b);
}

/* With few distinct scores each has a bin of its own, and the figures are the exact ones. */
static void few_distinct_scores_give_the_exact_figure_and_curve(void **state)
{
    data_set d = data_make(&(data_recipe){31, 7, 30, 20, 40, 20, 12, 4});
    fk_pixel_result want = data_measure(&d, 0.3, NULL, 0, 1);
    fk_bins bins[7] = {{0}};
    fk_bin_table t;
    fk_curve_point curve[FK_BIN_CURVE];
    double area = 0.0;
    int64_t n;

    (void)state;
    for (int64_t i = 0; i < 7 * 600; i++)
        d.masks[i] &= i / 600 % 6 != 0; /* what data_measure() leaves out */
    count_all(bins, &d);
    assert_ok(fk_bin_table_make(&t, bins, 7, err));
    /* Sums of some dozen products of counts, each exact but for the last rounding. */
    assert_near(fk_bin_table_auroc(&t, NULL), want.ranking.auroc, 1e-13);
    n = fk_bin_table_curve(curve, &t);
    assert_true(n > 3 && n <= FK_BIN_CURVE && curve[0].found == 0 && curve[0].alarms == 0);
    assert_int_equal(curve[n - 1].found, want.defective_pixels);
    assert_int_equal(curve[n - 1].alarms, want.pixels - want.defective_pixels);
    for (int64_t i = 1; i < n; i++)
        area += (double)(curve[i].alarms - curve[i - 1].alarms) *
                (double)(curve[i].found + curve[i - 1].found) / 2.0;
    area /= (double)curve[n - 1].found * (double)curve[n - 1].alarms;
    /* A point is left out where both rates moved by less than 1/128: the triangle cut off. */
    assert_near(area, want.ranking.auroc, 0.5 / 128.0);
    fk_bin_table_free(&t);
    free_all(bins, 7);
    data_free(&d);
}

static void many_distinct_scores_are_near_the_exact_figure(void **state)
{
    data_set d = data_make(&(data_recipe){32, 5, 90, 100, 40000, 9000, 1000, 9});
    fk_pixel_result want;
    fk_bins bins[5] = {{0}};
    fk_bin_table t;
    fk_curve_point curve[FK_BIN_CURVE];
    int64_t n;

    (void)state;
    for (int64_t i = 0; i < 5 * 9000; i++)
        d.masks[i] &= i / 9000 % 6 != 0;
    want = data_measure(&d, 0.3, NULL, 0, 1);
    count_all(bins, &d);
    assert_ok(fk_bin_table_make(&t, bins, 5, err));
    assert_true(t.n > FK_BIN_PARTS / 2 && t.n <= FK_BIN_WIDE);
    assert_near(fk_bin_table_auroc(&t, NULL), want.ranking.auroc, 1.0 / (8.0 * FK_BIN_PARTS));
    n = fk_bin_table_curve(curve, &t);
    for (int64_t p = 0; p < n; p++) { /* each lies on the exact curve */
        int64_t found = 0, alarms = 0;

        for (int64_t i = 0; i < 5 * 9000; i++) {
            found += d.masks[i] != 0 && (double)d.maps[i] >= curve[p].threshold;
            alarms += d.masks[i] == 0 && (double)d.maps[i] >= curve[p].threshold;
        }
        assert_int_equal(curve[p].found, found);
        assert_int_equal(curve[p].alarms, alarms);
    }
    fk_bin_table_free(&t);
    free_all(bins, 5);
    data_free(&d);
}

/* The pairs of the chosen images' defective pixels with all good ones, counted. */
static double pairs(const data_set *d, const uint8_t *chosen)
{
    int64_t size = d->height * d->width, all = d->images * size, n = 0;
    double wins = 0.0;

    for (int64_t i = 0; i < all; i++) {
        if (d->masks[i] == 0 || chosen[i / size] == 0)
            continue;
        for (int64_t j = 0; j < all; j++) {
            if (d->masks[j] != 0)
                continue;
            wins += d->maps[i] > d->maps[j] ? 1.0 : d->maps[i] == d->maps[j] ? 0.5 : 0.0;
            n++;
        }
    }
    return wins / (double)n;
}

static void some_images_are_compared_with_the_good_pixels_of_all(void **state)
{
    static const uint8_t chosen[] = {0, 1, 0, 1, 1}, none[] = {0, 0, 0, 0, 0};
    data_set d = data_make(&(data_recipe){33, 5, 12, 11, 30, 20, 9, 4});
    fk_bins bins[5] = {{0}};
    fk_bin_table t;

    (void)state;
    count_all(bins, &d);
    assert_ok(fk_bin_table_make(&t, bins, 5, err));
    assert_near(fk_bin_table_auroc(&t, chosen), pairs(&d, chosen), 1e-13);
    assert_true(isnan(fk_bin_table_auroc(&t, none)));
    fk_bin_table_free(&t);
    free_all(bins, 5);
    data_free(&d);
}

/* One pixel an image: its image's score.  Then pixels are images, and so are the intervals. */
static void the_interval_of_single_pixels_is_that_of_images(void **state)
{
    enum { N = 60 };
    fk_bootstrap how = {.resamples = 400, .seed = 5, .level = 0.9};
    fk_bins bins[N] = {{0}};
    double scores[N];
    uint8_t labels[N];
    fk_bin_table t;
    fk_interval want, got;

    (void)state;
    for (int64_t i = 0; i < N; i++) {
        float v = (float)(data_hash(9, (uint64_t)i) % 50) + (i % 3 == 0 ? 20.0f : 0.0f);

        labels[i] = i % 3 == 0;
        scores[i] = (double)v;
        assert_ok(fk_bins_make(&bins[i], &v, &labels[i], NULL, 1, err));
    }
    assert_ok(fk_bin_table_make(&t, bins, N, err));
    assert_ok(fk_bin_table_interval(&got, &t, labels, &how, err));
    assert_ok(
        fk_bootstrap_auroc(&want, &(fk_scored){.a = scores, .labels = labels, .n = N}, &how, err));
    assert_near(got.value, want.value, 1e-15);
    assert_near(got.low, want.low, 1e-7); /* values of draws are kept as float */
    assert_near(got.high, want.high, 1e-7);
    assert_true(got.low < got.value && got.value < got.high);
    fk_bin_table_free(&t);
    free_all(bins, N);
}

static void without_defective_pixels_there_is_no_figure(void **state)
{
    static const float map[] = {1.0f, 2.0f};
    static const uint8_t labels[] = {0};
    fk_bootstrap how = {.resamples = 10, .seed = 1, .level = 0.95};
    fk_bins b, nothing = {0};
    fk_bin_table t;
    fk_interval i;
    fk_curve_point curve[FK_BIN_CURVE];

    (void)state;
    assert_ok(fk_bins_make(&b, map, NULL, NULL, 2, err));
    assert_ok(fk_bin_table_make(&t, &b, 1, err));
    assert_true(isnan(fk_bin_table_auroc(&t, NULL)));
    assert_ok(fk_bin_table_interval(&i, &t, labels, &how, err));
    assert_true(isnan(i.value) && isnan(i.low) && isnan(i.high));
    fk_bin_table_free(&t);
    fk_bins_free(&b);
    assert_ok(fk_bin_table_make(&t, &nothing, 1, err));
    assert_int_equal(fk_bin_table_curve(curve, &t), 1);
    fk_bin_table_free(&t);
}

static void any_allocation_of_counting_may_fail(void **state)
{
    data_set d = data_make(&(data_recipe){34, 2, 9, 9, 30, 20, 9, 4});
    int64_t n = 1;

    (void)state;
    for (fleck_status st = FLECK_E_NOMEM; st != FLECK_OK; n++) {
        fk_bins bins[2] = {{0}};
        fk_bin_table t = {0};

        (void)fk_mem_fail_at(n);
        st = fk_bins_make(&bins[0], d.maps, d.masks, NULL, 81, NULL);
        if (st == FLECK_OK)
            st = fk_bins_make(&bins[1], d.maps + 81, d.masks + 81, NULL, 81, NULL);
        if (st == FLECK_OK)
            st = fk_bin_table_make(&t, bins, 2, NULL);
        assert_true(st == FLECK_OK || (st == FLECK_E_NOMEM && t.keys == NULL));
        fk_bin_table_free(&t);
        free_all(bins, 2);
    }
    (void)fk_mem_fail_at(0);
    assert_true(n > 10);
    data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_is_counted_by_score_and_class),
        cmocka_unit_test(few_distinct_scores_give_the_exact_figure_and_curve),
        cmocka_unit_test(many_distinct_scores_are_near_the_exact_figure),
        cmocka_unit_test(some_images_are_compared_with_the_good_pixels_of_all),
        cmocka_unit_test(the_interval_of_single_pixels_is_that_of_images),
        cmocka_unit_test(without_defective_pixels_there_is_no_figure),
        cmocka_unit_test(any_allocation_of_counting_may_fail)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
