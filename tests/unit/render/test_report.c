/* SPDX-License-Identifier: Apache-2.0 */
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
                        "<table>\n<thead><tr><th scope=\"col\">name</th><th scope=\"col\">value"
                        "</th></tr></thead>\n<tbody>\n<tr><th scope=\"row\">a|b &lt;c&gt;</th>"
                        "<td>1.5, &quot;x&quot;</td></tr>\n</tbody>\n</table>\n");
    fk_text_free(&out);
    assert_ok(fk_table_csv(&out, &t, err));
    assert_string_equal(out.data, "name,value\na|b <c>,\"1.5, \"\"x\"\"\"\n");
    fk_text_free(&out);
    fk_table_free(&t);
}

static void a_marked_cell_stands_out_in_every_form_but_csv(void **state)
{
    fk_table t = two_by_two();
    fk_text out = {0};

    (void)state;
    assert_ok(fk_table_mark(&t, err));
    assert_ok(fk_table_add(&t, err, "b"));
    assert_ok(fk_table_add(&t, err, "2"));
    assert_ok(fk_table_text(&out, &t, err));
    assert_string_equal(out.data, "name        value\na|b <c>  1.5, \"x\"*\nb               2\n");
    fk_text_free(&out);
    assert_ok(fk_table_markdown(&out, &t, err));
    assert_non_null(strstr(out.data, "| **1.5, \"x\"** |\n| b | 2 |\n"));
    fk_text_free(&out);
    assert_ok(fk_table_html(&out, &t, err));
    assert_non_null(strstr(out.data, "<td><strong>1.5, &quot;x&quot;</strong></td>"));
    fk_text_free(&out);
    assert_ok(fk_table_csv(&out, &t, err));
    assert_string_equal(out.data, "name,value\na|b <c>,\"1.5, \"\"x\"\"\"\nb,2\n");
    fk_text_free(&out);
    fk_table_free(&t);
}

static void a_column_of_words_is_set_left(void **state)
{
    fk_table t = {.columns = 3};
    fk_text out = {0};
    static const char *const cells[] = {"a", "run", "n",     "x", "padim, k 5",
                                        "1", "y",   "spade", "12"};

    (void)state;
    for (int i = 0; i < 9; i++)
        assert_ok(fk_table_add(&t, err, "%s", cells[i]));
    assert_ok(fk_table_text(&out, &t, err));
    assert_string_equal(out.data, "a  run          n\nx  padim, k 5   1\ny  spade       12\n");
    fk_text_free(&out);
    assert_ok(fk_table_html(&out, &t, err));
    assert_non_null(strstr(out.data, "<td class=\"words\">spade</td><td>12</td>"));
    fk_text_free(&out);
    fk_table_free(&t);
}

static void long_names_in_html_may_break_at_underscores(void **state)
{
    fk_table t = {.columns = 1};
    fk_text out = {0};

    (void)state;
    assert_ok(fk_table_add(&t, err, "a_b<c/d"));
    assert_ok(fk_table_html(&out, &t, err));
    assert_non_null(strstr(out.data, ">a_<wbr>b&lt;c/<wbr>d</th>"));
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
    fk_chart_bins(x, y, &low, &high, a, 5, b, 4, NAN);
    assert_true(low == 0.0 && high == 32.0);
    assert_int_equal(x[0], 2);
    assert_int_equal(x[31], 1);
    assert_int_equal(y[31], 2);
    assert_int_equal(y[16], 1);
    assert_int_equal(y[15], 1);
    for (int i = 0; i < FK_CHART_BINS; i++)
        sum += x[i] + y[i];
    assert_int_equal(sum, 7);
    fk_chart_bins(x, y, &low, &high, b, 1, NULL, 0, NAN);
    assert_true(low == 31.0 && high == 32.0);
    assert_int_equal(x[0], 1);
    fk_chart_bins(x, y, &low, &high, NULL, 0, &a[3], 1, NAN);
    assert_true(low == 0.0 && high == 1.0);
    fk_chart_bins(x, y, &low, &high, b, 1, NULL, 0, 63.0);
    assert_true(low == 31.0 && high == 63.0);
    assert_int_equal(x[0], 1);
    assert_int_equal(x[31] + y[31], 0);
}

static void a_curve_is_drawn_within_its_frame(void **state)
{
    const double x[] = {0.0, 0.5, NAN, 1.0, 2.0}, y[] = {0.0, 0.75, 0.5, 1.0, 1.0};
    fk_chart_series s = {"a < b", 0, 5, x, y};
    fk_text out = {0};

    (void)state;
    assert_ok(fk_chart_curves(&out, "title & more", "x", "y", &s, 1, err));
    /* The frame is 240 wide from (46, 18); points that are not on it are left out. */
    assert_non_null(strstr(out.data, "points=\"46.00,258.00 166.00,78.00 286.00,18.00 \""));
    assert_non_null(strstr(out.data, "a &lt; b"));
    assert_non_null(strstr(out.data, "title &amp; more"));
    assert_non_null(strstr(out.data, "aria-label=\"title &amp; more: y over x"));
    assert_int_equal(strncmp(out.data, "<figure ", 8), 0);
    assert_string_equal(out.data + out.length - 17, "</svg>\n</figure>\n");
    fk_text_free(&out);
}

static void a_histogram_draws_a_bar_for_each_bin_that_holds_something(void **state)
{
    const double good[] = {0.0, 0.0, 1.0}, bad[] = {1.0};
    fk_text out = {0};
    int bars = 0;

    (void)state;
    assert_ok(fk_chart_histogram(&out, "scores", good, 3, bad, 1, NAN, err));
    for (const char *p = out.data; (p = strstr(p, "width=\"7.50\"")) != NULL; p++)
        bars++;
    assert_int_equal(bars, 3);
    assert_non_null(strstr(out.data, "height=\"160.00\"")); /* the bin of two is the highest */
    assert_non_null(strstr(out.data, "height=\"80.00\""));
    assert_null(strstr(out.data, "threshold"));
    assert_non_null(strstr(out.data, ">defective: 1<"));
    fk_text_free(&out);
}

static void a_histogram_has_a_line_at_the_threshold(void **state)
{
    const double good[] = {0.0, 0.25, 1.0}, bad[] = {1.0};
    fk_text out = {0};

    (void)state;
    assert_ok(fk_chart_histogram(&out, "scores", good, 3, bad, 1, 0.5, err));
    assert_non_null(strstr(out.data, "class=\"threshold\" d=\"M166.00 "));
    assert_non_null(strstr(out.data, ">threshold 0.5<"));
    assert_non_null(strstr(out.data, ">good: 1 of 3 above<"));
    assert_non_null(strstr(out.data, ">defective: 1 of 1 above<"));
    fk_text_free(&out);
    /* One beyond all scores widens the range to itself. */
    assert_ok(fk_chart_histogram(&out, "scores", good, 3, bad, 1, 2.0, err));
    assert_non_null(strstr(out.data, "class=\"threshold\" d=\"M286.00 "));
    fk_text_free(&out);
}

static int count_of(const char *text, const char *part)
{
    int n = 0;

    for (const char *p = text; (p = strstr(p, part)) != NULL; p++)
        n++;
    return n;
}

static void dots_stand_for_the_values_that_exist_and_the_best_has_a_ring(void **state)
{
    const double one[] = {70.0, 100.0}, two[] = {NAN, 85.0};
    const fk_chart_row rows[] = {{"a & b", "100 %", one, 1},
                                 {"a category with a very long name", "", two, -1}};
    const char *const names[] = {"x", "y < z"};
    fk_text out = {0};

    (void)state;
    assert_ok(fk_chart_dots(&out, "figure", rows, 2, names, 2, err));
    assert_int_equal(count_of(out.data, "<title>"), 3);
    assert_int_equal(count_of(out.data, "<circle "), 1);
    assert_non_null(strstr(out.data, "<title>y &lt; z: 100.00</title>"));
    assert_non_null(strstr(out.data, "a &amp; b"));
    assert_non_null(strstr(out.data, ">a category..ong name<"));
    fk_text_free(&out);
    assert_ok(fk_chart_legend(&out, names, 2, err));
    assert_int_equal(count_of(out.data, "<li>"), 2);
    assert_non_null(strstr(out.data, " y &lt; z</li>"));
    fk_text_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_has_four_forms),
        cmocka_unit_test(a_marked_cell_stands_out_in_every_form_but_csv),
        cmocka_unit_test(a_column_of_words_is_set_left),
        cmocka_unit_test(long_names_in_html_may_break_at_underscores),
        cmocka_unit_test(nothing_in_a_text_can_become_markup),
        cmocka_unit_test(base64_gives_the_standards_examples),
        cmocka_unit_test(bins_hold_every_finite_value_once),
        cmocka_unit_test(a_curve_is_drawn_within_its_frame),
        cmocka_unit_test(a_histogram_draws_a_bar_for_each_bin_that_holds_something),
        cmocka_unit_test(a_histogram_has_a_line_at_the_threshold),
        cmocka_unit_test(dots_stand_for_the_values_that_exist_and_the_best_has_a_ring)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
