/* SPDX-License-Identifier: Apache-2.0 */
/* Rules by which a map becomes an image's score. */
#include "fk_test.h"

#include "map/pooling.h"

static void texts_come_back_in_one_spelling(void **state)
{
    static const char *const cases[][2] = {{"method", "method"},
                                           {"max", "max"},
                                           {"top:1", "top:1"},
                                           {"top:0.50", "top:0.5"},
                                           {"top:100", "top:100"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[FK_POOLING_TEXT];
        fk_pooling p, again;

        assert_ok(fk_pooling_parse(&p, cases[i][0], err));
        assert_string_equal(fk_pooling_text(text, p), cases[i][1]);
        assert_ok(fk_pooling_parse(&again, text, err));
        assert_true(fk_pooling_same(p, again));
    }
}

static void other_texts_are_refused(void **state)
{
    static const char *const cases[] = {"",       "Max",       "top",     "top:",   "top:0",
                                        "top:-1", "top:100.1", "top:nan", "top:1%", "mean"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fk_pooling p = {FK_POOLING_MAX, 3.0};

        assert_refused(fk_pooling_parse(&p, cases[i], err), FLECK_E_OPTION,
                       "expected method, max or top:P");
        assert_int_equal(p.kind, FK_POOLING_METHOD);
    }
}

static void the_top_is_rounded_half_up_and_never_empty(void **state)
{
    static const struct {
        double percent;
        int64_t n, want;
    } cases[] = {{1.0, 50, 1},  {1.0, 149, 1}, {1.0, 150, 2}, {0.001, 100, 1},
                 {100.0, 7, 7}, {50.0, 3, 2},  {2.5, 20, 1},  {1.0, 50176, 502}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(
            fk_pooling_count((fk_pooling){FK_POOLING_TOP, cases[i].percent}, cases[i].n),
            cases[i].want);
}

static void different_shares_are_different_rules(void **state)
{
    (void)state;
    assert_true(
        fk_pooling_same((fk_pooling){FK_POOLING_MAX, 1.0}, (fk_pooling){FK_POOLING_MAX, 2}));
    assert_false(fk_pooling_same((fk_pooling){FK_POOLING_TOP, 1}, (fk_pooling){FK_POOLING_TOP, 2}));
    assert_false(fk_pooling_same((fk_pooling){0}, (fk_pooling){FK_POOLING_MAX, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_come_back_in_one_spelling),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(the_top_is_rounded_half_up_and_never_empty),
        cmocka_unit_test(different_shares_are_different_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
