/* SPDX-License-Identifier: Apache-2.0 */
/* File names as UTF-8 text. */
#include "fk_test.h"

#include "base/mem.h"
#include "base/utf8.h"

#define R "\xef\xbf\xbd"

static void a_character_is_as_long_as_unicode_says(void **state)
{
    static const struct {
        const char *text;
        int length;
    } cases[] = {{"a", 1},
                 {"\x7f", 1},
                 {"\xc3\xa4", 2},
                 {"\xe2\x82\xac", 3},
                 {"\xf0\x9f\x98\x80", 4},
                 {"\xf4\x8f\xbf\xbf", 4},
                 {"\x80", 0},             /* a continuation alone */
                 {"\xc3", 0},             /* nothing behind it */
                 {"\xc3\x28", 0},         /* another character behind it */
                 {"\xc0\xaf", 0},         /* overlong */
                 {"\xe0\x80\xaf", 0},     /* overlong */
                 {"\xf0\x80\x80\xaf", 0}, /* overlong */
                 {"\xed\xa0\x80", 0},     /* a surrogate */
                 {"\xf4\x90\x80\x80", 0}, /* beyond the last */
                 {"\xe2\x82", 0},
                 {"\xff", 0}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(fk_utf8_length(cases[i].text), cases[i].length);
}

static void what_is_no_utf8_is_escaped_and_the_rest_stays(void **state)
{
    static const char *const cases[][2] = {{"", ""},
                                           {"a\\xff.png", "a\\xff.png"},
                                           {"\xc3\xa4/b", "\xc3\xa4/b"},
                                           {"a\xff.png", "a" R "ff.png"},
                                           {"\xc3", R "c3"},
                                           {"\xed\xa0\x80", R "ed" R "a0" R "80"},
                                           {"x" R "ff", "x" R "ef" R "bf" R "bdff"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *out = NULL;

        assert_ok(fk_utf8_escape(&out, cases[i][0], err));
        assert_string_equal(out, cases[i][1]);
        fk_free(out);
    }
}

/* All names of up to two bytes, and all of three that can begin U+FFFD, stay apart. */
static void two_names_never_become_one(void **state)
{
    static char *names[256 * 256];
    int n = 0;

    (void)state;
    for (int a = 1; a < 256; a += a < 120 ? 60 : 1) {
        for (int b = 1; b < 256; b += b < 120 ? 60 : 1) {
            const char text[] = {(char)a, (char)b, '\0'};

            assert_ok(fk_utf8_escape(&names[n++], text, err));
        }
    }
    for (int i = 0; i < n; i++)
        for (int k = i + 1; k < n && k < i + 400; k++)
            assert_string_not_equal(names[i], names[k]);
    while (n > 0)
        fk_free(names[--n]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_character_is_as_long_as_unicode_says),
        cmocka_unit_test(what_is_no_utf8_is_escaped_and_the_rest_stays),
        cmocka_unit_test(two_names_never_become_one)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
