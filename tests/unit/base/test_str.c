/* SPDX-License-Identifier: Apache-2.0 */
/* Strings: copies, natural order, growing text, lists. */
#include "fk_test.h"

#include "base/mem.h"
#include "base/prng.h"
#include "base/str.h"

static void natural_order_compares_runs_of_digits_by_value(void **state)
{
    static const char *const ordered[] = {
        "",       "0",       "00", "01.png", "1.png", "2.png", "9.png", "010.png", "10.png",
        "99.png", "100.png", "a",  "a1b2",   "a1b10", "a2b1",  "a10",   "ab",      "b"};

    (void)state;
    for (size_t i = 0; i < sizeof ordered / sizeof ordered[0]; i++)
        for (size_t k = 0; k < sizeof ordered / sizeof ordered[0]; k++) {
            int order = fk_natural_compare(ordered[i], ordered[k]);

            if ((i < k && order >= 0) || (i == k && order != 0) || (i > k && order <= 0))
                fail_msg("\"%s\" against \"%s\" gives %d", ordered[i], ordered[k], order);
        }
}

static void natural_order_takes_digits_beyond_any_integer(void **state)
{
    (void)state;
    assert_true(
        fk_natural_compare("x99999999999999999999999999998", "x99999999999999999999999999999") < 0);
    assert_true(fk_natural_compare("x9", "x99999999999999999999999999999") < 0);
}

/* Random short words over a small alphabet: sorting needs a total order. */
static void natural_order_is_total(void **state)
{
    static const char alphabet[] = "019a.";
    char words[60][6];
    fk_prng g;

    (void)state;
    fk_prng_seed(&g, 3);
    for (int i = 0; i < 60; i++) {
        int n = (int)fk_prng_below(&g, 6);

        for (int k = 0; k < n; k++)
            words[i][k] = alphabet[fk_prng_below(&g, 5)];
        words[i][n] = '\0';
    }
    for (int a = 0; a < 60; a++)
        for (int b = 0; b < 60; b++) {
            int ab = fk_natural_compare(words[a], words[b]);

            assert_int_equal(ab == 0, strcmp(words[a], words[b]) == 0);
            assert_int_equal(ab<0, fk_natural_compare(words[b], words[a])> 0);
            for (int c = 0; c < 60; c++)
                if (ab <= 0 && fk_natural_compare(words[b], words[c]) <= 0)
                    assert_true(fk_natural_compare(words[a], words[c]) <= 0);
        }
}

static void bytes_above_127_sort_behind_ascii(void **state)
{
    (void)state;
    assert_true(fk_natural_compare("z", "\xc3\xbc") < 0);
}

static void suffixes_ignore_ascii_case_and_nothing_else(void **state)
{
    (void)state;
    assert_true(fk_ends_with("a.PNG", ".png"));
    assert_true(fk_ends_with("a.tiff", ".TIFF"));
    assert_true(fk_ends_with(".png", ".png"));
    assert_true(fk_ends_with("x", ""));
    assert_false(fk_ends_with("png", ".png"));
    assert_false(fk_ends_with("a.png.bak", ".png"));
    assert_false(fk_ends_with("a{", "a["));             /* 0x20 apart, but no letters */
    assert_false(fk_ends_with("\xc3\xbc", "\xc3\x9c")); /* u and U with dots */
}

static void copies_are_equal_and_separate(void **state)
{
    char text[] = "abc", *copy;

    (void)state;
    assert_ok(fk_strdup(&copy, text, err));
    text[0] = 'x';
    assert_string_equal(copy, "abc");
    fk_free(copy);
    assert_ok(fk_asprintf(&copy, err, "%s-%05d-%s", "a", 42, ""));
    assert_string_equal(copy, "a-00042-");
    fk_free(copy);
}

static void text_grows_by_parts(void **state)
{
    fk_text t = {0};
    char expected[4001] = "";

    (void)state;
    assert_ok(fk_text_add(&t, NULL, 0, err));
    assert_string_equal(t.data, "");
    for (int i = 0; i < 1000; i++) {
        assert_ok(fk_text_printf(&t, err, "%03d", i));
        assert_ok(fk_text_add(&t, ",xyz", 1, err));
        snprintf(expected + 4 * i, 5, "%03d,", i);
    }
    assert_int_equal(t.length, 4000);
    assert_string_equal(t.data, expected);
    fk_text_free(&t);
    assert_null(t.data);
    fk_text_free(&t);
}

static void text_keeps_zero_bytes(void **state)
{
    fk_text t = {0};

    (void)state;
    assert_ok(fk_text_add(&t, "a\0b", 3, err));
    assert_int_equal(t.length, 3);
    assert_memory_equal(t.data, "a\0b", 4);
    fk_text_free(&t);
}

static void a_text_that_cannot_be_is_refused(void **state)
{
    fk_text t = {0};

    (void)state;
    assert_refused(fk_text_add(&t, "", INT64_MAX, err), FLECK_E_NOMEM, "does not fit");
    assert_null(t.data);
}

static void a_list_keeps_its_order_until_it_is_sorted(void **state)
{
    fk_names l = {0};
    char name[16];

    (void)state;
    for (int i = 99; i >= 0; i--) {
        snprintf(name, sizeof name, "%d.png", i);
        assert_ok(fk_names_add(&l, name, err));
    }
    assert_int_equal(l.count, 100);
    assert_string_equal(l.items[0], "99.png");
    fk_names_sort(&l);
    assert_string_equal(l.items[0], "0.png");
    assert_string_equal(l.items[9], "9.png");
    assert_string_equal(l.items[10], "10.png");
    fk_names_free(&l);
    assert_int_equal(l.count, 0);
    fk_names_sort(&l);
    fk_names_free(&l);
}

static void out_of_memory_leaves_text_and_list_as_they_were(void **state)
{
    fk_text t = {0};
    fk_names l = {0};
    char *copy = NULL;

    (void)state;
    assert_ok(fk_text_add(&t, "abc", 3, err));
    for (int i = 0; i < 16; i++)
        assert_ok(fk_names_add(&l, "x", err));
    fk_mem_fail_at(1);
    assert_refused(fk_text_printf(&t, err, "%200d", 1), FLECK_E_NOMEM, "memory");
    fk_mem_fail_at(1); /* the list's block, which is full */
    assert_refused(fk_names_add(&l, "y", err), FLECK_E_NOMEM, "memory");
    fk_mem_fail_at(2); /* the copy of the name */
    assert_refused(fk_names_add(&l, "y", err), FLECK_E_NOMEM, "memory");
    fk_mem_fail_at(1);
    assert_refused(fk_strdup(&copy, "x", err), FLECK_E_NOMEM, "memory");
    fk_mem_fail_at(1);
    assert_refused(fk_asprintf(&copy, err, "x"), FLECK_E_NOMEM, "memory");
    fk_mem_fail_at(0);
    assert_null(copy);
    assert_string_equal(t.data, "abc");
    assert_int_equal(t.length, 3);
    assert_int_equal(l.count, 16);
    assert_ok(fk_names_add(&l, "z", err));
    assert_string_equal(l.items[16], "z");
    fk_text_free(&t);
    fk_names_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(natural_order_compares_runs_of_digits_by_value),
        cmocka_unit_test(natural_order_takes_digits_beyond_any_integer),
        cmocka_unit_test(natural_order_is_total),
        cmocka_unit_test(bytes_above_127_sort_behind_ascii),
        cmocka_unit_test(suffixes_ignore_ascii_case_and_nothing_else),
        cmocka_unit_test(copies_are_equal_and_separate),
        cmocka_unit_test(text_grows_by_parts),
        cmocka_unit_test(text_keeps_zero_bytes),
        cmocka_unit_test(a_text_that_cannot_be_is_refused),
        cmocka_unit_test(a_list_keeps_its_order_until_it_is_sorted),
        cmocka_unit_test(out_of_memory_leaves_text_and_list_as_they_were),
    };

    return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
