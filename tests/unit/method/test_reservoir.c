/* SPDX-License-Identifier: Apache-2.0 */
/* The sample of patches: any order and any cut gives the same, and no patch is in it twice. */
#include "base/mem.h"
#include "base/prng.h"
#include "fk_test.h"
#include "method/patchcore/reservoir.h"

#define DIM 5
#define PATCHES 4000

static float patches[PATCHES][DIM];

static void fill(void)
{
    fk_prng prng;

    fk_prng_seed(&prng, 3);
    for (int i = 0; i < PATCHES; i++)
        for (int j = 0; j < DIM; j++)
            patches[i][j] = (float)fk_prng_normal(&prng);
}

static void the_same_whatever_the_order(void **state)
{
    fk_reservoir forward, backward;

    (void)state;
    fill();
    fk_reservoir_init(&forward, DIM, 100);
    fk_reservoir_init(&backward, DIM, 100);
    for (int i = 0; i < PATCHES; i += 40)
        assert_ok(fk_reservoir_offer(&forward, patches[i], NULL, 40, i / 40, err));
    for (int i = PATCHES - 10; i >= 0; i -= 10)
        assert_ok(fk_reservoir_offer(&backward, patches[i], NULL, 10, i / 40, err));
    assert_ok(fk_reservoir_settle(&forward, err));
    assert_ok(fk_reservoir_settle(&backward, err));
    assert_int_equal(forward.n, 100);
    assert_int_equal(backward.n, 100);
    assert_memory_equal(forward.rows, backward.rows, 100 * DIM * sizeof(float));
    assert_memory_equal(forward.images, backward.images, 100 * sizeof(int64_t));
    for (int64_t i = 1; i < 100; i++)
        assert_true(forward.keys[i - 1] < forward.keys[i]);
    fk_reservoir_free(&forward);
    fk_reservoir_free(&backward);
}

/* The sample is of all images: of 100 images with 40 patches each none is likely to give 12 of
 * 100. */
static void the_sample_is_spread(void **state)
{
    fk_reservoir r;
    int of[100] = {0};

    (void)state;
    fill();
    fk_reservoir_init(&r, DIM, 100);
    for (int i = 0; i < PATCHES; i += 40)
        assert_ok(fk_reservoir_offer(&r, patches[i], NULL, 40, i / 40, err));
    assert_ok(fk_reservoir_settle(&r, err));
    for (int64_t i = 0; i < r.n; i++)
        assert_true(++of[r.images[i]] < 12);
    fk_reservoir_free(&r);
}

static void equal_patches_once_and_masked_ones_never(void **state)
{
    uint8_t valid[4] = {1, 0, 1, 1};
    float x[4][DIM] = {{1}, {2}, {3}, {1}};
    fk_reservoir r;

    (void)state;
    fk_reservoir_init(&r, DIM, 100);
    assert_ok(fk_reservoir_offer(&r, x[0], valid, 4, 7, err));
    assert_ok(fk_reservoir_offer(&r, x[0], NULL, 1, 3, err));
    assert_ok(fk_reservoir_settle(&r, err));
    assert_int_equal(r.n, 2);
    for (int64_t i = 0; i < 2; i++) {
        assert_true(r.rows[i * DIM] == 1 || r.rows[i * DIM] == 3);
        assert_int_equal(r.images[i], r.rows[i * DIM] == 1 ? 3 : 7);
    }
    fk_reservoir_free(&r);
}

static void joining_is_offering(void **state)
{
    fk_reservoir all, a, b;

    (void)state;
    fill();
    fk_reservoir_init(&all, DIM, 50);
    fk_reservoir_init(&a, DIM, 50);
    fk_reservoir_init(&b, DIM, 50);
    assert_ok(fk_reservoir_offer(&all, patches[0], NULL, 1000, 0, err));
    assert_ok(fk_reservoir_offer(&all, patches[1000], NULL, 1000, 1, err));
    assert_ok(fk_reservoir_offer(&a, patches[0], NULL, 1000, 0, err));
    assert_ok(fk_reservoir_offer(&b, patches[1000], NULL, 1000, 0, err));
    assert_ok(fk_reservoir_join(&a, &b, 1, err));
    assert_ok(fk_reservoir_settle(&all, err));
    assert_ok(fk_reservoir_settle(&a, err));
    assert_int_equal(a.n, all.n);
    assert_memory_equal(a.rows, all.rows, (size_t)(a.n * DIM) * sizeof(float));
    assert_memory_equal(a.images, all.images, (size_t)a.n * sizeof(int64_t));
    fk_reservoir_free(&all);
    fk_reservoir_free(&a);
    fk_reservoir_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_whatever_the_order),
        cmocka_unit_test(the_sample_is_spread),
        cmocka_unit_test(equal_patches_once_and_masked_ones_never),
        cmocka_unit_test(joining_is_offering),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
