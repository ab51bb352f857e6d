/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text: strict, exact, and the same in a German locale. */
#include "fk_test.h"

#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/option.h"
#include "base/prng.h"
#include "base/str.h"

static void decimal_numbers_are_read(void **state)
{
    static const struct {
        const char *text;
        double value;
    } cases[] = {{"0", 0},          {"-0", 0},     {"12", 12},       {"+3", 3},
                 {"0.5", 0.5},      {".5", 0.5},   {"5.", 5},        {"-1.25e2", -125},
                 {"1E-3", 1e-3},    {"1e+3", 1e3}, {"007", 7},       {"1e-400", 0},
                 {"0.1", 0.1},      {"4e0", 4},    {"1e308", 1e308}, {"9007199254740993", 0x1p53},
                 {"5e-324", 5e-324}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double v = 99;

        assert_true(fk_number_parse(cases[i].text, &v));
        assert_true(v == cases[i].value);
    }
}

static void what_is_no_decimal_number_is_refused(void **state)
{
    static const char *const texts[] = {"",      " 1",  "1 ", "1,5",   "0x10",    "inf", "nan",
                                        "1e",    "1e+", "e5", ".",     "-",       "+-1", "1.2.3",
                                        "1e999", "--1", "1f", "1e5.0", "\xd9\xa1"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        double v = 99;

        if (fk_number_parse(texts[i], &v))
            fail_msg("\"%s\" was read as a number", texts[i]);
        assert_true(v == 99);
    }
}

static void integers_are_read_within_64_bits(void **state)
{
    int64_t v = 7;

    (void)state;
    assert_true(fk_integer_parse("9223372036854775807", &v));
    assert_true(v == INT64_MAX);
    assert_true(fk_integer_parse("-9223372036854775808", &v));
    assert_true(v == INT64_MIN);
    assert_true(fk_integer_parse("+010", &v));
    assert_int_equal(v, 10);
    assert_false(fk_integer_parse("9223372036854775808", &v));
    assert_false(fk_integer_parse("1.0", &v));
    assert_false(fk_integer_parse(" 1", &v));
    assert_false(fk_integer_parse("1 ", &v));
    assert_false(fk_integer_parse("0x1", &v));
    assert_false(fk_integer_parse("-", &v));
    assert_false(fk_integer_parse("", &v));
    assert_int_equal(v, 10);
}

static void numbers_are_written_as_short_as_they_can_be(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0, "0"},
                 {0.1, "0.1"},
                 {0.5, "0.5"},
                 {-4, "-4"},
                 {1000, "1000"},
                 {1e15, "1000000000000000"},
                 {1e22, "1e+22"},
                 {1e-5, "1e-05"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {1.0 / 3.0, "0.3333333333333333"},
                 {123456.75, "123456.75"},
                 {INFINITY, "inf"},
                 {-INFINITY, "-inf"},
                 {NAN, "nan"}};
    char buffer[FK_NUMBER_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(fk_number_text(buffer, cases[i].value), cases[i].text);
}

static void every_double_reads_back_as_itself(void **state)
{
    char buffer[FK_NUMBER_TEXT];
    fk_prng g;

    (void)state;
    fk_prng_seed(&g, 4);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = fk_prng_next(&g);
        double value, back;

        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        assert_true(fk_number_parse(fk_number_text(buffer, value), &back));
        assert_true(back == value);
    }
}

/* ---- In a locale with a decimal comma ---- */

/* Build the German locale from the system's sources into path, quietly. */
static bool build_german(const char *path)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

        dup2(null, 1);
        dup2(null, 2);
        execlp("localedef", "localedef", "-i", "de_DE", "-f", "UTF-8", "--no-archive", path,
               (char *)NULL);
        _exit(127);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

/* False where the system cannot build it. */
static bool set_german(void)
{
    char path[4200];
    const char *folder = test_folder();

    snprintf(path, sizeof path, "%s/de_DE.UTF-8", folder);
    if (!build_german(path))
        return false;
    setenv("LOCPATH", folder, 1);
    return setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
}

static void a_german_locale_changes_no_number(void **state)
{
    static const fk_option table[] = {
        {.name = "sigma", .kind = FK_OPTION_REAL, .initial = "4.5", .min = 0, .max = 100},
        {.name = NULL}};
    char buffer[64], *text = NULL;
    fk_text grown = {0};
    fk_options o;
    fk_json *json;
    double v = 0;
    fleck_error e;

    (void)state;
    if (!set_german()) {
        printf("skipped: %s needs localedef and the sources of locales\n", __func__);
        skip();
    }
    snprintf(buffer, sizeof buffer, "%.1f", 0.5);
    assert_string_equal(buffer, "0,5"); /* the locale is in force */

    fk_format(buffer, sizeof buffer, "%.2f %s", 1234.5, "x");
    assert_string_equal(buffer, "1234.50 x");
    assert_true(fk_number_parse("0.25", &v));
    assert_true(v == 0.25);
    assert_false(fk_number_parse("0,25", &v));
    assert_string_equal(fk_number_text(buffer, 0.1), "0.1");
    assert_ok(fk_asprintf(&text, err, "%g", 2.5));
    assert_string_equal(text, "2.5");
    assert_ok(fk_text_printf(&grown, err, "%.3f", 0.125));
    assert_string_equal(grown.data, "0.125");
    fk_error_set(&e, FLECK_E_LIMIT, "%g", 1.5);
    assert_string_equal(e.message, "1.5");
    fk_free(text);
    fk_text_free(&grown);

    assert_ok(fk_options_init(&o, table, err));
    assert_ok(fk_options_set(&o, "sigma", "0.75", err));
    assert_true(fk_options_real(&o, "sigma") == 0.75);
    assert_ok(fk_options_to_json(&json, &o, err));
    assert_ok(fk_json_dump(&text, json, 0, err));
    assert_string_equal(text, "{\"sigma\":0.75}");
    fk_json_free(&json);
    assert_ok(fk_json_parse(&json, text, strlen(text), "text", err));
    assert_ok(fk_options_from_json(&o, json, err));
    assert_true(fk_options_real(&o, "sigma") == 0.75);
    fk_json_free(&json);
    fk_free(text);
    fk_options_free(&o);

    snprintf(buffer, sizeof buffer, "%.1f", 0.5);
    assert_string_equal(buffer, "0,5"); /* and the caller's locale is as it was */
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimal_numbers_are_read),
        cmocka_unit_test(what_is_no_decimal_number_is_refused),
        cmocka_unit_test(integers_are_read_within_64_bits),
        cmocka_unit_test(numbers_are_written_as_short_as_they_can_be),
        cmocka_unit_test(every_double_reads_back_as_itself),
        cmocka_unit_test(a_german_locale_changes_no_number),
    };

    return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
