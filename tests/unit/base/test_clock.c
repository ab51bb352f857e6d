/* SPDX-License-Identifier: Apache-2.0 */
/* The clock goes forward and memory use is counted in MiB. */
#include "fk_test.h"

#include "base/clock.h"

static void the_clock_never_goes_back(void **state)
{
    double before = fk_clock_seconds();

    (void)state;
    for (int i = 0; i < 10000; i++) {
        double now = fk_clock_seconds();

        assert_true(now >= before);
        before = now;
    }
}

static void the_clock_counts_in_seconds(void **state)
{
    double start = fk_clock_seconds(), passed;

    (void)state;
    usleep(20000);
    passed = fk_clock_seconds() - start;
    assert_true(passed >= 0.02);
    assert_true(passed < 10.0); /* a machine under load may sleep long, but not that long */
}

static void touching_memory_raises_the_peak_by_as_many_mib(void **state)
{
    enum { MIB = 64 };
    double before = fk_clock_peak_rss_mib();
    volatile char *block = malloc((size_t)MIB << 20);

    (void)state;
    assert_true(before > 0.5);
    assert_non_null((void *)block);
    for (size_t i = 0; i < (size_t)MIB << 20; i += 4096)
        block[i] = 1;
    /* the peak may have been above what was resident before, so that not all of it shows */
    assert_true(fk_clock_peak_rss_mib() >= MIB);
    assert_true(fk_clock_peak_rss_mib() < before + 2 * MIB);
    free((void *)block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clock_never_goes_back),
        cmocka_unit_test(the_clock_counts_in_seconds),
        cmocka_unit_test(touching_memory_raises_the_peak_by_as_many_mib),
    };

    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
