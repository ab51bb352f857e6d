/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: every piece once, whatever the number of threads, and the lowest failure. */
#include "fk_test.h"

#include <stdatomic.h>

#include "base/mem.h"
#include "base/pool.h"

enum { N = 5000 };

typedef struct job {
    _Atomic int runs[N];
    _Atomic int begun, wrong_worker;
    int threads;
    int64_t fail_from, fail_step; /* pieces fail_from, fail_from + fail_step, ... fail */
    int slow;                     /* piece that waits before it fails */
    double out[N];
} job;

static fleck_status piece(void *ctx, int64_t item, int worker, fleck_error *err)
{
    job *j = ctx;

    atomic_fetch_add(&j->runs[item], 1);
    atomic_fetch_add(&j->begun, 1);
    if (worker < 0 || worker >= j->threads)
        atomic_fetch_add(&j->wrong_worker, 1);
    j->out[item] = (double)item / 3.0;
    if (j->fail_step > 0 && item >= j->fail_from && (item - j->fail_from) % j->fail_step == 0) {
        if (item == j->slow)
            usleep(20000);
        return fk_error_set(err, FLECK_E_SHAPE, "piece %lld is bad", (long long)item);
    }
    return FLECK_OK;
}

static void every_piece_runs_exactly_once(void **state)
{
    static const int threads[] = {1, 2, 4, 9};

    (void)state;
    for (size_t k = 0; k < sizeof threads / sizeof threads[0]; k++) {
        fk_pool *pool;
        job *j = calloc(1, sizeof *j);

        assert_non_null(j);
        j->threads = threads[k];
        assert_ok(fk_pool_open(&pool, threads[k], err));
        assert_int_equal(fk_pool_threads(pool), threads[k]);
        assert_ok(fk_pool_run(pool, N, piece, j, err));
        for (int i = 0; i < N; i++)
            assert_int_equal(j->runs[i], 1);
        assert_int_equal(j->wrong_worker, 0);
        fk_pool_close(&pool);
        assert_null(pool);
        free(j);
    }
}

static void no_pool_runs_pieces_in_the_caller(void **state)
{
    job *j = calloc(1, sizeof *j);

    (void)state;
    assert_non_null(j);
    j->threads = 1;
    assert_int_equal(fk_pool_threads(NULL), 1);
    assert_ok(fk_pool_run(NULL, N, piece, j, err));
    assert_int_equal(j->begun, N);
    assert_int_equal(j->wrong_worker, 0);
    free(j);
}

static void one_and_four_threads_give_the_same_bytes(void **state)
{
    job *one = calloc(1, sizeof *one), *four = calloc(1, sizeof *four);
    fk_pool *pool;

    (void)state;
    assert_true(one != NULL && four != NULL);
    assert_ok(fk_pool_open(&pool, 4, err));
    assert_ok(fk_pool_run(NULL, N, piece, one, err));
    assert_ok(fk_pool_run(pool, N, piece, four, err));
    assert_memory_equal(one->out, four->out, sizeof one->out);
    fk_pool_close(&pool);
    free(one);
    free(four);
}

static void a_pool_runs_many_jobs_and_none_at_all(void **state)
{
    fk_pool *pool;
    job *j = calloc(1, sizeof *j);

    (void)state;
    assert_non_null(j);
    j->threads = 3;
    assert_ok(fk_pool_open(&pool, 3, err));
    assert_ok(fk_pool_run(pool, 0, piece, j, err));
    assert_int_equal(j->begun, 0);
    for (int n = 1; n <= 200; n++) {
        atomic_store(&j->begun, 0);
        assert_ok(fk_pool_run(pool, n % 5, piece, j, err));
        assert_int_equal(j->begun, n % 5);
    }
    fk_pool_close(&pool);
    fk_pool_close(&pool);
    fk_pool_close(NULL);
    free(j);
}

/* The first bad piece is slow: later bad ones report before it, and still it is named. */
static void of_several_failures_the_lowest_is_reported(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        fk_pool *pool;

        assert_ok(fk_pool_open(&pool, threads, err));
        for (int round = 0; round < 5; round++) {
            job *j = calloc(1, sizeof *j);

            assert_non_null(j);
            j->threads = threads;
            j->fail_from = j->slow = 7;
            j->fail_step = 1;
            assert_refused(fk_pool_run(pool, N, piece, j, err), FLECK_E_SHAPE, "piece 7 is bad");
            for (int i = 0; i <= 7; i++)
                assert_int_equal(j->runs[i], 1);
            assert_true(j->begun < 8 + threads); /* no new piece begins after a failure */
            free(j);
        }
        fk_pool_close(&pool);
    }
}

static void a_pool_works_again_after_a_failure(void **state)
{
    fk_pool *pool;
    job *j = calloc(1, sizeof *j);

    (void)state;
    assert_non_null(j);
    j->threads = 4;
    j->fail_step = 10;
    j->slow = -1;
    assert_ok(fk_pool_open(&pool, 4, err));
    assert_int_equal(fk_pool_run(pool, N, piece, j, NULL), FLECK_E_SHAPE);
    memset(j, 0, sizeof *j);
    j->threads = 4;
    assert_ok(fk_pool_run(pool, N, piece, j, err));
    assert_int_equal(j->begun, N);
    fk_pool_close(&pool);
    free(j);
}

static void absurd_numbers_of_threads_are_refused(void **state)
{
    fk_pool *pool = NULL;

    (void)state;
    assert_refused(fk_pool_open(&pool, 0, err), FLECK_E_OPTION, "expected 1 to 4096, got 0");
    assert_refused(fk_pool_open(&pool, -1, err), FLECK_E_OPTION, "got -1");
    assert_refused(fk_pool_open(&pool, 5000, err), FLECK_E_OPTION, "got 5000");
    assert_null(pool);
}

static void opening_survives_every_failing_allocation(void **state)
{
    int64_t failures = 0;
    fleck_status st;

    (void)state;
    do {
        fk_pool *pool = NULL;

        fk_mem_fail_at(failures + 1);
        st = fk_pool_open(&pool, 3, NULL);
        fk_mem_fail_at(0);
        if (st != FLECK_OK) {
            assert_int_equal(st, FLECK_E_NOMEM);
            assert_null(pool);
            failures++;
        }
        fk_pool_close(&pool);
    } while (st != FLECK_OK);
    assert_int_equal(failures, 4); /* the pool, its handles, two starts */
}

static void there_is_at_least_one_processor(void **state)
{
    (void)state;
    assert_true(fk_pool_processors() >= 1);
    assert_true(fk_pool_processors() <= sysconf(_SC_NPROCESSORS_CONF));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_piece_runs_exactly_once),
        cmocka_unit_test(no_pool_runs_pieces_in_the_caller),
        cmocka_unit_test(one_and_four_threads_give_the_same_bytes),
        cmocka_unit_test(a_pool_runs_many_jobs_and_none_at_all),
        cmocka_unit_test(of_several_failures_the_lowest_is_reported),
        cmocka_unit_test(a_pool_works_again_after_a_failure),
        cmocka_unit_test(absurd_numbers_of_threads_are_refused),
        cmocka_unit_test(opening_survives_every_failing_allocation),
        cmocka_unit_test(there_is_at_least_one_processor),
    };

    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
