/* SPDX-License-Identifier: Apache-2.0 */
/* Options: one table checks the command line, the form and the model file. */
#include "fk_test.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/option.h"

static const fk_option table[] = {
    {.name = "k", .kind = FK_OPTION_INT, .initial = "5", .min = 1, .max = 1000},
    {.name = "sigma", .kind = FK_OPTION_REAL, .initial = "4.0", .min = 0, .max = 100},
    {.name = "reduce",
     .kind = FK_OPTION_CHOICE,
     .initial = "random",
     .choices = "random|list:|orthogonal|none"},
    {.name = "note", .kind = FK_OPTION_TEXT, .initial = ""},
    {.name = NULL}};

static void a_fresh_table_has_its_defaults(void **state)
{
    fk_options o;

    (void)state;
    assert_ok(fk_options_init(&o, table, err));
    assert_int_equal(fk_options_int(&o, "k"), 5);
    assert_true(fk_options_real(&o, "sigma") == 4.0);
    assert_string_equal(fk_options_text(&o, "reduce"), "random");
    assert_string_equal(fk_options_text(&o, "note"), "");
    fk_options_free(&o);
    assert_null(o.values);
    fk_options_free(&o);
}

static void rows_are_found_by_their_whole_name(void **state)
{
    (void)state;
    assert_int_equal(fk_option_find(table, "k"), 0);
    assert_int_equal(fk_option_find(table, "note"), 3);
    assert_int_equal(fk_option_find(table, "sig"), -1);
    assert_int_equal(fk_option_find(table, ""), -1);
}

static void legal_values_are_kept_in_one_spelling(void **state)
{
    static const struct {
        const char *name, *given, *kept;
    } cases[] = {{"k", "1", "1"},
                 {"k", "1000", "1000"},
                 {"k", "+007", "7"},
                 {"sigma", "0", "0"},
                 {"sigma", "0.50", "0.5"},
                 {"sigma", "5e-1", "0.5"},
                 {"sigma", "1e2", "100"},
                 {"reduce", "none", "none"},
                 {"reduce", "list:a b.txt", "list:a b.txt"},
                 {"reduce", "list::", "list::"},
                 {"note", "any | text", "any | text"}};
    fk_options o;

    (void)state;
    assert_ok(fk_options_init(&o, table, err));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_ok(fk_options_set(&o, cases[i].name, cases[i].given, err));
        assert_string_equal(fk_options_text(&o, cases[i].name), cases[i].kept);
    }
    fk_options_free(&o);
}

static void illegal_values_are_refused_and_the_old_one_stays(void **state)
{
    static const struct {
        const char *name, *given, *part;
    } cases[] = {
        {"k", "0", "--k: expected an integer from 1 to 1000, got \"0\""},
        {"k", "1001", "got \"1001\""},
        {"k", "2.5", "got \"2.5\""},
        {"k", "", "got \"\""},
        {"k", " 5", "got \" 5\""},
        {"k", "5x", "got \"5x\""},
        {"k", "99999999999999999999", "expected an integer"},
        {"sigma", "-0.1", "--sigma: expected a number from 0 to 100, got \"-0.1\""},
        {"sigma", "100.1", "got \"100.1\""},
        {"sigma", "4,5", "got \"4,5\""},
        {"sigma", "nan", "got \"nan\""},
        {"sigma", "inf", "got \"inf\""},
        {"sigma", "0x4", "got \"0x4\""},
        {"reduce", "", "--reduce: expected one of random|list:|orthogonal|none, got \"\""},
        {"reduce", "rand", "got \"rand\""},
        {"reduce", "randomly", "got \"randomly\""},
        {"reduce", "list:", "got \"list:\""},
        {"reduce", "list", "got \"list\""},
        {"reduce", "random|none", "got \"random|none\""},
        {"depth", "1", "there is no option --depth here"},
    };
    fk_options o;

    (void)state;
    assert_ok(fk_options_init(&o, table, err));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(fk_options_set(&o, cases[i].name, cases[i].given, err), FLECK_E_OPTION,
                       cases[i].part);
    assert_int_equal(fk_options_int(&o, "k"), 5);
    assert_true(fk_options_real(&o, "sigma") == 4.0);
    assert_string_equal(fk_options_text(&o, "reduce"), "random");
    fk_options_free(&o);
}

static void json_of_the_options_sets_them_again(void **state)
{
    fk_options a, b;
    fk_json *json;
    char *text;

    (void)state;
    assert_ok(fk_options_init(&a, table, err));
    assert_ok(fk_options_init(&b, table, err));
    assert_ok(fk_options_set(&a, "k", "50", err));
    assert_ok(fk_options_set(&a, "sigma", "0.1", err));
    assert_ok(fk_options_set(&a, "reduce", "list:x", err));
    assert_ok(fk_options_to_json(&json, &a, err));
    assert_ok(fk_json_dump(&text, json, 0, err));
    assert_string_equal(text, "{\"k\":50,\"sigma\":0.10000000000000001,\"reduce\":\"list:x\","
                              "\"note\":\"\"}");
    assert_ok(fk_options_from_json(&b, json, err));
    for (int i = 0; table[i].name != NULL; i++)
        assert_string_equal(b.values[i], a.values[i]);
    fk_free(text);
    fk_json_free(&json);
    fk_options_free(&a);
    fk_options_free(&b);
}

static void json_with_one_bad_member_changes_nothing(void **state)
{
    static const struct {
        const char *json, *part;
        fleck_status status;
    } cases[] = {
        {"{\"k\": 7, \"sigma\": 500}", "--sigma: expected a number from 0 to 100, got \"500\"",
         FLECK_E_OPTION},
        {"{\"k\": 7, \"width\": 1}", "there is no option --width here", FLECK_E_OPTION},
        {"{\"k\": 7, \"note\": true}", "option note: expected text or a number", FLECK_E_FORMAT},
        {"{\"k\": 7.5}", "got \"7.5\"", FLECK_E_OPTION},
        {"[7]", "expected a JSON object", FLECK_E_FORMAT},
    };
    fk_options o;

    (void)state;
    assert_ok(fk_options_init(&o, table, err));
    assert_ok(fk_options_set(&o, "k", "6", err));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fk_json *json;

        assert_ok(fk_json_parse(&json, cases[i].json, strlen(cases[i].json), "test", err));
        assert_refused(fk_options_from_json(&o, json, err), cases[i].status, cases[i].part);
        assert_int_equal(fk_options_int(&o, "k"), 6);
        fk_json_free(&json);
    }
    fk_options_free(&o);
}

static void json_of_a_part_leaves_the_rest(void **state)
{
    fk_options o;
    fk_json *json;

    (void)state;
    assert_ok(fk_options_init(&o, table, err));
    assert_ok(fk_options_set(&o, "note", "kept", err));
    assert_ok(fk_json_parse(&json, "{\"k\":7.0,\"sigma\":3}", 19, "test", err));
    assert_ok(fk_options_from_json(&o, json, err));
    assert_int_equal(fk_options_int(&o, "k"), 7);
    assert_true(fk_options_real(&o, "sigma") == 3.0);
    assert_string_equal(fk_options_text(&o, "note"), "kept");
    fk_json_free(&json);
    fk_options_free(&o);
}

static void options_survive_every_failing_allocation(void **state)
{
    fk_options o = {0};
    int64_t n = 0;
    fleck_status st;

    (void)state;
    do {
        fk_mem_fail_at(++n);
        st = fk_options_init(&o, table, NULL);
        fk_mem_fail_at(0);
        if (st != FLECK_OK) {
            assert_int_equal(st, FLECK_E_NOMEM);
            assert_null(o.values);
        }
    } while (st != FLECK_OK);
    assert_int_equal(n, 6); /* the list and four values */
    fk_mem_fail_at(1);
    assert_refused(fk_options_set(&o, "k", "9", err), FLECK_E_NOMEM, "memory");
    fk_mem_fail_at(0);
    assert_int_equal(fk_options_int(&o, "k"), 5);
    fk_options_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_table_has_its_defaults),
        cmocka_unit_test(rows_are_found_by_their_whole_name),
        cmocka_unit_test(legal_values_are_kept_in_one_spelling),
        cmocka_unit_test(illegal_values_are_refused_and_the_old_one_stays),
        cmocka_unit_test(json_of_the_options_sets_them_again),
        cmocka_unit_test(json_with_one_bad_member_changes_nothing),
        cmocka_unit_test(json_of_a_part_leaves_the_rest),
        cmocka_unit_test(options_survive_every_failing_allocation),
    };

    return cmocka_run_group_tests_name("option", tests, NULL, NULL);
}
