/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, their sorting, and quantiles. */
#include "golden/metric_golden.h"
#include "metric/keys.h"
#include "metric_data.h"

#include <float.h>

static void keys_order_like_floats_and_turn_back_into_them(void **state)
{
    const float rising[] = {-INFINITY, -FLT_MAX, -1.5f,   -1.0f, -FLT_MIN, -1e-45f,
                            0.0f,      1e-45f,   FLT_MIN, 1.0f,  FLT_MAX,  INFINITY};

    (void)state;
    for (size_t i = 0; i < sizeof rising / sizeof rising[0]; i++) {
        uint32_t key = fk_key_from_f32(rising[i]);

        assert_true(i == 0 || fk_key_from_f32(rising[i - 1]) < key);
        assert_true(fk_f32_from_key(key) == rising[i]);
    }
    assert_true(fk_key_from_f32(-0.0f) == fk_key_from_f32(0.0f));
}

static void keys_order_like_doubles_and_turn_back_into_them(void **state)
{
    const double rising[] = {-INFINITY, -DBL_MAX, -1.5, -5e-324, 0.0,
                             5e-324,    DBL_MIN,  1.0,  DBL_MAX, INFINITY};

    (void)state;
    for (size_t i = 0; i < sizeof rising / sizeof rising[0]; i++) {
        uint64_t key = fk_key_from_f64(rising[i]);

        assert_true(i == 0 || fk_key_from_f64(rising[i - 1]) < key);
        assert_true(fk_f64_from_key(key) == rising[i]);
    }
    assert_true(fk_key_from_f64(-0.0) == fk_key_from_f64(0.0));
}

static int by_value32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void sorted_keys_equal_those_of_the_c_library(void **state)
{
    enum { N = 3000 };
    static uint32_t keys[N], want[N], spare[N];

    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        int64_t n = (int64_t)(data_hash(seed, N) % N);

        for (int64_t i = 0; i < n; i++)
            keys[i] = want[i] =
                (uint32_t)(data_hash(seed, (uint64_t)i) >> (32 + seed % 32) << seed % 5);
        qsort(want, (size_t)n, sizeof *want, by_value32);
        assert_memory_equal(fk_keys_sort32(keys, spare, n), want, (size_t)n * sizeof *want);
    }
}

static void sorting_by_high_bits_keeps_the_order_of_equal_keys(void **state)
{
    enum { N = 3000 };
    static uint64_t keys[N], spare[N];
    const uint64_t *sorted;

    (void)state;
    for (uint64_t i = 0; i < N; i++)
        keys[i] = data_hash(50, i) % 500 << 40 | i;
    sorted = fk_keys_sort64(keys, spare, N, 32);
    for (int i = 1; i < N; i++)
        assert_true(sorted[i - 1] < sorted[i]);
    for (uint64_t i = 0; i < N; i++)
        keys[i] = data_hash(51, i);
    sorted = fk_keys_sort64(keys, spare, N, 0);
    for (int i = 1; i < N; i++)
        assert_true(sorted[i - 1] <= sorted[i]);
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

static void quantiles_equal_those_of_numpy(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden_quantiles / sizeof golden_quantiles[0]; i++) {
        const struct golden_quantile *c = &golden_quantiles[i];
        float *values = data_block(c->n, sizeof *values);

        for (int64_t k = 0; k < c->n; k++)
            values[k] = (float)data_score(data_hash(c->seed, (uint64_t)k) % c->levels);
        /* One subtraction, one product and one sum in double: a few units in the last place. */
        assert_near(fk_quantile(values, c->n, c->q), c->want, 1e-15 * fabs(c->want));
        fk_free(values);
    }
}

static void floats_are_sorted_as_by_the_c_library(void **state)
{
    enum { N = 3000 };
    static float values[N], sorted[N];

    (void)state;
    for (uint64_t i = 0; i < N; i++)
        values[i] = sorted[i] = (float)data_score(data_hash(7, i) % 900);
    qsort(sorted, N, sizeof *sorted, by_value);
    assert_ok(fk_sort(values, N, err));
    assert_memory_equal(values, sorted, sizeof values);
}

static void quantiles_equal_those_of_the_sorted_list(void **state)
{
    enum { N = 257 };
    static float values[N], sorted[N];

    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        for (uint64_t i = 0; i < N; i++)
            values[i] = sorted[i] = (float)data_hash(seed, i) / (seed % 2 ? 1e15f : -1e17f) *
                                    (data_hash(seed, i + N) % 3 == 0 ? -1.0f : 1.0f);
        qsort(sorted, N, sizeof *sorted, by_value);
        for (int64_t k = 0; k < N; k += 16) /* q * 256 is a whole number for these */
            assert_same(fk_quantile(values, N, (double)k / (N - 1)), (double)sorted[k]);
        qsort(values, N, sizeof *values, by_value);
        assert_memory_equal(values, sorted, sizeof values); /* reordered, not changed */
    }
}

/* So many that classes are counted: of one class, of two, and of values of all kinds, with ties. */
static void quantiles_of_many_equal_those_of_the_sorted_list(void **state)
{
    enum { N = 70001 };
    float *values = data_block(N, sizeof *values), *sorted = data_block(N, sizeof *sorted);

    (void)state;
    for (uint64_t kind = 0; kind < 4; kind++) {
        for (uint64_t i = 0; i < N; i++) {
            uint64_t h = data_hash(kind + 100, i);
            float x = kind == 0   ? 1.0f + (float)(h % 1000) * 0x1p-20f
                      : kind == 1 ? (h % 3 == 0 ? 2.0f : -7.0f)
                      : kind == 2 ? (float)(h % 100) - 50.0f
                                  : (float)h / (h % 2 ? 1e15f : -1e17f);

            values[i] = sorted[i] = x;
        }
        qsort(sorted, N, sizeof *sorted, by_value);
        for (int64_t k = 0; k < 70000; k += 8750) {
            double q = ((double)k + 0.25) / (N - 1), a = (double)sorted[k];

            assert_near(fk_quantile(values, N, q), a + 0.25 * ((double)sorted[k + 1] - a),
                        1e-9 * (1.0 + fabs(a) + fabs((double)sorted[k + 1])));
        }
        assert_same(fk_quantile(values, N, 0.0), (double)sorted[0]);
        assert_same(fk_quantile(values, N, 1.0), (double)sorted[N - 1]);
        qsort(values, N, sizeof *values, by_value);
        assert_memory_equal(values, sorted, N * sizeof *values); /* reordered, not changed */
    }
    fk_free(values);
    fk_free(sorted);
}

static void the_quantile_of_nothing_is_nan(void **state)
{
    (void)state;
    assert_true(isnan(fk_quantile(NULL, 0, 0.5)));
}

/* Against a sort: means of few and many, with equal values at the border. */
static void the_top_mean_is_that_of_the_sorted_end(void **state)
{
    enum { N = 257 };
    float values[N], sorted[N];

    (void)state;
    for (int64_t count = 1; count <= N; count += 16) {
        double sum = 0.0;

        for (uint64_t i = 0; i < N; i++)
            values[i] = sorted[i] = (float)(data_hash(77, i) % 40); /* whole, so sums are exact */
        qsort(sorted, N, sizeof *sorted, by_value);
        for (int64_t i = N - count; i < N; i++)
            sum += (double)sorted[i];
        assert_same(fk_top_mean(values, N, count), sum / (double)count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_order_like_floats_and_turn_back_into_them),
        cmocka_unit_test(keys_order_like_doubles_and_turn_back_into_them),
        cmocka_unit_test(sorted_keys_equal_those_of_the_c_library),
        cmocka_unit_test(sorting_by_high_bits_keeps_the_order_of_equal_keys),
        cmocka_unit_test(quantiles_equal_those_of_numpy),
        cmocka_unit_test(floats_are_sorted_as_by_the_c_library),
        cmocka_unit_test(quantiles_equal_those_of_the_sorted_list),
        cmocka_unit_test(quantiles_of_many_equal_those_of_the_sorted_list),
        cmocka_unit_test(the_quantile_of_nothing_is_nan),
        cmocka_unit_test(the_top_mean_is_that_of_the_sorted_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
