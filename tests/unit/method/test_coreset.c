/* SPDX-License-Identifier: Apache-2.0 */
/* The greedy choice against NumPy, and the lazy one against the plain one. */
#include "unit/method/fixture.h"

#include "golden/method_patchcore.h"
#include "linalg/linalg.h"
#include "method/patchcore/coreset.h"

static void the_plain_choice_equals_numpy(void **state)
{
    enum { P = CORE_HEIGHT * CORE_WIDTH };
    float x[CORE_N * P * CORE_DIM];
    int64_t chosen[CORE_KEEP], count;
    double radius;

    (void)state;
    for (int i = 0; i < CORE_N; i++)
        fill(x + (ptrdiff_t)i * P * CORE_DIM, 100 + (uint64_t)i, (int64_t)P * CORE_DIM);
    assert_ok(fk_coreset_choose_plain(chosen, &count, &radius, CORE_KEEP, x, CORE_N * P, CORE_DIM,
                                      3, err));
    assert_int_equal(count, CORE_KEEP);
    for (int i = 0; i < CORE_KEEP; i++)
        assert_int_equal(chosen[i], core_chosen[i]);
}

/* Points in clusters of very different sizes, with copies of some. */
static float *clustered(int64_t n, int64_t d)
{
    float *x = NULL;

    assert_ok(FK_ALLOC(&x, n * d, err));
    for (int64_t i = 0; i < n; i++) {
        int64_t centre = i % 7, like = i % 11 == 0 ? i / 2 / 11 * 11 : i;

        for (int64_t k = 0; k < d; k++)
            x[i * d + k] = hashed(900, centre * d + k) +
                           (0.02f + 0.1f * (float)centre) * (hashed(901, like * d + k) - 0.5f);
    }
    return x;
}

static void lazy_distances_change_no_choice(void **state)
{
    static const int64_t sizes[][3] = {{1, 1, 3},      {5, 5, 2},  {300, 300, 4},  {900, 90, 17},
                                       {500, 499, 33}, {64, 1, 8}, {3000, 700, 24}};
    fk_pool *pool = NULL;

    (void)state;
    assert_ok(fk_pool_open(&pool, 3, err));
    for (size_t c = 0; c < sizeof sizes / sizeof sizes[0]; c++) {
        int64_t n = sizes[c][0], k = sizes[c][1], d = sizes[c][2], n_plain, n_fast;
        int64_t *plain = NULL, *fast = NULL;
        double r_plain, r_fast;
        float *x = clustered(n, d);

        assert_ok(FK_ALLOC(&plain, k, err));
        assert_ok(FK_ALLOC(&fast, k, err));
        for (uint64_t seed = 0; seed < 3; seed++) {
            assert_ok(fk_coreset_choose_plain(plain, &n_plain, &r_plain, k, x, n, d, seed, err));
            assert_ok(fk_coreset_choose(fast, &n_fast, &r_fast, NULL, k, x, n, d, seed, pool, err));
            assert_int_equal(n_fast, n_plain);
            assert_true(r_fast == r_plain);
            assert_memory_equal(fast, plain, (size_t)n_plain * sizeof *plain);
        }
        fk_free(plain);
        fk_free(fast);
        fk_free(x);
    }
    fk_pool_close(&pool);
}

/* Gonzalez 1985: greedy k-center is within twice the best radius; with a centre for each cluster
 * the best is at most the clusters' own. */
static void every_separate_group_is_found(void **state)
{
    enum { GROUPS = 9, EACH = 40, D = 5 };
    float x[GROUPS * EACH * D];
    int64_t chosen[GROUPS], count;
    double radius;
    int seen[GROUPS] = {0};

    (void)state;
    for (int i = 0; i < GROUPS * EACH; i++)
        for (int k = 0; k < D; k++)
            x[i * D + k] =
                20.0f * hashed(910, i % GROUPS * D + k) + 0.1f * hashed(911, (int64_t)i * D + k);
    assert_ok(fk_coreset_choose(chosen, &count, &radius, NULL, GROUPS, x, GROUPS * EACH, D, 1, NULL,
                                err));
    for (int i = 0; i < GROUPS; i++)
        seen[chosen[i] % GROUPS]++;
    for (int i = 0; i < GROUPS; i++)
        assert_int_equal(seen[i], 1);
}

static void equal_points_are_chosen_once(void **state)
{
    float x[12] = {1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4};
    int64_t chosen[6], count;
    double radius;

    (void)state;
    assert_ok(fk_coreset_choose(chosen, &count, &radius, NULL, 6, x, 6, 2, 0, NULL, err));
    assert_int_equal(count, 2);
    assert_int_equal(chosen[0] % 2 + chosen[1] % 2, 1);
    assert_ok(fk_coreset_choose_plain(chosen, &count, &radius, 6, x, 6, 2, 0, err));
    assert_int_equal(count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plain_choice_equals_numpy),
        cmocka_unit_test(lazy_distances_change_no_choice),
        cmocka_unit_test(every_separate_group_is_found),
        cmocka_unit_test(equal_points_are_chosen_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
