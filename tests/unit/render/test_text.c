/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in font and text in pictures. */
#include "fk_test.h"

#include "render/font.h"
#include "render/render.h"

static const uint8_t black[3] = {0, 0, 0};

static fk_image white(int64_t width, int64_t height, int channels)
{
    fk_image im;

    assert_ok(fk_image_init(&im, width, height, channels, err));
    memset(im.data, 255, (size_t)(width * height * channels));
    return im;
}

static int64_t inked(const fk_image *im)
{
    int64_t n = 0;

    for (int64_t i = 0; i < im->width * im->height * im->channels; i++)
        n += im->data[i] != 255;
    return n;
}

static void every_printable_character_has_its_own_shape(void **state)
{
    (void)state;
    for (int a = 33; a < 127; a++) {
        for (int b = 32; b < a; b++) {
            bool same = true;

            for (int y = 0; y < FK_FONT_HEIGHT; y++) {
                for (int x = 0; x < FK_FONT_WIDTH; x++)
                    same = same && fk_font_dot((char)a, x, y) == fk_font_dot((char)b, x, y);
            }
            if (same)
                fail_msg("'%c' and '%c' look the same", a, b);
        }
    }
}

static void the_last_column_and_first_row_are_free_so_that_cells_do_not_touch(void **state)
{
    (void)state;
    for (int c = 32; c < 127; c++) {
        for (int i = 0; i < FK_FONT_HEIGHT; i++)
            assert_false(fk_font_dot((char)c, FK_FONT_WIDTH - 1, i));
        for (int i = 0; i < FK_FONT_WIDTH; i++)
            assert_false(fk_font_dot((char)c, i, 0));
    }
}

static void other_bytes_are_drawn_as_question_marks(void **state)
{
    fk_image a = white(24, 10, 1), b = white(24, 10, 1);

    (void)state;
    fk_render_text(&a, 0, 0, "\t\x7f\xc3\xa9", 1, black);
    fk_render_text(&b, 0, 0, "????", 1, black);
    assert_memory_equal(a.data, b.data, 240);
    fk_image_free(&a);
    fk_image_free(&b);
}

static void size_one_draws_exactly_the_dots(void **state)
{
    fk_image im = white(12, 14, 3);

    (void)state;
    fk_render_text(&im, 3, 2, "R", 1, black);
    for (int y = 0; y < 14; y++) {
        for (int x = 0; x < 12; x++)
            assert_int_equal(im.data[3 * (y * 12 + x)], fk_font_dot('R', x - 3, y - 2) ? 0 : 255);
    }
    fk_image_free(&im);
}

static void large_text_keeps_the_ink_at_the_centre_of_each_dot(void **state)
{
    int size = 5;
    fk_image im = white(30, 50, 1);

    (void)state;
    fk_render_text(&im, 0, 0, "g", size, black);
    for (int y = 0; y < 10; y++) {
        for (int x = 0; x < 6; x++)
            assert_int_equal(im.data[(y * size + 2) * 30 + x * size + 2],
                             fk_font_dot('g', x, y) ? 0 : 255);
    }
    fk_image_free(&im);
}

static void width_is_six_dots_a_character(void **state)
{
    (void)state;
    assert_int_equal(fk_render_text_width("", 3), 0);
    assert_int_equal(fk_render_text_width("PaDiM", 1), 30);
    assert_int_equal(fk_render_text_width("PaDiM", 4), 120);
}

static void text_that_leaves_the_picture_is_cut_off(void **state)
{
    fk_image whole = white(40, 30, 3), part = white(20, 12, 3);

    (void)state;
    fk_render_text(&whole, 5, 4, "Wgq%", 2, black);
    fk_render_text(&part, 5 - 13, 4 - 9, "Wgq%", 2, black);
    for (int y = 0; y < 12; y++)
        assert_memory_equal(part.data + 60 * y, whole.data + 3 * ((y + 9) * 40 + 13), 60);
    memset(part.data, 255, 720);
    fk_render_text(&part, 500, 0, "outside", 2, black);
    fk_render_text(&part, -500, 0, "outside", 2, black);
    fk_render_text(&part, 0, -500, "outside", 2, black);
    assert_int_equal(inked(&part), 0);
    fk_image_free(&whole);
    fk_image_free(&part);
}

static void grey_pictures_get_the_luma_of_the_colour(void **state)
{
    const uint8_t red[3] = {255, 0, 0};
    fk_image im = white(6, 10, 1);

    (void)state;
    fk_render_text(&im, 0, 0, "|", 1, red);
    assert_int_equal(im.data[4 * 6 + 2], 76); /* (299 * 255 + 500) / 1000 */
    assert_int_equal(im.data[4 * 6 + 1], 255);
    fk_image_free(&im);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_printable_character_has_its_own_shape),
        cmocka_unit_test(the_last_column_and_first_row_are_free_so_that_cells_do_not_touch),
        cmocka_unit_test(other_bytes_are_drawn_as_question_marks),
        cmocka_unit_test(size_one_draws_exactly_the_dots),
        cmocka_unit_test(large_text_keeps_the_ink_at_the_centre_of_each_dot),
        cmocka_unit_test(width_is_six_dots_a_character),
        cmocka_unit_test(text_that_leaves_the_picture_is_cut_off),
        cmocka_unit_test(grey_pictures_get_the_luma_of_the_colour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
