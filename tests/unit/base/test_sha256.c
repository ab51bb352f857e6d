/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256: the example sums of FIPS 180-4, and sums that must not depend on how bytes arrive. */
#include "fk_test.h"

#include "base/file.h"
#include "base/sha256.h"

static void the_examples_of_the_standard_come_out(void **state)
{
    /* FIPS 180-2 appendix B, and the sum of nothing. */
    static const struct {
        const char *text, *sum;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
         "lmnopqrsmnopqrstnopqrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    };
    char sum[FK_SHA256_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fk_sha256_text(cases[i].text, strlen(cases[i].text), sum);
        assert_string_equal(sum, cases[i].sum);
    }
}

static void a_million_letters_have_the_sum_of_the_standard(void **state)
{
    char letters[1000], sum[FK_SHA256_TEXT];
    fk_sha256 s;

    (void)state;
    memset(letters, 'a', sizeof letters);
    fk_sha256_begin(&s);
    for (int i = 0; i < 1000; i++)
        fk_sha256_add(&s, letters, sizeof letters);
    fk_sha256_finish(&s, sum);
    assert_string_equal(sum, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Every length around the block and padding borders, in every split into two parts. */
static void the_sum_does_not_depend_on_how_bytes_arrive(void **state)
{
    uint8_t bytes[150];
    char whole[FK_SHA256_TEXT], parts[FK_SHA256_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(7 * i + 1);
    for (size_t n = 50; n <= sizeof bytes; n++) {
        fk_sha256_text(bytes, n, whole);
        for (size_t cut = 0; cut <= n; cut++) {
            fk_sha256 s;

            fk_sha256_begin(&s);
            fk_sha256_add(&s, bytes, cut);
            fk_sha256_add(&s, bytes + cut, n - cut);
            fk_sha256_finish(&s, parts);
            assert_string_equal(parts, whole);
        }
    }
}

static void a_file_has_the_sum_of_its_bytes(void **state)
{
    char path[4200], sum[FK_SHA256_TEXT];

    (void)state;
    snprintf(path, sizeof path, "%s/abc", test_folder());
    assert_ok(fk_file_write(path, "abc", 3, err));
    assert_ok(fk_sha256_file(path, sum, err));
    assert_string_equal(sum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_ok(fk_file_write(path, "", 0, err));
    assert_ok(fk_sha256_file(path, sum, err));
    assert_string_equal(sum, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_refused(fk_sha256_file("/nowhere/x", sum, err), FLECK_E_NOTFOUND, "/nowhere/x");
    assert_string_equal(sum, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_standard_come_out),
        cmocka_unit_test(a_million_letters_have_the_sum_of_the_standard),
        cmocka_unit_test(the_sum_does_not_depend_on_how_bytes_arrive),
        cmocka_unit_test(a_file_has_the_sum_of_its_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
