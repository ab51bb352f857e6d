/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks by name: memory first, then a file that nobody sees. */
#include "fk_test.h"

#include "base/blobs.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/pool.h"

static void name_of(char name[FK_BLOBS_NAME], int i)
{
    snprintf(name, FK_BLOBS_NAME, "block %d", i);
}

/* Block i: i * 37 % 5000 bytes, byte j is i + 3 j. */
static int64_t fill(uint8_t *bytes, int i)
{
    int64_t size = i * 37 % 5000;

    for (int64_t j = 0; j < size; j++)
        bytes[j] = (uint8_t)(i + 3 * j);
    return size;
}

static void every_block_comes_back_from_memory_and_from_the_file(void **state)
{
    const char *folder = test_folder();
    fk_blobs *b = NULL;
    fk_names seen = {0};
    char name[FK_BLOBS_NAME];
    uint8_t wanted[5000], found[5000];
    int64_t memory, file, total = 0;

    (void)state;
    assert_ok(fk_blobs_open(&b, folder, 100000, err));
    assert_int_equal(fk_blobs_size(b, "nothing"), -1);
    for (int i = 0; i < 300; i++) {
        int64_t size = fill(wanted, i);

        name_of(name, i);
        assert_ok(fk_blobs_put(b, name, wanted, size, err));
        total += size;
    }
    fk_blobs_used(b, &memory, &file);
    assert_true(memory <= 100000 && memory > 90000); /* blocks of up to 5000 fill all but a rest */
    assert_int_equal(memory + file, total);
    assert_ok(fk_folder_list(&seen, folder, 'f', err));
    assert_int_equal(seen.count, 0);
    for (int i = 299; i >= 0; i--) {
        int64_t size = fill(wanted, i);

        name_of(name, i);
        assert_int_equal(fk_blobs_size(b, name), size);
        assert_ok(fk_blobs_get(b, name, found, err));
        assert_memory_equal(found, wanted, (size_t)size);
    }
    fk_names_free(&seen);
    fk_blobs_close(&b);
    assert_null(b);
    assert_int_equal(rmdir(folder), 0); /* nothing was left behind */
}

static void the_first_block_of_a_name_stays(void **state)
{
    fk_blobs *b = NULL;
    int64_t memory, file;
    char found[4];

    (void)state;
    assert_ok(fk_blobs_open(&b, "/nowhere", 8, err));
    assert_ok(fk_blobs_put(b, "a", "one", 4, err));
    assert_ok(fk_blobs_put(b, "a", "two", 4, err));
    assert_ok(fk_blobs_get(b, "a", found, err));
    assert_string_equal(found, "one");
    fk_blobs_used(b, &memory, &file);
    assert_int_equal(memory, 4);
    fk_blobs_close(&b);
}

static void a_folder_that_takes_no_file_is_named(void **state)
{
    fk_blobs *b = NULL;

    (void)state;
    assert_ok(fk_blobs_open(&b, "/nowhere", 3, err));
    assert_refused(fk_blobs_put(b, "a", "four", 4, err), FLECK_E_NOTFOUND, "/nowhere");
    assert_int_equal(fk_blobs_size(b, "a"), -1);
    assert_ok(fk_blobs_put(b, "b", "in", 3, err));
    fk_blobs_close(&b);
}

static void failed_allocations_leave_the_blocks_as_they_were(void **state)
{
    fk_blobs *b = NULL;
    char found[8];

    (void)state;
    assert_ok(fk_blobs_open(&b, "/nowhere", 1000, err));
    assert_ok(fk_blobs_put(b, "old", "old", 4, err));
    (void)fk_mem_fail_at(1);
    assert_refused(fk_blobs_put(b, "new", "new", 4, err), FLECK_E_NOMEM, "memory");
    (void)fk_mem_fail_at(0);
    assert_int_equal(fk_blobs_size(b, "new"), -1);
    assert_ok(fk_blobs_put(b, "new", "new", 4, err));
    assert_ok(fk_blobs_get(b, "old", found, err));
    assert_string_equal(found, "old");
    fk_blobs_close(&b);
}

static fleck_status put_some(void *ctx, int64_t item, int worker, fleck_error *err)
{
    char name[FK_BLOBS_NAME];
    uint8_t bytes[5000], found[5000];
    int i = (int)(item % 200);
    int64_t size = fill(bytes, i);
    fleck_status st;

    (void)worker;
    name_of(name, i);
    FK_DO(fk_blobs_put(ctx, name, bytes, size, err));
    FK_DO(fk_blobs_get(ctx, name, found, err));
    if (memcmp(found, bytes, (size_t)size) != 0)
        FK_FAIL(err, FLECK_E_STATE, "block %d differs", i);
done:
    return st;
}

static void threads_may_put_the_same_block_at_once(void **state)
{
    fk_blobs *b = NULL;
    fk_pool *pool = NULL;
    int64_t memory, file, total = 0;
    uint8_t bytes[5000];

    (void)state;
    for (int i = 0; i < 200; i++)
        total += fill(bytes, i);
    assert_ok(fk_blobs_open(&b, test_folder(), INT64_C(1) << 30, err));
    assert_ok(fk_pool_open(&pool, 4, err));
    assert_ok(fk_pool_run(pool, 800, put_some, b, err));
    fk_blobs_used(b, &memory, &file);
    assert_int_equal(memory, total);
    assert_int_equal(file, 0);
    fk_pool_close(&pool);
    fk_blobs_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_block_comes_back_from_memory_and_from_the_file),
        cmocka_unit_test(the_first_block_of_a_name_stays),
        cmocka_unit_test(a_folder_that_takes_no_file_is_named),
        cmocka_unit_test(failed_allocations_leave_the_blocks_as_they_were),
        cmocka_unit_test(threads_may_put_the_same_block_at_once)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
