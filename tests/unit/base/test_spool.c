/* SPDX-License-Identifier: Apache-2.0 */
/* The store of embeddings: memory first, then a file that nobody sees. */
#include "fk_test.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/spool.h"

#include <signal.h>
#include <sys/resource.h>

enum { P = 7, D = 5, N = 40, BYTES = P * D * 4 };

/* Number k of image i. */
static float number(int64_t i, int64_t k)
{
    return (float)(i * 1000 + k);
}

static void append_images(fk_spool *s, int64_t begin, int64_t end)
{
    float image[P * D];

    for (int64_t i = begin; i < end; i++) {
        for (int64_t k = 0; k < P * D; k++)
            image[k] = number(i, k);
        assert_ok(fk_spool_append(s, image, err));
    }
}

/* Piece `image` of a pool: every band of the image, narrow and wide. */
static fleck_status check_image(void *ctx, int64_t image, int worker, fleck_error *err)
{
    float out[P * D];
    fleck_status st = FLECK_OK;

    (void)worker;
    for (int64_t first = 0; first <= P; first++) {
        for (int64_t last = first; last <= P; last++) {
            FK_DO(fk_spool_read(ctx, image, first, last, out, err));
            for (int64_t k = first * D; k < last * D; k++)
                if (out[k - first * D] != number(image, k))
                    FK_FAIL(err, FLECK_E_FORMAT, "image %d, number %d", (int)image, (int)k);
        }
    }
done:
    return st;
}

static void every_band_comes_back_from_memory_and_from_the_file(void **state)
{
    const char *folder = test_folder();
    fk_pool *pool = NULL;

    (void)state;
    assert_ok(fk_pool_open(&pool, 4, err));
    for (int64_t kept = 0; kept <= N; kept += 10) { /* none, some and all in memory */
        fk_spool *s = NULL;
        fk_names seen = {0};
        int64_t memory, file;

        assert_ok(fk_spool_open(&s, P, D, kept * BYTES + BYTES - 1, folder, err));
        append_images(s, 0, N);
        assert_int_equal(fk_spool_count(s), N);
        fk_spool_used(s, &memory, &file);
        assert_int_equal(memory, kept * BYTES);
        assert_int_equal(file, (N - kept) * BYTES);
        assert_ok(fk_folder_list(&seen, folder, 'f', err));
        assert_int_equal(seen.count, 0);
        assert_ok(fk_pool_run(pool, N, check_image, s, err));
        fk_spool_close(&s);
        assert_null(s);
    }
    fk_pool_close(&pool);
    assert_int_equal(rmdir(folder), 0); /* nothing was left behind */
}

static void a_folder_that_is_missing_is_named_and_needed_only_beyond_the_budget(void **state)
{
    float image[P * D] = {0};
    fk_spool *s = NULL;

    (void)state;
    assert_ok(fk_spool_open(&s, P, D, 2 * BYTES, "/nowhere", err));
    append_images(s, 0, 2);
    assert_refused(fk_spool_append(s, image, err), FLECK_E_NOTFOUND, "/nowhere");
    assert_int_equal(fk_spool_count(s), 2);
    fk_spool_close(&s);
    assert_ok(fk_spool_open(&s, P, D, BYTES, NULL, err));
    append_images(s, 0, 1);
    assert_refused(fk_spool_append(s, image, err), FLECK_E_LIMIT, "no folder was named");
    fk_spool_close(&s);
}

/* A limit on the size of files stands in for a full disk. */
static void a_full_disk_is_said_with_the_folder_and_the_bytes(void **state)
{
    const char *folder = test_folder();
    struct rlimit before, small;
    float image[P * D] = {0};
    fk_spool *s = NULL;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_ok(fk_spool_open(&s, P, D, 0, folder, err));
    append_images(s, 0, 3);
    small = (struct rlimit){.rlim_cur = 3 * BYTES + 9, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_refused(fk_spool_append(s, image, err), FLECK_E_IO, "cannot add 140 bytes to 420");
    assert_refused(fk_spool_append(s, image, err), FLECK_E_IO, folder);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    append_images(s, 3, 4); /* what went in of the failed one is written over */
    assert_ok(check_image(s, 3, 0, err));
    fk_spool_close(&s);
    rmdir(folder);
}

static void any_allocation_may_fail(void **state)
{
    float image[P * D] = {0};
    fk_spool *s = NULL;

    (void)state;
    for (int64_t n = 1; n <= 2; n++) {
        (void)fk_mem_fail_at(n);
        assert_refused(fk_spool_open(&s, P, D, 2 * BYTES, ".", err), FLECK_E_NOMEM, "memory");
        assert_null(s);
    }
    (void)fk_mem_fail_at(0);
    assert_ok(fk_spool_open(&s, P, D, 2 * BYTES, ".", err));
    for (int64_t n = 1; n <= 2; n++) {
        (void)fk_mem_fail_at(n);
        assert_refused(fk_spool_append(s, image, err), FLECK_E_NOMEM, "memory");
        assert_int_equal(fk_spool_count(s), 0);
    }
    (void)fk_mem_fail_at(0);
    append_images(s, 0, 1);
    assert_ok(check_image(s, 0, 0, err));
    fk_spool_close(&s);
}

static void sizes_that_do_not_fit_are_refused(void **state)
{
    fk_spool *s = NULL;

    (void)state;
    assert_refused(fk_spool_open(&s, INT64_MAX / 2, 3, 0, NULL, err), FLECK_E_NOMEM, "do not fit");
    assert_null(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_band_comes_back_from_memory_and_from_the_file),
        cmocka_unit_test(a_folder_that_is_missing_is_named_and_needed_only_beyond_the_budget),
        cmocka_unit_test(a_full_disk_is_said_with_the_folder_and_the_bytes),
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(sizes_that_do_not_fit_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
