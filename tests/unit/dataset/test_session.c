/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of good images, from their names; and folds of sessions. */
#include "fk_test.h"

#include "dataset/session.h"

static void words_of_kinds_come_back(void **state)
{
    fk_session_kind kind;

    (void)state;
    for (int k = FK_SESSION_AUTO; k <= FK_SESSION_NONE; k++) {
        assert_true(fk_session_parse(fk_session_name((fk_session_kind)k), &kind));
        assert_int_equal(kind, k);
    }
    assert_false(fk_session_parse("week", &kind));
    assert_false(fk_session_parse("Day", &kind));
}

static void days_are_read_in_their_usual_spellings(void **state)
{
    static const struct {
        const char *name;
        int32_t day;
    } cases[] = {{"a/20240131.png", 20240131},
                 {"IMG_20240131_101500.jpg", 20240131},
                 {"2024-01-31 10.15.00.png", 20240131},
                 {"part_2024_01_31_7.bmp", 20240131},
                 {"input_20230210140211.jpg", 20230210},
                 {"cam3-202302101402.jpg", 20230210},
                 {"2402291530.png", 20240229},
                 {"x240229153059y.png", 20240229},
                 {"0001_20240131.png", 20240131}, /* a number in front */
                 {"19991231.png", 19991231},
                 /* none */
                 {"20240131/0001.png", 0}, /* a folder's */
                 {"0001.png", 0},
                 {"20241331.png", 0},
                 {"20240132.png", 0},
                 {"20240100.png", 0},
                 {"18991231.png", 0},
                 {"2024-01_31.png", 0}, /* two separators */
                 {"2402292430.png", 0}, /* hour 24 */
                 {"2402291560.png", 0},
                 {"240229.png", 0}, /* too often a number */
                 {"exp6_num_114490.jpg", 0},
                 {"", 0}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (fk_session_day(cases[i].name) != cases[i].day)
            fail_msg("%s: expected %d, got %d", cases[i].name, (int)cases[i].day,
                     (int)fk_session_day(cases[i].name));
}

/* The sessions of n files, as a text of digits; and the kind that was used. */
static const char *sessions(const char *const *files, int64_t n, fk_session_kind kind,
                            fk_session_kind used)
{
    static char text[64];
    int32_t of[63];
    int64_t count = -1, most = 0;
    fk_session_kind found;

    assert_ok(fk_sessions_find(of, &count, &found, files, n, kind, 4, err));
    assert_int_equal(found, used);
    for (int64_t i = 0; i < n; i++) {
        text[i] = (char)('0' + of[i]);
        most = of[i] + 1 > most ? of[i] + 1 : most;
    }
    text[n] = '\0';
    assert_int_equal(count, most);
    return text;
}

static const char *const mixed[] = {"a/x1_20240101_1.png", "a/x1_20240101_2.png",
                                    "a/x2_20240102_1.png", "b/x2_20240101_1.png",
                                    "b/x1_20240101_3.png", "b/x2_20240102_2.png"};

static void each_kind_reads_its_part_of_the_name(void **state)
{
    (void)state;
    assert_string_equal(sessions(mixed, 6, FK_SESSION_FOLDER, FK_SESSION_FOLDER), "000111");
    assert_string_equal(sessions(mixed, 6, FK_SESSION_DAY, FK_SESSION_DAY), "001001");
    assert_string_equal(sessions(mixed, 6, FK_SESSION_PREFIX, FK_SESSION_PREFIX), "001201");
    assert_string_equal(sessions(mixed, 6, FK_SESSION_RUN, FK_SESSION_RUN), "001122");
    assert_string_equal(sessions(mixed, 6, FK_SESSION_NONE, FK_SESSION_NONE), "000000");
    assert_string_equal(sessions(NULL, 6, FK_SESSION_AUTO, FK_SESSION_RUN), "001122");
    assert_string_equal(sessions(NULL, 9, FK_SESSION_DAY, FK_SESSION_RUN), "000112233");
}

static void the_first_kind_with_sessions_of_a_fair_size_is_taken(void **state)
{
    static const char *const folders[] = {"a/1.png", "a/2.png", "a/3.png", "a/4.png",
                                          "b/1.png", "b/2.png", "b/3.png", "b/4.png"};
    static const char *const days[] = {"20240101_1.png", "20240101_2.png", "20240101_3.png",
                                       "20240101_4.png", "20240102_1.png", "20240102_2.png",
                                       "20240102_3.png", "20240102_4.png"};
    static const char *const prefixes[] = {"a_1.png", "a_2.png", "a_3.png", "a_4.png",
                                           "b_1.png", "b_2.png", "b_3.png", "b_4.png"};
    static const char *const plain[] = {"1.png", "2.png", "3.png", "4.png",
                                        "5.png", "6.png", "7.png", "8.png"};

    (void)state;
    assert_string_equal(sessions(folders, 8, FK_SESSION_AUTO, FK_SESSION_FOLDER), "00001111");
    assert_string_equal(sessions(days, 8, FK_SESSION_AUTO, FK_SESSION_DAY), "00001111");
    assert_string_equal(sessions(prefixes, 8, FK_SESSION_AUTO, FK_SESSION_PREFIX), "00001111");
    assert_string_equal(sessions(plain, 8, FK_SESSION_AUTO, FK_SESSION_RUN), "00112233");
    /* Two sessions of 7 images are too small for one that is told by names. */
    assert_string_equal(sessions(folders + 1, 7, FK_SESSION_AUTO, FK_SESSION_RUN), "0001122");
}

static void groups_by_day_need_a_day_in_every_name(void **state)
{
    static const char *const files[] = {"20240101_1.png", "late.png"};
    int32_t of[2];
    int64_t count;
    fk_session_kind used;

    (void)state;
    assert_refused(fk_sessions_find(of, &count, &used, files, 2, FK_SESSION_DAY, 4, err),
                   FLECK_E_OPTION, "late.png: groups by day need a date in every name");
}

/* Sessions of these sizes, behind each other, joined into at most `most` folds: a digit a
 * session. */
static const char *folds(const char *sizes, int64_t most)
{
    static char text[32];
    int32_t of[256] = {0}, fold[256] = {0};
    int64_t n = 0, count = (int64_t)strlen(sizes), found;

    for (int64_t s = 0; s < count; s++)
        for (int i = 0; i < sizes[s] - '0'; i++)
            of[n++] = (int32_t)s;
    found = fk_sessions_fold(fold, of, n, count, most);
    for (int64_t i = 0; i < n; i++) {
        assert_in_range(fold[i], 0, found - 1);
        if (i > 0)
            assert_in_range(fold[i] - fold[i - 1], 0, of[i] - of[i - 1]);
        text[of[i]] = (char)('0' + fold[i]);
    }
    text[count] = '\0';
    assert_int_equal(found, text[count - 1] - '0' + 1);
    return text;
}

static void folds_are_whole_sessions_of_like_size(void **state)
{
    (void)state;
    assert_string_equal(folds("333", 8), "012");
    assert_string_equal(folds("3", 8), "0");
    assert_string_equal(folds("22222222", 4), "00112233");
    assert_string_equal(folds("9111", 2), "0111");
    assert_string_equal(folds("1119", 2), "0001");
    assert_string_equal(folds("191", 3), "012");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_kinds_come_back),
        cmocka_unit_test(days_are_read_in_their_usual_spellings),
        cmocka_unit_test(each_kind_reads_its_part_of_the_name),
        cmocka_unit_test(the_first_kind_with_sessions_of_a_fair_size_is_taken),
        cmocka_unit_test(groups_by_day_need_a_day_in_every_name),
        cmocka_unit_test(folds_are_whole_sessions_of_like_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
