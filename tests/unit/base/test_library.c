/* SPDX-License-Identifier: Apache-2.0 */
/* Libraries that are loaded when they are first needed. */
#include "fk_test.h"
#include "base/library.h"

typedef struct table {
    double (*cos)(double);
    double (*fabs)(double);
} table;

static void functions_are_found_in_the_order_of_their_names(void **state)
{
    static const char *const names[] = {"cos", "fabs", NULL};
    table t;

    (void)state;
    assert_ok(fk_library_load("libm.so.6", names, &t, err));
    assert_true(t.cos(0.0) == 1.0);
    assert_true(t.fabs(-3.0) == 3.0);
}

static void a_library_that_is_missing_is_named(void **state)
{
    static const char *const names[] = {"cos", NULL};
    table t;

    (void)state;
    assert_refused(fk_library_load("libmissing.so.7", names, &t, err), FLECK_E_NOTFOUND,
                   "libmissing.so.7 cannot be loaded: ");
}

static void a_function_that_a_library_lacks_is_named(void **state)
{
    static const char *const names[] = {"cos", "cosecant_of", NULL};
    table t;

    (void)state;
    assert_refused(fk_library_load("libm.so.6", names, &t, err), FLECK_E_NOTFOUND,
                   "libm.so.6 has no cosecant_of");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_found_in_the_order_of_their_names),
        cmocka_unit_test(a_library_that_is_missing_is_named),
        cmocka_unit_test(a_function_that_a_library_lacks_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
