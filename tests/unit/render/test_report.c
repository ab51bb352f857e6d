/* Tables in all forms, escaping, base64, and charts. */
#include "fk_test.h"

#include "render/chart.h"
#include "render/table.h"

#include <math.h>

static fk_table two_by_two(void)
{
    fk_table t = {.columns = 2};

    assert_ok(fk_table_add(&t, err, "name"));
    assert_ok(fk_table_add(&t, err, "value"));
    assert_ok(fk_table_add(&t, err, "a|b <c>"));
    assert_ok(fk_table_add(&t, err, "%.1f, \"x\"", 1.5));
    return t;
}

static void a_table_has_four_forms(void **state)
{
    fk_table t = two_by_two();
    fk_text out = {0};

    (void)state;
    assert_ok(fk_table_text(&out, &t, err));
    assert_string_equal(out.data, "name        value\na|b <c>  1.5, \"x\"\n");
    fk_text_free(&out);
    assert_ok(fk_table_markdown(&out, &t, err));
    assert_string_equal(out.data, "| name | value |\n|---|---:|\n| a\\|b <c> | 1.5, \"x\" |\n");
    fk_text_free(&out);
    assert_ok(fk_table_html(&out, &t, err));
    assert_string_equal(out.data,
                        "<table>\n<tr><th>name</th><th>value</th></tr>\n"
                        "<tr><td>a|b &lt;c&gt;</td><td>1.5, &quot;x&quot;</td></tr>\n</table>\n");
    fk_text_free(&out);
    assert_ok(fk_table_csv(&out, &t, err));
    assert_string_equal(out.data, "name,value\na|b <c>,\"1.5, \"\"x\"\"\"\n");
    fk_text_free(&out);
    fk_table_free(&t);
}

static void nothing_in_a_text_can_become_markup(void **state)
{
    fk_text out = {0};

    (void)state;
    assert_ok(fk_html_text(&out, "<script>'&\x01\n\"\xc3\xa4", err));
    assert_string_equal(out.data, "&lt;script&gt;&#39;&amp;?\n&quot;\xc3\xa4");
    fk_text_free(&out);
}

/* RFC 4648, section 10. */
static void base64_gives_the_standards_examples(void **state)
{
    static const char *const cases[][2] = {{"f", "Zg=="},         {"fo", "Zm8="},
                                           {"foo", "Zm9v"},       {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fk_text out = {0};

        assert_ok(fk_html_base64(&out, (const uint8_t *)cases[i][0], strlen(cases[i][0]), err));
        assert_string_equal(out.data, cases[i][1]);
        fk_text_free(&out);
    }
}

static void bins_hold_every_finite_value_once(void **state)
{
    const double a[] = {0.0, 0.0, 32.0, NAN, INFINITY}, b[] = {31.0, 16.0, 15.999, 31.999};
    int64_t x[FK_CHART_BINS], y[FK_CHART_BINS], sum = 0;
    double low, high;

    (void)state;
    fk_chart_bins(x, y, &low, &high, a, 5, b, 4);
    assert_true(low == 0.0 && high == 32.0);
    assert_int_equal(x[0], 2);
    assert_int_equal(x[31], 1);
    assert_int_equal(y[31], 2);
    assert_int_equal(y[16], 1);
    assert_int_equal(y[15], 1);
    for (int i = 0; i < FK_CHART_BINS; i++)
        sum += x[i] + y[i];
    assert_int_equal(sum, 7);
    fk_chart_bins(x, y, &low, &high, b, 1, NULL, 0);
    assert_true(low == 31.0 && high == 32.0);
    assert_int_equal(x[0], 1);
    fk_chart_bins(x, y, &low, &high, NULL, 0, &a[3], 1);
    assert_true(low == 0.0 && high == 1.0);
}

static void a_curve_is_drawn_within_its_frame(void **state)
{
    const double x[] = {0.0, 0.5, NAN, 1.0, 2.0}, y[] = {0.0, 0.75, 0.5, 1.0, 1.0};
    fk_chart_series s = {"a < b", 5, x, y};
    fk_text out = {0};

    (void)state;
    assert_ok(fk_chart_curves(&out, "title & more", "x", "y", &s, 1, err));
    /* The frame is 240 wide from (46, 28); points that are not on it are left out. */
    assert_non_null(strstr(out.data, "points=\"46.00,268.00 166.00,88.00 286.00,28.00 \""));
    assert_non_null(strstr(out.data, "a &lt; b"));
    assert_non_null(strstr(out.data, "title &amp; more"));
    assert_int_equal(strncmp(out.data, "<svg ", 5), 0);
    assert_string_equal(out.data + out.length - 7, "</svg>\n");
    fk_text_free(&out);
}

static void a_histogram_draws_a_bar_for_each_bin_that_holds_something(void **state)
{
    const double good[] = {0.0, 0.0, 1.0}, bad[] = {1.0};
    fk_text out = {0};
    int bars = 0;

    (void)state;
    assert_ok(fk_chart_histogram(&out, "scores", good, 3, bad, 1, err));
    for (const char *p = out.data; (p = strstr(p, "width=\"7.50\"")) != NULL; p++)
        bars++;
    assert_int_equal(bars, 3);
    assert_non_null(strstr(out.data, "height=\"160.00\"")); /* the bin of two is the highest */
    assert_non_null(strstr(out.data, "height=\"80.00\""));
    fk_text_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_has_four_forms),
        cmocka_unit_test(nothing_in_a_text_can_become_markup),
        cmocka_unit_test(base64_gives_the_standards_examples),
        cmocka_unit_test(bins_hold_every_finite_value_once),
        cmocka_unit_test(a_curve_is_drawn_within_its_frame),
        cmocka_unit_test(a_histogram_draws_a_bar_for_each_bin_that_holds_something)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
