/* SPDX-License-Identifier: Apache-2.0 */
/* Which files are images, by name and first bytes. */
#include "fk_test.h"
#include "image/image.h"

static fk_look look(const char *name, const char *bytes, size_t size, const char **format)
{
    return fk_image_look(name, (const uint8_t *)bytes, size, format);
}

#define LOOK(name, bytes) look(name, bytes, sizeof(bytes) - 1, &format)

static void an_image_without_an_ending_is_told_by_its_bytes(void **state)
{
    const char *format;

    (void)state;
    assert_int_equal(fk_image_look("c", NULL, 0, &format), FK_LOOK_BYTES);
    assert_int_equal(LOOK("c", "\xff\xd8\xff\xe0"), FK_LOOK_IMAGE);
    assert_int_equal(LOOK("c", "\x89PNG\r\n\x1a\n...."), FK_LOOK_IMAGE);
    assert_int_equal(LOOK("c.dat", "II*\0...."), FK_LOOK_IMAGE);
    assert_int_equal(LOOK("c", "P5\n3 3\n255\n"), FK_LOOK_IMAGE);
    assert_int_equal(LOOK("c", "P5 # camera\n"), FK_LOOK_IMAGE);
    assert_int_equal(LOOK("c", "BM....\0\0\0\0....\x28\0\0\0"), FK_LOOK_IMAGE);
    assert_int_equal(LOOK("c", ""), FK_LOOK_OTHER);
}

static void a_text_that_begins_as_an_image_may_is_none(void **state)
{
    const char *format;

    (void)state;
    assert_int_equal(LOOK("notes", "BMW, 3 parts of each colour"), FK_LOOK_OTHER);
    assert_int_equal(LOOK("notes", "P1 is the worst of them"), FK_LOOK_OTHER);
    assert_int_equal(LOOK("notes", "P6"), FK_LOOK_OTHER);
    assert_int_equal(fk_image_look("labels.JSON", NULL, 0, &format), FK_LOOK_OTHER);
}

static void endings_decide_for_images_so_that_a_damaged_one_is_named(void **state)
{
    const char *format;

    (void)state;
    assert_int_equal(fk_image_look("a.JPE", NULL, 0, &format), FK_LOOK_IMAGE);
    assert_int_equal(fk_image_look("a.jfif", NULL, 0, &format), FK_LOOK_IMAGE);
    assert_int_equal(LOOK("a.png", ""), FK_LOOK_IMAGE);
    assert_int_equal(LOOK("a.png", "text"), FK_LOOK_IMAGE);
    assert_int_equal(LOOK("._a.png", "\0\x05\x16\x07\0\x02"), FK_LOOK_OTHER);
}

static void formats_that_are_not_read_are_named(void **state)
{
    static const struct {
        const char *name, *bytes, *format;
    } cases[] = {{"a.webp", "RIFF....WEBPVP8 ", "WebP"}, {"a", "RIFF....WEBPVP8 ", "WebP"},
                 {"a.gif", "GIF89a..", "GIF"},           {"a.heic", "....ftypheic", "HEIC"},
                 {"a", "....ftypheix", "HEIC"},          {"a.heif", "....ftypmif1", "HEIF"},
                 {"a.avif", "....ftypavif", "AVIF"},     {"a.nef", "II*\x7f....", NULL},
                 {"a.rw2", "IIU\x7f....", NULL}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *format;
        char bytes[16] = "";
        size_t n = strlen(cases[i].bytes);
        const char *want = cases[i].format != NULL ? cases[i].format : "camera raw";

        memcpy(bytes, cases[i].bytes, n);
        for (size_t k = 0; k < n; k++) /* stands for a zero byte */
            bytes[k] = (char)(bytes[k] == '\x7f' ? 0 : bytes[k]);
        assert_int_equal(look(cases[i].name, bytes, n, &format), FK_LOOK_KNOWN);
        assert_string_equal(format, want);
    }
}

static void a_picture_that_fleck_drew_is_told_from_an_image(void **state)
{
    const char *folder = test_folder(), *format;
    char path[4200];
    uint8_t head[FK_LOOK_SIZE];
    fk_image im;
    FILE *f;
    size_t n;

    (void)state;
    snprintf(path, sizeof path, "%s/own.png", folder);
    assert_ok(fk_image_init(&im, 64, 64, 3, err));
    assert_ok(fk_image_save_picture(&im, NULL, path, err));
    fk_image_free(&im);
    f = fopen(path, "rb");
    assert_non_null(f);
    n = fread(head, 1, sizeof head, f);
    fclose(f);
    assert_int_equal(fk_image_look("own.png", head, n, &format), FK_LOOK_OWN);
    assert_int_equal(fk_image_look("own", head, n, &format), FK_LOOK_OWN);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_without_an_ending_is_told_by_its_bytes),
        cmocka_unit_test(a_text_that_begins_as_an_image_may_is_none),
        cmocka_unit_test(endings_decide_for_images_so_that_a_damaged_one_is_named),
        cmocka_unit_test(formats_that_are_not_read_are_named),
        cmocka_unit_test(a_picture_that_fleck_drew_is_told_from_an_image)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
