/* SPDX-License-Identifier: Apache-2.0 */
/* Which name was meant by a misspelt one. */
#include "fk_test.h"

#include "base/nearest.h"

static const char *const names[] = {"fit", "predict", "eval", "k-image", "k-pixel", NULL};

static void a_letter_left_out_added_replaced_or_swapped_is_understood(void **state)
{
    (void)state;
    assert_string_equal(fleck_nearest("predct", names), "predict");
    assert_string_equal(fleck_nearest("evall", names), "eval");
    assert_string_equal(fleck_nearest("fid", names), "fit");
    assert_string_equal(fleck_nearest("rpedict", names), "predict");
    assert_string_equal(fleck_nearest("k-pixle", names), "k-pixel");
}

static void what_is_not_near_is_not_guessed(void **state)
{
    char longest[2000];

    (void)state;
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_null(fleck_nearest("xyzzy", names));
    assert_null(fleck_nearest("", names));
    assert_null(fleck_nearest("ab", names));
    assert_null(fleck_nearest("frob", names));
    assert_null(fleck_nearest(longest, names));
}

static void the_nearer_of_two_wins_and_the_text_has_the_prefix(void **state)
{
    fk_nearest near = {.word = "k-imagel"};
    char text[FK_MEANT];

    (void)state;
    assert_string_equal(fk_nearest_text(&near, "--", text), "");
    fk_nearest_offer(&near, "k-pixel");
    fk_nearest_offer(&near, "k-image");
    assert_string_equal(fk_nearest_text(&near, "--", text), "; did you mean --k-image?");
}

static void a_fixed_list_is_asked_in_one_go(void **state)
{
    char text[FK_MEANT];

    (void)state;
    assert_string_equal(fk_nearest_choice(text, "native|openvino|reference", "opnvino"),
                        "; did you mean openvino?");
    assert_string_equal(fk_nearest_choice(text, "native|openvino|reference", "tensorrt"), "");
    assert_string_equal(fk_nearest_choice(text, "", "word"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_letter_left_out_added_replaced_or_swapped_is_understood),
        cmocka_unit_test(what_is_not_near_is_not_guessed),
        cmocka_unit_test(the_nearer_of_two_wins_and_the_text_has_the_prefix),
        cmocka_unit_test(a_fixed_list_is_asked_in_one_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
