/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: checked sizes, alignment, and allocations made to fail. */
#include "fk_test.h"

#include "base/mem.h"

static void products_that_fit_are_exact(void **state)
{
    int64_t p = -1;

    (void)state;
    assert_true(fk_mul_fits(0, INT64_MAX, &p));
    assert_true(p == 0);
    assert_true(fk_mul_fits(1, INT64_MAX, &p));
    assert_true(p == INT64_MAX);
    assert_true(fk_mul_fits(3037000499, 3037000499, &p)); /* floor(sqrt(2^63 - 1)) */
    assert_true(p == INT64_C(9223372030926249001));
}

static void products_that_do_not_fit_are_refused(void **state)
{
    int64_t p = 42;

    (void)state;
    assert_false(fk_mul_fits(3037000500, 3037000500, &p));
    assert_false(fk_mul_fits(INT64_MAX, 2, &p));
    assert_false(fk_mul_fits(INT64_C(1) << 32, INT64_C(1) << 32, &p)); /* 0 modulo 2^64 */
    assert_false(fk_mul_fits(-1, 5, &p));
    assert_false(fk_mul_fits(5, -1, &p));
    assert_false(fk_mul_fits(-3, -3, &p));
    assert_true(p == 42);
}

static void blocks_are_aligned_to_64_bytes_and_calloc_zeroes(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 300; n++) {
        unsigned char *p, *q;

        assert_ok(FK_ALLOC(&p, n, err));
        assert_ok(FK_CALLOC(&q, n, err));
        assert_int_equal((uintptr_t)p % 64, 0);
        assert_int_equal((uintptr_t)q % 64, 0);
        for (int64_t i = 0; i < n; i++)
            assert_int_equal(q[i], 0);
        fk_free(p);
        fk_free(q);
    }
    fk_free(NULL);
}

static void sizes_that_no_memory_has_are_refused(void **state)
{
    double *p = (double *)(uintptr_t)8;

    (void)state;
    assert_refused(FK_ALLOC(&p, INT64_MAX / 8 + 1, err), FLECK_E_NOMEM, "of 8 bytes do not fit");
    assert_null(p);
    assert_refused(FK_ALLOC(&p, INT64_MAX / 8, err), FLECK_E_NOMEM, "");
    assert_null(p);
    assert_refused(FK_CALLOC(&p, -1, err), FLECK_E_NOMEM, "-1 elements");
    assert_null(p);
}

static void growing_keeps_what_was_there(void **state)
{
    int *p = NULL;
    int64_t room = 0;

    (void)state;
    for (int64_t n = 1; n < 2000; n *= 3) {
        assert_ok(fk_grow((void **)&p, room, n, sizeof *p, err));
        for (int64_t i = 0; i < room; i++)
            assert_int_equal(p[i], i);
        for (int64_t i = room; i < n; i++)
            p[i] = (int)i;
        room = n;
    }
    fk_free(p);
}

static void a_failed_growth_leaves_the_block(void **state)
{
    int *p, *before;

    (void)state;
    assert_ok(FK_ALLOC(&p, 1, err));
    *p = 5;
    before = p;
    fk_mem_fail_at(1);
    assert_refused(fk_grow((void **)&p, 1, 100, sizeof *p, err), FLECK_E_NOMEM, "memory");
    fk_mem_fail_at(0);
    assert_ptr_equal(p, before);
    assert_int_equal(*p, 5);
    assert_refused(fk_grow((void **)&p, 1, INT64_MAX, sizeof *p, err), FLECK_E_NOMEM, "fit");
    assert_ptr_equal(p, before);
    fk_free(p);
}

static void only_the_nth_allocation_fails_and_all_are_counted(void **state)
{
    char *p[5];

    (void)state;
    fk_mem_fail_at(3);
    for (int i = 0; i < 5; i++)
        assert_int_equal(FK_ALLOC(&p[i], 10, NULL), i == 2 ? FLECK_E_NOMEM : FLECK_OK);
    assert_null(p[2]);
    assert_int_equal(fk_mem_fail_at(0), 5);
    assert_int_equal(fk_mem_fail_at(0), 0);
    for (int i = 0; i < 5; i++)
        fk_free(p[i]);
}

static void large_blocks_are_zeroed_on_both_sides_of_the_limit(void **state)
{
    const int64_t sizes[] = {100, FK_LARGE - 1, FK_LARGE, FK_LARGE + 1};
    uint8_t *p;

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int round = 0; round < 2; round++) { /* the second may get the first one's memory */
            assert_ok(fk_calloc_large((void **)&p, sizes[i], err));
            assert_int_equal((uintptr_t)p % 64, 0);
            for (int64_t k = 0; k < sizes[i]; k++)
                if (p[k] != 0)
                    fail_msg("%lld bytes: byte %lld is %d", (long long)sizes[i], (long long)k,
                             p[k]);
            memset(p, 0x5a, (size_t)sizes[i]);
            fk_free_large(p, sizes[i]);
        }
        fk_mem_fail_at(1);
        assert_refused(fk_calloc_large((void **)&p, sizes[i], err), FLECK_E_NOMEM, "memory");
        assert_null(p);
        fk_mem_fail_at(0);
    }
    assert_refused(fk_calloc_large((void **)&p, -1, err), FLECK_E_NOMEM, "-1 elements");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_that_fit_are_exact),
        cmocka_unit_test(products_that_do_not_fit_are_refused),
        cmocka_unit_test(blocks_are_aligned_to_64_bytes_and_calloc_zeroes),
        cmocka_unit_test(sizes_that_no_memory_has_are_refused),
        cmocka_unit_test(growing_keeps_what_was_there),
        cmocka_unit_test(a_failed_growth_leaves_the_block),
        cmocka_unit_test(only_the_nth_allocation_fails_and_all_are_counted),
        cmocka_unit_test(large_blocks_are_zeroed_on_both_sides_of_the_limit),
    };

    return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
