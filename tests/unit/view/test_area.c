/* SPDX-License-Identifier: Apache-2.0 */
/* Areas: what their texts mean, and what several of them leave out together. */
#include "fk_test.h"

#include "base/file.h"
#include "view/area.h"

enum { WIDTH = 8, HEIGHT = 4 };

/* Draw areas on a photo of 8 x 4 pixels; want has a row of '1' (left out) and '0' for each of its
 * rows. */
static void check(const char *const *ignore, const char *const *only,
                  const char *const want[HEIGHT])
{
    fk_areas a = {.ignore = ignore, .only = only, .width = WIDTH, .height = HEIGHT};
    fk_image out;

    assert_ok(fk_areas_draw(&out, NULL, &a, err));
    assert_int_equal(out.width, WIDTH);
    assert_int_equal(out.height, HEIGHT);
    for (int i = 0; i < WIDTH * HEIGHT; i++)
        assert_int_equal(out.data[i], want[i / WIDTH][i % WIDTH] == '1' ? 255 : 0);
    fk_image_free(&out);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define ROWS(...) ((const char *const[HEIGHT]){__VA_ARGS__})

static void a_rectangle_has_its_first_pixel_and_its_size(void **state)
{
    (void)state;
    check(LIST("1,1,3,2"), NULL, ROWS("00000000", "01110000", "01110000", "00000000"));
    check(LIST("6,2,9,9"), NULL, ROWS("00000000", "00000000", "00000011", "00000011"));
    check(LIST("-5,-5,6,6"), NULL, ROWS("10000000", "00000000", "00000000", "00000000"));
    check(LIST(" 0.6,0,1.8,1 "), NULL, ROWS("01000000", "00000000", "00000000", "00000000"));
}

static void a_polygon_has_the_pixels_whose_centres_are_inside(void **state)
{
    (void)state;
    check(LIST("0,0 4,0 0,4"), NULL, ROWS("11100000", "11000000", "10000000", "00000000"));
    check(LIST("1,1 4,1  4,3\t1,3"), NULL, ROWS("00000000", "01110000", "01110000", "00000000"));
    /* two triangles that meet in the middle */
    check(LIST("0,0 8,4 8,0 0,4"), NULL, ROWS("10000001", "11100111", "11100111", "10000001"));
}

static void areas_add_up_and_only_leaves_out_the_rest(void **state)
{
    (void)state;
    check(LIST("0,0,1,1", "7,3,1,1"), NULL, ROWS("10000000", "00000000", "00000000", "00000001"));
    check(NULL, LIST("0,0,8,3"), ROWS("00000000", "00000000", "00000000", "11111111"));
    check(NULL, LIST("0,0,4,4", "4,0,2,4"), ROWS("00000011", "00000011", "00000011", "00000011"));
    check(LIST("0,0,2,2"), LIST("0,0,6,4"), ROWS("11000011", "11000011", "00000011", "00000011"));
}

static void a_mask_file_is_stretched_over_the_photo(void **state)
{
    static const char bytes[] = "P5 2 1 255\n\xff";
    char path[8192];

    (void)state;
    snprintf(path, sizeof path, "%s/m.pgm", test_folder());
    assert_ok(
        fk_file_write(path, bytes, sizeof bytes, err)); /* its second pixel is the text's end, 0 */
    check(LIST(path, "7,0,1,1"), NULL, ROWS("11110001", "11110000", "11110000", "11110000"));
    check(LIST("7,0,1,1"), LIST(path), ROWS("00001111", "00001111", "00001111", "00001111"));
}

static void masks_alone_have_their_own_size(void **state)
{
    static const char bytes[] = "P5 2 1 255\n\xff";
    char path[8192];
    fk_areas a = {.mask = path, .width = WIDTH, .height = HEIGHT};
    fk_area_note note;
    fk_image out;

    (void)state;
    snprintf(path, sizeof path, "%s/1,2", test_folder()); /* a file whatever its name */
    assert_ok(fk_file_write(path, bytes, sizeof bytes, err));
    assert_ok(fk_areas_draw(&out, &note, &a, err));
    assert_int_equal(out.width, 2);
    assert_int_equal(note.width, 2);
    assert_int_equal(note.height, 1);
    fk_image_free(&out);
}

static void what_is_no_shape_is_refused(void **state)
{
    static const char *const texts[] = {"1",
                                        "1,2",
                                        "1,2,3",
                                        "1,2,0,4",
                                        "1,2,3,-4",
                                        "1,2,3,4,5",
                                        "1,2 3,4",
                                        "1,2 3,4 5",
                                        "1,2,3,4 5,6",
                                        "1,,2,3",
                                        "1,2 3,4 5,6,",
                                        "1.2.3,4,5,6",
                                        "1,2,3,9999999"};
    fk_image out;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        fk_areas a = {.ignore = LIST(texts[i]), .width = WIDTH, .height = HEIGHT};

        assert_refused(fk_areas_draw(&out, NULL, &a, err), FLECK_E_OPTION, "expected x,y,w,h");
        assert_null(out.data);
    }
    assert_true(fk_area_is_shape("1,2"));
    assert_false(fk_area_is_shape("./1,2"));
    assert_false(fk_area_is_shape("label.png"));
    assert_false(fk_area_is_shape(""));
}

static void a_shape_out_of_the_photo_or_without_one_is_refused(void **state)
{
    fk_areas a = {.only = LIST("8,0,4,4"), .width = WIDTH, .height = HEIGHT};
    fk_areas b = {.only = LIST("0,0,4,4")};
    fk_image out;

    (void)state;
    assert_refused(fk_areas_draw(&out, NULL, &a, err), FLECK_E_OPTION, "no pixel");
    assert_refused(fk_areas_draw(&out, NULL, &b, err), FLECK_E_OPTION, "not known here");
}

static void areas_of_one_opening_add_to_the_models(void **state)
{
    fk_model m = {
        .pre = {.width = WIDTH, .height = HEIGHT, .crop_width = 4, .crop_height = HEIGHT}};
    fk_areas fit = {.ignore = LIST("0,0,3,4"), .width = WIDTH, .height = HEIGHT};
    fk_areas run = {.ignore = LIST("5,0,1,4"), .width = WIDTH, .height = HEIGHT};
    fk_areas all = {.ignore = LIST("3,0,2,4"), .width = WIDTH, .height = HEIGHT};

    (void)state;
    assert_ok(fk_areas_place(&m, &fit, false, NULL, NULL, err));
    assert_ok(fk_areas_place(&m, &run, true, NULL, NULL, err));
    for (int x = 0; x < 4; x++) { /* the crop begins at 2 */
        assert_int_equal(m.mask[x], x == 0 ? 255 : 0);
        assert_int_equal(m.more[x], x == 0 || x == 3 ? 255 : 0);
    }
    all.only = LIST("3,0,2,4");
    assert_refused(fk_areas_place(&m, &all, true, NULL, NULL, err), FLECK_E_OPTION,
                   "nothing remains");
    fk_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rectangle_has_its_first_pixel_and_its_size),
        cmocka_unit_test(a_polygon_has_the_pixels_whose_centres_are_inside),
        cmocka_unit_test(areas_add_up_and_only_leaves_out_the_rest),
        cmocka_unit_test(a_mask_file_is_stretched_over_the_photo),
        cmocka_unit_test(masks_alone_have_their_own_size),
        cmocka_unit_test(what_is_no_shape_is_refused),
        cmocka_unit_test(a_shape_out_of_the_photo_or_without_one_is_refused),
        cmocka_unit_test(areas_of_one_opening_add_to_the_models),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
