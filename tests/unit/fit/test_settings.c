/* SPDX-License-Identifier: Apache-2.0 */
/* The table of a fit's settings: texts become members, and members are checked. */
#include "fk_test.h"

#include "fit/settings.h"

static void defaults_come_from_the_table_and_are_legal(void **state)
{
    fleck_settings s = fk_fit_defaults();

    (void)state;
    assert_string_equal(s.method, "patchcore");
    assert_true(s.pixels == 256 * 256 && s.overlap == 0.25 && s.sigma == 4.0);
    assert_true(s.calibrate == INT64_MAX && s.false_alarms == 0.03 && s.given == 0);
    assert_true(s.width == 0 && s.tile == 0 && s.max_memory == 0 && !s.recursive);
    assert_null(s.engine);
    assert_ok(fk_fit_check(&s, err));
}

static void each_kind_is_read_from_its_text(void **state)
{
    fleck_settings s = fk_fit_defaults();

    (void)state;
    assert_ok(fk_fit_set(&s, "threads", "3", err));
    assert_ok(fk_fit_set(&s, "size", "128x96", err));
    assert_ok(fk_fit_set(&s, "crop", "64", err));
    assert_ok(fk_fit_set(&s, "false-alarms", "2%", err));
    assert_ok(fk_fit_set(&s, "max-memory", "1.5G", err));
    assert_ok(fk_fit_set(&s, "skip-bad", "true", err));
    assert_ok(fk_fit_set(&s, "calibrate", "12", err));
    assert_ok(fk_fit_set(&s, "engine", "reference", err));
    assert_ok(fk_fit_set(&s, "taps", "a,b", err));
    assert_true(s.threads == 3 && s.width == 128 && s.height == 96);
    assert_true(s.crop_width == 64 && s.crop_height == 64 && s.false_alarms == 0.02);
    assert_true(s.max_memory == INT64_C(3) << 29 && s.skip_bad && s.calibrate == 12);
    assert_string_equal(s.engine, "reference");
    assert_string_equal(s.taps, "a,b");
    assert_true(fk_fit_given(&s, "size") && !fk_fit_given(&s, "tiles"));
    assert_ok(fk_fit_check(&s, err));
    assert_ok(fk_fit_set(&s, "crop", "none", err));
    assert_ok(fk_fit_set(&s, "calibrate", "all", err));
    assert_ok(fk_fit_set(&s, "tiles", "0", err));
    assert_ok(fk_fit_set(&s, "skip-bad", "false", err));
    assert_true(s.crop_width == 0 && s.calibrate == INT64_MAX && s.tile == 0 && !s.skip_bad);
}

static void what_no_setting_takes_is_refused(void **state)
{
    static const char *const cases[][2] = {
        {"threads", "4097"},   {"size", "16"},          {"size", "64x"},
        {"size", "x64"},       {"size", "64x64x64"},    {"size", "none"},
        {"crop", ""},          {"false-alarms", "1"},   {"false-alarms", "100%"},
        {"false-alarms", "%"}, {"max-memory", "0"},     {"max-memory", "G"},
        {"max-memory", "1KB"}, {"max-memory", "-1"},    {"skip-bad", "yes"},
        {"calibrate", "none"}, {"engine", "native|"},   {"engine", ""},
        {"sigma", "nan"},      {"long-side", "1e3"},    {"tiles", "31"},
        {"overlap", "0,5"},    {"precision", "f32|f16"}};
    const fleck_settings none = fk_fit_defaults();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fleck_settings s = none;

        assert_refused(fk_fit_set(&s, cases[i][0], cases[i][1], err), FLECK_E_OPTION, cases[i][0]);
        assert_memory_equal(&s, &none, sizeof s);
    }
    assert_refused(fk_fit_set(&(fleck_settings){0}, "only", "1,2,3,4", err), FLECK_E_UNSUPPORTED,
                   "list");
}

static void settings_that_exclude_each_other_are_refused(void **state)
{
    static const char *const cases[][4] = {{"long-side", "64", "size", "64"},
                                           {"long-side", "64", "crop", "64"},
                                           {"pixels", "4096", "size", "64"},
                                           {"pixels", "4096", "long-side", "64"},
                                           {"overlap", "0.5", "tiles", "0"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fleck_settings s = fk_fit_defaults();

        assert_ok(fk_fit_set(&s, cases[i][0], cases[i][1], err));
        assert_ok(fk_fit_set(&s, cases[i][2], cases[i][3], err));
        assert_refused(fk_fit_check(&s, err), FLECK_E_OPTION, cases[i][2]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_come_from_the_table_and_are_legal),
        cmocka_unit_test(each_kind_is_read_from_its_text),
        cmocka_unit_test(what_no_setting_takes_is_refused),
        cmocka_unit_test(settings_that_exclude_each_other_are_refused)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
