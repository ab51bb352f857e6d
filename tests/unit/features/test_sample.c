/* SPDX-License-Identifier: Apache-2.0 */
/* Drawing without repetition as CPython does. */
#include "fk_test.h"

#include "base/mem.h"
#include "features/sample.h"

#include "../../golden/features_sample.h"

static uint64_t checksum(const int64_t *values, int64_t n)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (int64_t i = 0; i < n; i++)
        for (int b = 0; b < 64; b += 8)
            h = (h ^ (((uint64_t)values[i] >> b) & 0xff)) * 0x100000001b3u;
    return h;
}

static void draws_are_cpythons_number_for_number(void **state)
{
    int64_t out[600];

    (void)state;
    for (size_t i = 0; i < sizeof draws / sizeof draws[0]; i++) {
        assert_ok(fk_sample_python(out, draws[i].k, draws[i].n, draws[i].seed, err));
        assert_int_equal(out[0], draws[i].first);
        assert_int_equal(out[draws[i].k - 1], draws[i].last);
        assert_true(checksum(out, draws[i].k) == draws[i].checksum);
    }
}

/* The lists that the usual PyTorch code of PaDiM uses. */
static void draws_are_the_published_channel_lists(void **state)
{
    static const struct {
        const char *file;
        int64_t n, k;
    } lists[] = {{"reference/padim_idx_r18_100_seed1024.txt", 448, 100},
                 {"reference/padim_idx_wr50_550_seed1024.txt", 1792, 550}};
    shared_or_skip(folder, "reference");
    int64_t out[550];

    (void)state;
    (void)folder;
    for (int i = 0; i < 2; i++) {
        FILE *f = fopen(test_path("FLECK_TEST_SHARED", lists[i].file), "r");
        char line[32];

        assert_non_null(f);
        assert_ok(fk_sample_python(out, lists[i].k, lists[i].n, 1024, err));
        for (int64_t j = 0; j < lists[i].k; j++) {
            assert_non_null(fgets(line, sizeof line, f));
            assert_int_equal(strtol(line, NULL, 10), out[j]);
        }
        assert_null(fgets(line, sizeof line, f));
        fclose(f);
    }
}

static void an_allocation_that_fails_is_an_error(void **state)
{
    int64_t out[10];
    fleck_error err = {0};

    (void)state;
    fk_mem_fail_at(1);
    assert_int_equal(fk_sample_python(out, 10, 20, 1, &err), FLECK_E_NOMEM);
    fk_mem_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_are_cpythons_number_for_number),
        cmocka_unit_test(draws_are_the_published_channel_lists),
        cmocka_unit_test(an_allocation_that_fails_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
