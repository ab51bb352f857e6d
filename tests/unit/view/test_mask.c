/* SPDX-License-Identifier: Apache-2.0 */
/* Masks: which levels mark, which way up they lie, and what is said of them. */
#include "fk_test.h"

#include "base/file.h"
#include "view/mask.h"

enum { SIDE = 4, PIXELS = SIDE * SIDE };

static char folder[4096];

static const char *in_folder(const char *name)
{
    static char path[8192];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s", test_folder());
    return 0;
}

/* A picture of the project's own: 29x19 pixels before it is turned. */
static const char *image_file(const char *name)
{
    char part[256];

    snprintf(part, sizeof part, "tests/unit/image/files/%s", name);
    return test_path("FLECK_TEST_SOURCE", part);
}

/* Write a width x height PGM: the first values as given, then 0. */
static const char *write_pgm(int width, int height, const uint8_t *values, int n)
{
    uint8_t bytes[1024] = {0};
    int head = snprintf((char *)bytes, sizeof bytes, "P5 %d %d 255\n", width, height);

    for (int i = 0; i < n; i++)
        bytes[head + i] = values[i];
    assert_ok(fk_file_write(in_folder("m.pgm"), bytes, (size_t)(head + width * height), err));
    return in_folder("m.pgm");
}

/* The levels of a 4 x 4 mask, the rest 0, become `want` ('1' marks), and these kinds. */
static void check(const uint8_t *values, int n, const char *want, unsigned kinds)
{
    fk_image mask;
    unsigned found;

    assert_ok(fk_mask_load(&mask, &found, write_pgm(SIDE, SIDE, values, n), NULL, SIDE, SIDE, err));
    for (int i = 0; i < PIXELS; i++)
        assert_int_equal(mask.data[i], i < n && want[i] == '1' ? 255 : 0);
    assert_int_equal(found, kinds);
    fk_image_free(&mask);
}

#define CHECK(want, kinds, ...)                                                                    \
    check((const uint8_t[]){__VA_ARGS__}, (int)sizeof(want) - 1, want, kinds)
#define KIND(k) (1u << FK_MASK_##k)

static void black_and_white_need_no_word(void **state)
{
    (void)state;
    CHECK("110", 0, 255, 255, 0);
    CHECK("0", KIND(BLACK), 0);
    CHECK("111111111", KIND(LARGE), 255, 255, 255, 255, 255, 255, 255, 255, 255);
}

static void small_values_beside_white_are_noise_and_the_cut_is_half_of_the_range(void **state)
{
    (void)state;
    CHECK("10000", KIND(GREY), 255, 1, 3, 9, 0);
    CHECK("10100", KIND(GREY), 255, 127, 128, 64, 0);
    CHECK("1000", KIND(GREY), 254, 3, 3, 3);
}

static void one_value_beside_black_marks_whatever_it_is(void **state)
{
    (void)state;
    CHECK("110", KIND(LABELS), 1, 1, 0);
    CHECK("10", KIND(LABELS), 76, 0);
    CHECK("10", 0, 200, 0);
}

static void several_small_values_are_refused(void **state)
{
    static const uint8_t labels[] = {1, 2, 0},
                         flat[PIXELS] = {7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7};
    fk_image mask;
    unsigned kinds;

    (void)state;
    assert_refused(fk_mask_load(&mask, &kinds, write_pgm(SIDE, SIDE, labels, 3), NULL, 0, 0, err),
                   FLECK_E_FORMAT, "expected black and white (0 and 255), found 3 values up to 2");
    assert_null(mask.data);
    assert_refused(
        fk_mask_load(&mask, &kinds, write_pgm(SIDE, SIDE, flat, PIXELS), NULL, 0, 0, err),
        FLECK_E_FORMAT, "found 1 values up to 7");
}

static void a_mask_of_another_size_is_refused_with_both(void **state)
{
    static const uint8_t white = 255;
    fk_image mask;
    unsigned kinds;

    (void)state;
    assert_refused(fk_mask_load(&mask, &kinds, write_pgm(3, 2, &white, 1), "x.png", 2, 3, err),
                   FLECK_E_SHAPE,
                   "expected 2x3 like x.png, found 3x2: width and height are swapped");
    assert_refused(fk_mask_load(&mask, &kinds, write_pgm(3, 2, &white, 1), NULL, 4, 4, err),
                   FLECK_E_SHAPE, "expected 4x4 like its image, found 3x2");
}

/* turned6.jpg is 29x19 and is shown as 19x29: its upper left corner as stored is the upper right
 * one. */
static void a_mask_of_the_stored_size_is_turned_with_its_image(void **state)
{
    static const uint8_t white = 255;
    fk_image mask;
    unsigned kinds;

    (void)state;
    assert_int_equal(fk_image_orientation(image_file("turned6.jpg")), 6);
    assert_int_equal(fk_image_orientation(image_file("rgb.jpg")), 1);
    assert_int_equal(fk_image_orientation(image_file("grey8.png")), 1);
    assert_ok(fk_mask_load(&mask, &kinds, write_pgm(29, 19, &white, 1), image_file("turned6.jpg"),
                           19, 29, err));
    assert_int_equal(kinds, KIND(TURNED));
    assert_int_equal(mask.width, 19);
    assert_int_equal(mask.data[18], 255);
    assert_int_equal(mask.data[0], 0);
    fk_image_free(&mask);
    assert_ok(fk_mask_load(&mask, &kinds, write_pgm(19, 29, &white, 1), image_file("turned6.jpg"),
                           19, 29, err));
    assert_int_equal(kinds, KIND(UPRIGHT));
    assert_int_equal(mask.data[0], 255);
    fk_image_free(&mask);
}

static void a_jpeg_is_said_to_be_one(void **state)
{
    fk_image mask;
    unsigned kinds;

    (void)state;
    assert_ok(fk_mask_load(&mask, &kinds, image_file("grey.jpg"), NULL, 29, 19, err));
    assert_true((kinds & KIND(LOSSY)) != 0);
    fk_image_free(&mask);
}

static void an_alpha_channel_is_said_to_be_passed_over(void **state)
{
    fk_image mask;
    unsigned kinds;

    (void)state;
    assert_ok(fk_mask_load(&mask, &kinds, image_file("greyalpha8.png"), NULL, 0, 0, err));
    assert_true((kinds & KIND(ALPHA)) != 0);
    fk_image_free(&mask);
}

static void put_word(uint8_t *to, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Add a chunk of PNG behind the n bytes of to: length, name, data, CRC-32. */
static size_t put_chunk(uint8_t *to, size_t n, const char *name, const uint8_t *data, size_t size)
{
    uint32_t crc = 0xffffffff;

    put_word(to + n, (uint32_t)size);
    memcpy(to + n + 4, name, 4);
    memcpy(to + n + 8, data, size);
    for (size_t i = 0; i < size + 4; i++) {
        crc ^= to[n + 4 + i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (0xedb88320 & (0 - (crc & 1)));
    }
    put_word(to + n + 8 + size, ~crc);
    return n + 12 + size;
}

/* Write a PNG of 4 x 2 pixels, RGB of one colour with these opacities, not compressed. */
static const char *write_alpha(uint8_t colour, const uint8_t alpha[8])
{
    const char *path = in_folder("alpha.png");
    uint8_t head[13] = {0, 0, 0, 4, 0, 0, 0, 2, 8, 6}, data[45] = {0x78, 1, 1, 34, 0, 0xdd, 0xff};
    uint8_t png[256] = "\x89PNG\r\n\x1a\n";
    uint32_t a = 1, b = 0;
    size_t n = 7;

    for (int i = 0; i < 8; i++) {
        if (i % 4 == 0)
            data[n++] = 0;
        for (int c = 0; c < 4; c++)
            data[n++] = c < 3 ? colour : alpha[i];
    }
    for (size_t i = 7; i < n; i++) { /* Adler-32 */
        a += data[i];
        b = (b + a) % 65521;
    }
    put_word(data + n, b << 16 | a % 65521);
    n = put_chunk(png, 8, "IHDR", head, sizeof head);
    n = put_chunk(png, n, "IDAT", data, sizeof data);
    n = put_chunk(png, n, "IEND", data, 0);
    assert_ok(fk_file_write(path, png, n, err));
    return path;
}

static void one_colour_with_a_shape_in_its_alpha_channel_is_that_shape(void **state)
{
    static const uint8_t shape[8] = {0, 255, 200, 0, 0, 90, 0, 0},
                         opaque[8] = {255, 255, 255, 255, 255, 255, 255, 255};
    static const uint8_t marked[8] = {0, 255, 255, 0, 0, 0, 0, 0}, clear[8] = {0};
    fk_image mask;
    unsigned kinds;

    (void)state;
    for (int colour = 0; colour < 256; colour += 255) {
        assert_ok(
            fk_mask_load(&mask, &kinds, write_alpha((uint8_t)colour, shape), NULL, 4, 2, err));
        assert_memory_equal(mask.data, marked, 8);
        assert_true((kinds & KIND(OPACITY)) != 0 && (kinds & KIND(ALPHA)) == 0);
        fk_image_free(&mask);
    }
    /* Where all is opaque the colour counts, where nothing is there is no mark. */
    assert_ok(fk_mask_load(&mask, &kinds, write_alpha(255, opaque), NULL, 4, 2, err));
    assert_memory_equal(mask.data, opaque, 8);
    assert_true(kinds == (KIND(ALPHA) | KIND(LARGE)));
    fk_image_free(&mask);
    assert_ok(fk_mask_load(&mask, &kinds, write_alpha(255, clear), NULL, 4, 2, err));
    assert_memory_equal(mask.data, clear, 8);
    assert_true(kinds == (KIND(OPACITY) | KIND(BLACK)));
    fk_image_free(&mask);
}

static void collect(void *ctx, const char *message)
{
    strncat(ctx, message, 2000);
    strncat(ctx, "\n", 2000);
}

static void kinds_are_counted_and_said_a_line_each(void **state)
{
    fk_mask_notes n = {0};
    char text[8192] = "";

    (void)state;
    for (int i = 0; i < 20; i++)
        assert_ok(fk_mask_note(&n, KIND(BLACK), i == 0 ? "a.png" : "b.png", err));
    assert_ok(fk_mask_note(&n, KIND(LABELS), "c.png", err));
    assert_ok(fk_mask_say(&n, (fk_warn){collect, text}, err));
    assert_non_null(strstr(text, "20 masks without a marked pixel: a.png, b.png"));
    assert_non_null(strstr(text, "(20 in all)\n"));
    assert_non_null(strstr(text, "1 mask with 0 and one small value only: that value counts as "
                                 "marked: c.png\n"));
    fk_mask_notes_free(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(black_and_white_need_no_word),
        cmocka_unit_test(small_values_beside_white_are_noise_and_the_cut_is_half_of_the_range),
        cmocka_unit_test(one_value_beside_black_marks_whatever_it_is),
        cmocka_unit_test(several_small_values_are_refused),
        cmocka_unit_test(a_mask_of_another_size_is_refused_with_both),
        cmocka_unit_test(a_mask_of_the_stored_size_is_turned_with_its_image),
        cmocka_unit_test(a_jpeg_is_said_to_be_one),
        cmocka_unit_test(an_alpha_channel_is_said_to_be_passed_over),
        cmocka_unit_test(one_colour_with_a_shape_in_its_alpha_channel_is_that_shape),
        cmocka_unit_test(kinds_are_counted_and_said_a_line_each),
    };

    return cmocka_run_group_tests(tests, make_folder, NULL);
}
