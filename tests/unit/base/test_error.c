/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: messages, contexts, and what fits. */
#include "fk_test.h"

#include <errno.h>

#include "base/error.h"

static void setting_an_error_returns_its_status_and_keeps_its_message(void **state)
{
    fleck_error e = {0};

    (void)state;
    assert_int_equal(fk_error_set(&e, FLECK_E_SHAPE, "expected %d, got %s", 3, "four"),
                     FLECK_E_SHAPE);
    assert_int_equal(e.status, FLECK_E_SHAPE);
    assert_string_equal(e.message, "expected 3, got four");
}

static void an_error_that_nobody_wants_is_only_a_status(void **state)
{
    (void)state;
    assert_int_equal(fk_error_set(NULL, FLECK_E_LIMIT, "%s", "x"), FLECK_E_LIMIT);
    fk_error_context(NULL, "x");
    errno = EACCES;
    assert_int_equal(fk_error_errno(NULL, "cannot open", "x"), FLECK_E_IO);
}

static void contexts_go_in_front_one_after_the_other(void **state)
{
    fleck_error e = {0};

    (void)state;
    fk_error_set(&e, FLECK_E_FORMAT, "bad byte %d", 7);
    fk_error_context(&e, "%s", "a.png");
    fk_error_context(&e, "image %d of %d", 2, 3);
    assert_string_equal(e.message, "image 2 of 3: a.png: bad byte 7");
    assert_int_equal(e.status, FLECK_E_FORMAT);
}

static void a_context_on_success_changes_nothing(void **state)
{
    fleck_error e = {0};

    (void)state;
    fk_error_context(&e, "a.png");
    assert_string_equal(e.message, "");
}

static void long_messages_are_cut_and_stay_terminated(void **state)
{
    char text[3 * FLECK_ERROR_SIZE];
    fleck_error e = {0};

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    fk_error_set(&e, FLECK_E_IO, "%s", text);
    assert_int_equal(strlen(e.message), FLECK_ERROR_SIZE - 1);
    fk_error_context(&e, "front");
    assert_int_equal(strlen(e.message), FLECK_ERROR_SIZE - 1);
    assert_memory_equal(e.message, "front: xxx", 10);
    fk_error_context(&e, "%s", text);
    assert_int_equal(strlen(e.message), FLECK_ERROR_SIZE - 1);
}

/* The server sends messages as JSON, which half a character would spoil. */
static void a_cut_never_leaves_half_a_character(void **state)
{
    static const char *const characters[] = {"\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x99\x82"};

    (void)state;
    for (size_t k = 0; k < 3; k++) {
        size_t width = strlen(characters[k]);

        for (size_t lead = 0; lead < width; lead++) {
            char text[2 * FLECK_ERROR_SIZE] = "";
            fleck_error e = {0};
            size_t n;

            memset(text, 'x', lead);
            for (n = lead; n + width < sizeof text; n += width)
                memcpy(text + n, characters[k], width);
            fk_error_set(&e, FLECK_E_IO, "%s", text);
            n = strlen(e.message);
            assert_true(n < FLECK_ERROR_SIZE && n > FLECK_ERROR_SIZE - 1 - width);
            assert_int_equal((n - lead) % width, 0);
        }
    }
}

static void control_characters_of_a_hostile_name_do_not_reach_the_terminal(void **state)
{
    fleck_error e = {0};

    (void)state;
    fk_error_set(&e, FLECK_E_FORMAT, "tensor %s", "a\x1b[2J\x07\x7f\nb\tgr\xc3\xbcn");
    assert_string_equal(e.message, "tensor a?[2J?? b gr\xc3\xbcn");
    fk_error_context(&e, "\x1b");
    assert_memory_equal(e.message, "?: ", 3);
}

static void errno_becomes_a_status_and_a_text(void **state)
{
    fleck_error e = {0};

    (void)state;
    errno = ENOENT;
    assert_int_equal(fk_error_errno(&e, "cannot open", "a/b"), FLECK_E_NOTFOUND);
    assert_string_equal(e.message, "cannot open a/b: No such file or directory");
    errno = ENOTDIR;
    assert_int_equal(fk_error_errno(&e, "cannot open", "a/b"), FLECK_E_NOTFOUND);
    errno = ENOMEM;
    assert_int_equal(fk_error_errno(&e, "cannot map", "a/b"), FLECK_E_NOMEM);
    errno = ENOSPC;
    assert_int_equal(fk_error_errno(&e, "cannot write", "a/b"), FLECK_E_IO);
    assert_string_equal(e.message, "cannot write a/b: No space left on device");
}

static void every_status_has_its_own_word(void **state)
{
    (void)state;
    for (int i = 0; i <= FLECK_E_CHECKSUM; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(fk_status_name((fleck_status)i),
                                    fk_status_name((fleck_status)k));
    assert_string_equal(fk_status_name(FLECK_OK), "ok");
    assert_string_equal(fk_status_name(FLECK_E_CHECKSUM), "checksum");
    assert_string_equal(fk_status_name((fleck_status)99), "unknown");
    assert_string_equal(fk_status_name((fleck_status)-1), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_an_error_returns_its_status_and_keeps_its_message),
        cmocka_unit_test(an_error_that_nobody_wants_is_only_a_status),
        cmocka_unit_test(contexts_go_in_front_one_after_the_other),
        cmocka_unit_test(a_context_on_success_changes_nothing),
        cmocka_unit_test(long_messages_are_cut_and_stay_terminated),
        cmocka_unit_test(a_cut_never_leaves_half_a_character),
        cmocka_unit_test(control_characters_of_a_hostile_name_do_not_reach_the_terminal),
        cmocka_unit_test(errno_becomes_a_status_and_a_text),
        cmocka_unit_test(every_status_has_its_own_word),
    };

    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
