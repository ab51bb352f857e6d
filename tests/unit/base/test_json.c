/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: strict parsing, getters, and text that reads back. */
#include "fk_test.h"

#include <math.h>

#include "base/json.h"
#include "base/mem.h"

static fk_json *parse(const char *text)
{
    fk_json *v;

    assert_ok(fk_json_parse(&v, text, strlen(text), "test", err));
    return v;
}

static void values_come_out_by_kind(void **state)
{
    fk_json *v = parse("{\"i\": -7, \"r\": 2.5, \"s\": \"gr\\u00fcn\", \"t\": true, \"f\": false, "
                       "\"n\": null, \"a\": [1, 2.5, \"x\"], \"o\": {}}");
    int64_t i = 0;
    double r = 0;
    bool b = false;
    const fk_json *a;

    (void)state;
    assert_true(fk_json_get_int(v, "i", &i));
    assert_int_equal(i, -7);
    assert_true(fk_json_get_real(v, "r", &r));
    assert_true(r == 2.5);
    assert_true(fk_json_get_real(v, "i", &r)); /* an integer is a number */
    assert_true(r == -7);
    assert_string_equal(fk_json_get_string(v, "s"), "gr\xc3\xbcn");
    assert_true(fk_json_get_bool(v, "t", &b));
    assert_true(b);
    assert_true(fk_json_get_bool(v, "f", &b));
    assert_false(b);
    assert_int_equal(fk_json_count(v), 8);
    a = fk_json_get(v, "a");
    assert_true(fk_json_is_array(a));
    assert_true(fk_json_is_object(fk_json_get(v, "o")));
    assert_int_equal(fk_json_count(a), 3);
    assert_true(fk_json_as_int(fk_json_at(a, 0), &i));
    assert_int_equal(i, 1);
    assert_true(fk_json_as_real(fk_json_at(a, 1), &r));
    assert_string_equal(fk_json_as_string(fk_json_at(a, 2)), "x");
    fk_json_free(&v);
    assert_null(v);
    fk_json_free(&v);
    fk_json_free(NULL);
}

static void what_is_missing_or_of_another_kind_is_not_there(void **state)
{
    fk_json *v = parse("{\"r\": 2.5, \"s\": \"x\", \"a\": [1]}");
    int64_t i = 99;
    double r = 99;
    bool b = true;

    (void)state;
    assert_false(fk_json_get_int(v, "none", &i));
    assert_false(fk_json_get_int(v, "r", &i));
    assert_false(fk_json_get_real(v, "s", &r));
    assert_false(fk_json_get_bool(v, "s", &b));
    assert_null(fk_json_get_string(v, "r"));
    assert_null(fk_json_get(v, "none"));
    assert_null(fk_json_at(fk_json_get(v, "a"), 1));
    assert_null(fk_json_at(fk_json_get(v, "a"), -1));
    assert_null(fk_json_get(NULL, "x"));
    assert_int_equal(fk_json_count(NULL), 0);
    assert_false(fk_json_is_object(NULL));
    assert_false(fk_json_as_int(NULL, &i));
    assert_int_equal(i, 99);
    assert_true(r == 99);
    fk_json_free(&v);
}

static void text_that_is_not_strict_json_is_refused_with_its_place(void **state)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "{",
                                        "{} {}",
                                        "{}x",
                                        "[1,]",
                                        "{\"a\":1,}",
                                        "{'a':1}",
                                        "{\"a\":1,\"a\":2}",
                                        "{\"o\":{\"b\":1,\"b\":1}}",
                                        "[01]",
                                        "[+1]",
                                        "[.5]",
                                        "[NaN]",
                                        "[1e999]",
                                        "[99999999999999999999]",
                                        "[\"\\u0000\"]",
                                        "[\"\xff\"]",
                                        "[\"\xc0\x80\"]",
                                        "[\"\\ud800\"]",
                                        "[\"a\nb\"]",
                                        "[// comment\n1]"};
    fk_json *v = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_refused(fk_json_parse(&v, texts[i], strlen(texts[i]), "file.json", err),
                       FLECK_E_FORMAT, "file.json: not valid JSON at line ");
        assert_null(v);
    }
    assert_refused(fk_json_parse(&v, NULL, 0, "nothing", err), FLECK_E_FORMAT, "nothing");
    assert_refused(fk_json_parse(&v, "{\n\"a\": ]}", 9, "x", err), FLECK_E_FORMAT, "line 2");
    assert_refused(fk_json_parse(&v, "{}\0", 3, "x", err), FLECK_E_FORMAT, "x: not valid");
}

static void deep_nesting_is_refused(void **state)
{
    enum { DEPTH = 200000 };
    char *text = malloc(DEPTH);
    fk_json *v = NULL;

    (void)state;
    assert_non_null(text);
    memset(text, '[', DEPTH);
    assert_refused(fk_json_parse(&v, text, DEPTH, "deep", err), FLECK_E_FORMAT, "depth");
    free(text);
}

static void dumped_text_keeps_order_and_every_digit(void **state)
{
    fk_json *v = fk_json_object(), *a = fk_json_array();
    char *text;

    (void)state;
    assert_true(fk_json_push_int(a, INT64_MIN));
    assert_true(fk_json_push_real(a, 0.1));
    assert_true(fk_json_push_string(a, "q\"\\\n"));
    assert_true(fk_json_push(a, fk_json_object()));
    assert_true(fk_json_put_int(v, "z", 1));
    assert_true(fk_json_put(v, "a", a));
    assert_true(fk_json_put_bool(v, "m", true));
    assert_true(fk_json_put_real(v, "b", 1.0));
    assert_true(fk_json_put_string(v, "z", "again")); /* keeps its first place */
    assert_ok(fk_json_dump(&text, v, 0, err));
    assert_string_equal(text, "{\"z\":\"again\",\"a\":[-9223372036854775808,0.10000000000000001,"
                              "\"q\\\"\\\\\\n\",{}],\"m\":true,\"b\":1.0}");
    fk_free(text);
    assert_ok(fk_json_dump(&text, v, 2, err));
    assert_non_null(strstr(text, "\n  \"z\": \"again\""));
    fk_free(text);
    fk_json_free(&v);
}

static void what_json_cannot_hold_is_refused_and_freed(void **state)
{
    fk_json *v = fk_json_object();

    (void)state;
    assert_false(fk_json_put_real(v, "nan", NAN));
    assert_false(fk_json_put_real(v, "inf", INFINITY));
    assert_false(fk_json_put_int(v, "\xff", 1));
    assert_false(fk_json_put(v, "null", NULL));
    assert_false(fk_json_put(NULL, "child", fk_json_array()));
    assert_false(fk_json_push(v, fk_json_array())); /* v is no array */
    assert_int_equal(fk_json_count(v), 0);
    fk_json_free(&v);
}

static void text_that_is_no_utf8_is_escaped(void **state)
{
    fk_json *v = fk_json_object();

    (void)state;
    assert_true(fk_json_put_string(v, "s", "a\xff"));
    assert_string_equal(fk_json_get_string(v, "s"), "a\xef\xbf\xbd"
                                                    "ff");
    fk_json_free(&v);
}

static fleck_status collect(void *ctx, const char *key, const fk_json *value, fleck_error *err)
{
    char *keys = ctx;
    size_t n = strlen(keys);
    int64_t i;

    if (!fk_json_as_int(value, &i))
        return fk_error_set(err, FLECK_E_FORMAT, "%s is no integer", key);
    snprintf(keys + n, 16 - n, "%s", key);
    return FLECK_OK;
}

static void each_visits_in_the_files_order_and_stops_at_a_failure(void **state)
{
    fk_json *v = parse("{\"z\":1,\"a\":2,\"m\":3}"), *bad = parse("{\"z\":1,\"a\":\"x\",\"m\":3}");
    char keys[16] = "";

    (void)state;
    assert_ok(fk_json_each(v, collect, keys, err));
    assert_string_equal(keys, "zam");
    keys[0] = '\0';
    assert_refused(fk_json_each(bad, collect, keys, err), FLECK_E_FORMAT, "a is no integer");
    assert_string_equal(keys, "z");
    fk_json_free(&v);
    fk_json_free(&bad);
}

static void dump_survives_a_failing_allocation(void **state)
{
    fk_json *v = fk_json_object();
    char *text = NULL;

    (void)state;
    fk_mem_fail_at(1);
    assert_refused(fk_json_dump(&text, v, 0, err), FLECK_E_NOMEM, "memory");
    fk_mem_fail_at(0);
    assert_null(text);
    fk_json_free(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_out_by_kind),
        cmocka_unit_test(what_is_missing_or_of_another_kind_is_not_there),
        cmocka_unit_test(text_that_is_not_strict_json_is_refused_with_its_place),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(dumped_text_keeps_order_and_every_digit),
        cmocka_unit_test(what_json_cannot_hold_is_refused_and_freed),
        cmocka_unit_test(text_that_is_no_utf8_is_escaped),
        cmocka_unit_test(each_visits_in_the_files_order_and_stops_at_a_failure),
        cmocka_unit_test(dump_survives_a_failing_allocation),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
