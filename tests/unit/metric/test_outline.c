/* SPDX-License-Identifier: Apache-2.0 */
/* The level of outlines: worked maps, and a plain loop over all levels. */
#include "metric/outline.h"
#include "metric_data.h"

/* Half of all good pixels are above points[4], a sixteenth above points[16], 1 in 1024 above the
 * last. */
enum { POINTS = 41 };

static void points_from(double *points, double first, double step)
{
    for (int k = 0; k < POINTS; k++)
        points[k] = first + step * k;
}

static double level_of(const float *map, int64_t n, const double *points, int64_t n_points)
{
    double level;

    assert_ok(fk_outline_level(&level, map, n, points, n_points, err));
    return level;
}

/* ---- A plain version ---- */

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

/* Whether chance may make up what is above t: counted anew. */
static bool is_low_enough(const float *map, int64_t n, double median, double t,
                          const double *points)
{
    double share = t < points[0] ? 1.0 : exp2(-0.25 * (POINTS - 1));
    int64_t above = 0, below = 0;

    for (int k = 0; k + 1 < POINTS; k++)
        if (t >= points[k] && t < points[k + 1])
            share = exp2(-0.25 * k) + (exp2(-0.25 * (k + 1)) - exp2(-0.25 * k)) * (t - points[k]) /
                                          (points[k + 1] - points[k]);
    for (int64_t i = 0; i < n; i++) {
        above += (double)map[i] > t;
        below += (double)map[i] < 2.0 * median - t;
    }
    return above > 0 && fmax((double)below, (double)n * share) <= FK_OUTLINE_CHANCE * (double)above;
}

static double plain(const float *map, int64_t n, const double *points)
{
    float *sorted = data_block(n, sizeof *sorted);
    double level = NAN, median;

    memcpy(sorted, map, (size_t)n * sizeof *map);
    qsort(sorted, (size_t)n, sizeof *sorted, by_value);
    median = (double)sorted[(n - 1) / 2];
    for (int64_t i = (n - 1) / 2; i < n && isnan(level); i++)
        if (is_low_enough(map, n, median, (double)sorted[i], points))
            level = (double)sorted[i];
    if (!isnan(level))
        level = fmax(level, median + FK_OUTLINE_HEIGHT * ((double)sorted[n - 1] - median));
    fk_free(sorted);
    return level;
}

/* ---- Tests ---- */

static void the_level_is_where_chance_makes_up_three_in_ten(void **state)
{
    /* Median 10; 1 and 2 lie 9 and 8 below it. Above 18 four pixels stand against the one below 2;
     * above 17 five against two, above 10 six against four. */
    static const float map[] = {1, 2, 8, 9, 10, 10, 10, 10, 17, 18, 30, 31, 32, 33};
    double points[POINTS];

    (void)state;
    points_from(points, -100.0, 1.0); /* of good pixels hardly any is above -60 */
    assert_same(level_of(map, 14, points, POINTS), 18.0);
    /* Above 30 a good pixel is with 2^-3.5: 1.2 pixels against three.  Nearly as many are above
     * 31. */
    points_from(points, 16.0, 1.0);
    assert_true(isnan(level_of(map, 14, points, POINTS)));
    /* Above 18 with 2^-3.5, 1.2 pixels against four; two further up with 2^-4, 0.9. */
    points_from(points, 4.0, 1.0);
    assert_same(level_of(map, 14, points, POINTS), 30.0);
    points_from(points, 2.0, 1.0);
    assert_same(level_of(map, 14, points, POINTS), 18.0);
    /* All good pixels are above what the map has. */
    assert_true(isnan(level_of(map, 14, (const double[]){40.0}, 1)));
}

static void the_tail_of_a_high_peak_is_not_outlined(void **state)
{
    static const float map[] = {1, 2, 8, 9, 10, 10, 10, 10, 17, 18, 30, 31, 32, 110};
    double points[POINTS];

    (void)state;
    points_from(points, -100.0, 1.0);
    assert_same(level_of(map, 14, points, POINTS), 10.0 + FK_OUTLINE_HEIGHT * 100.0);
}

static void nothing_is_outlined_of_an_even_map(void **state)
{
    float map[999];
    double points[POINTS];

    (void)state;
    points_from(points, -100.0, 1.0);
    for (int i = 0; i < 999; i++)
        map[i] = (float)(10 + (i * 7) % 999);
    assert_true(isnan(level_of(map, 999, points, POINTS)));
    for (int i = 0; i < 999; i++)
        map[i] = 5.0f;
    assert_true(isnan(level_of(map, 999, points, POINTS)));
    map[3] = map[4] = map[5] = map[6] = 6.0f; /* by chance 999 / 1024 of a pixel */
    assert_same(level_of(map, 999, points, POINTS), 5.0 + FK_OUTLINE_HEIGHT);
    assert_true(isnan(level_of(map, 1, points, POINTS)));
}

static void masked_pixels_have_no_say(void **state)
{
    static const float map[] = {0, 1, 2, 8, 0, 9, 10, 10, 0, 10, 10, 17, 18, 30, 31, 32, 33, -0.0f};
    static const float nothing[3] = {0};
    double points[POINTS];

    (void)state;
    points_from(points, -100.0, 1.0);
    assert_same(level_of(map, 18, points, POINTS), 18.0);
    assert_true(isnan(level_of(nothing, 3, points, POINTS)));
}

static void random_maps_equal_a_plain_loop(void **state)
{
    double points[POINTS];
    int found = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        const int64_t n = 1 + (int64_t)(data_hash(70, seed) % 400);
        const uint64_t levels = 4 + data_hash(71, seed) % 300;
        const double lower = seed % 3 == 0 ? 30.53 : 0.0; /* so that some are negative */
        float *map = data_block(n, sizeof *map);

        points_from(points, 1.0 + (double)(seed % 7) - lower, 0.25 * (double)(1 + seed % 5));
        for (int64_t i = 0; i < n; i++) {
            uint64_t a = data_hash(100 + seed, (uint64_t)i) % levels;
            uint64_t b = data_hash(200 + seed, (uint64_t)i) % levels;

            map[i] = (float)(data_score(a + b) + 4.0 - lower +
                             (data_hash(300 + seed, (uint64_t)i) % 10 < seed % 4 ? 40.0 : 0.0));
        }
        assert_same(level_of(map, n, points, POINTS), plain(map, n, points));
        found += !isnan(plain(map, n, points));
        fk_free(map);
    }
    assert_true(found > 10 && found < 60);
}

static void running_out_of_memory_gives_no_level(void **state)
{
    const float map[4] = {1, 2, 1, 9};
    const double point = -100.0;
    double level;
    int n = 0;

    (void)state;
    do {
        fk_mem_fail_at(++n);
        level = 3.0;
        if (fk_outline_level(&level, map, 4, &point, 1, NULL) == FLECK_OK)
            break;
        assert_true(isnan(level));
    } while (n < 10);
    fk_mem_fail_at(0);
    assert_int_equal(n, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_level_is_where_chance_makes_up_three_in_ten),
        cmocka_unit_test(the_tail_of_a_high_peak_is_not_outlined),
        cmocka_unit_test(nothing_is_outlined_of_an_even_map),
        cmocka_unit_test(masked_pixels_have_no_say),
        cmocka_unit_test(random_maps_equal_a_plain_loop),
        cmocka_unit_test(running_out_of_memory_gives_no_level),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
