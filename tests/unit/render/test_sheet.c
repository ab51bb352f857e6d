/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of regions, and sheets: pictures with a legend under them. */
#include "fk_test.h"

#include "base/mem.h"
#include "render/render.h"

#include <math.h>

static fk_image grey(int64_t width, int64_t height, uint8_t value)
{
    fk_image im;

    assert_ok(fk_image_init(&im, width, height, 3, err));
    memset(im.data, value, (size_t)(width * height * 3));
    return im;
}

static const uint8_t *pixel(const fk_image *im, int64_t x, int64_t y)
{
    return im->data + 3 * (y * im->width + x);
}

/* A square region of `side` pixels. */
static fleck_region square(fleck_point corners[1], int32_t x, int32_t y, int32_t side, double peak)
{
    corners[0] = (fleck_point){x, y};
    return (fleck_region){.x = x,
                          .y = y,
                          .width = side,
                          .height = side,
                          .peak = peak,
                          .outline = corners,
                          .outline_count = 1};
}

/* The box around the pixels that differ from value; false where none does. */
static bool drawn(const fk_image *im, uint8_t value, int64_t box[4])
{
    box[0] = im->width;
    box[1] = im->height;
    box[2] = box[3] = -1;
    for (int64_t y = 0; y < im->height; y++)
        for (int64_t x = 0; x < im->width; x++)
            if (pixel(im, x, y)[0] != value) {
                box[0] = x < box[0] ? x : box[0];
                box[1] = y < box[1] ? y : box[1];
                box[2] = x > box[2] ? x : box[2];
                box[3] = y > box[3] ? y : box[3];
            }
    return box[2] >= 0;
}

static void a_number_stands_above_its_region_or_where_there_is_room(void **state)
{
    const int32_t places[][2] = {{50, 50}, {50, 2}, {2, 50}, {85, 85}};

    (void)state;
    for (int i = 0; i < 4; i++) {
        fk_image im = grey(100, 100, 90);
        fleck_point corner[1];
        fleck_region r = square(corner, places[i][0], places[i][1], 12, 1);
        const fleck_regions one = {.list = &r, .count = 1};
        int64_t box[4];

        fk_render_numbers(&im, &one);
        assert_true(drawn(&im, 90, box));
        assert_true(box[2] < r.x || box[0] >= r.x + 12 || box[3] < r.y || box[1] >= r.y + 12);
        assert_true(i == 1 || box[3] < r.y); /* above, but at the upper edge */
        assert_true(box[0] > r.x - 20 && box[2] < r.x + 32);
        assert_true(box[1] > r.y - 20 && box[3] < r.y + 32);
        fk_image_free(&im);
    }
}

static void numbers_keep_off_each_other(void **state)
{
    fk_image im = grey(200, 60, 90), both = grey(200, 60, 90);
    fleck_point corners[2];
    fleck_region r[2] = {square(corners, 50, 30, 4, 2), square(corners + 1, 53, 30, 4, 1)};
    const fleck_regions first = {.list = r, .count = 1}, two = {.list = r, .count = 2};

    (void)state;
    fk_render_numbers(&im, &first);
    fk_render_numbers(&both, &two);
    for (int64_t i = 0; i < 200 * 60 * 3; i++)
        assert_true(im.data[i] == 90 || im.data[i] == both.data[i]);
    fk_image_free(&im);
    fk_image_free(&both);
}

static void regions_without_room_or_beyond_the_last_number_do_no_harm(void **state)
{
    fk_image im = grey(3, 3, 90), none = grey(20, 20, 90);
    fleck_point corner[1];
    fleck_region *many;
    fleck_regions all = {.count = 200}, empty = {0};
    int64_t box[4];

    (void)state;
    assert_ok(FK_ALLOC(&many, 200, err));
    for (int i = 0; i < 200; i++)
        many[i] = square(corner, 0, 0, 3, 1);
    all.list = many;
    fk_render_numbers(&im, &all);
    fk_render_numbers(&none, &empty);
    assert_false(drawn(&none, 90, box));
    fk_free(many);
    fk_image_free(&im);
    fk_image_free(&none);
}

static void pixels_keep_their_places_on_a_sheet(void **state)
{
    fk_image im = grey(300, 200, 0), sheet;
    const fk_image *pictures[2] = {&im, &im};
    const fk_legend legend = {
        .words = {"score 1", "good"}, .scale = {0, 1}, .threshold = 0.5, .regions = NULL};

    (void)state;
    for (int64_t i = 0; i < 300 * 200 * 3; i++)
        im.data[i] = (uint8_t)(i * 37 % 251);
    assert_ok(fk_render_sheet(&sheet, pictures, 1, &legend, err));
    assert_int_equal(sheet.width, 300);
    assert_int_equal(sheet.height, 200 + 3 + 11 + 9 + 11 + 3);
    for (int y = 0; y < 200; y++)
        assert_memory_equal(pixel(&sheet, 0, y), pixel(&im, 0, y), 900);
    fk_image_free(&sheet);
    assert_ok(fk_render_sheet(&sheet, pictures, 2, &legend, err));
    assert_int_equal(sheet.width, 602);
    for (int y = 0; y < 200; y++) {
        assert_memory_equal(pixel(&sheet, 0, y), pixel(&im, 0, y), 900);
        assert_memory_equal(pixel(&sheet, 302, y), pixel(&im, 0, y), 900);
    }
    fk_image_free(&sheet);
    fk_image_free(&im);
}

static void wide_pictures_lie_below_each_other(void **state)
{
    fk_image im = grey(301, 150, 200), sheet;
    const fk_image *pictures[2] = {&im, &im};
    const fk_legend legend = {.words = {"score 1"}, .scale = {0, 1}, .threshold = NAN};

    (void)state;
    assert_ok(fk_render_sheet(&sheet, pictures, 2, &legend, err));
    assert_int_equal(sheet.width, 301);
    assert_int_equal(sheet.height, 150 + 2 + 150 + 37);
    assert_int_equal(pixel(&sheet, 300, 301)[0], 200);
    assert_int_equal(pixel(&sheet, 0, 151)[0], 24);
    fk_image_free(&sheet);
    fk_image_free(&im);
}

static void words_break_into_lines_on_narrow_pictures(void **state)
{
    fk_image im = grey(10, 10, 200), sheet;
    const fk_image *pictures[1] = {&im};
    const fk_legend legend = {
        .words = {"score 1234", "limit 1234", "good"}, .scale = {0, 1}, .threshold = 0.25};

    (void)state;
    assert_ok(fk_render_sheet(&sheet, pictures, 1, &legend, err));
    assert_int_equal(sheet.width, 16 * 6 + 6);
    assert_int_equal(sheet.height, 10 + 3 + 2 * 11 + 9 + 11 + 3);
    fk_image_free(&sheet);
    fk_image_free(&im);
}

static void the_bar_has_marks_of_threshold_and_peaks(void **state)
{
    fk_image im = grey(306, 100, 200), sheet;
    const fk_image *pictures[1] = {&im};
    fleck_point corner[1];
    fleck_region r = square(corner, 0, 0, 3, 30.0);
    const fleck_regions one = {.list = &r, .count = 1};
    const fk_legend legend = {.words = {"a"}, .scale = {10, 50}, .threshold = 40, .regions = &one};
    const int64_t top = 100 + 3 + 11 + 3; /* of the bar, from column 3 to 302 */
    uint8_t cold[3], hot[3];

    (void)state;
    fk_colour(cold, 0);
    fk_colour(hot, 1);
    assert_ok(fk_render_sheet(&sheet, pictures, 1, &legend, err));
    assert_memory_equal(pixel(&sheet, 3, top), cold, 3);
    assert_memory_equal(pixel(&sheet, 302, top + 4), hot, 3);
    assert_int_equal(pixel(&sheet, 302, top + 5)[0], 24);
    assert_int_equal(pixel(&sheet, 3 + 224, top)[0], 235); /* 0.75 of 299 */
    assert_int_equal(pixel(&sheet, 3 + 225, top)[0], 24);
    assert_int_equal(pixel(&sheet, 3 + 150, top - 2)[0], 235); /* the peak's triangle */
    assert_int_equal(pixel(&sheet, 3 + 200, top - 2)[0], 24);
    fk_image_free(&sheet);
    fk_image_free(&im);
}

static void a_legend_falls_away_from_the_highest_pictures(void **state)
{
    fk_image im = grey(2, FK_IMAGE_MAX_SIDE, 200), sheet;
    const fk_image *pictures[1] = {&im};
    const fk_legend legend = {.words = {"a"}, .scale = {0, 1}, .threshold = NAN};

    (void)state;
    assert_ok(fk_render_sheet(&sheet, pictures, 1, &legend, err));
    assert_int_equal(sheet.height, FK_IMAGE_MAX_SIDE);
    fk_image_free(&sheet);
    fk_image_free(&im);
}

static void running_out_of_memory_leaves_the_output_empty(void **state)
{
    fk_image im = grey(9, 9, 200), sheet = {.width = 7};
    const fk_image *pictures[1] = {&im};
    const fk_legend legend = {.words = {"a"}, .scale = {0, 1}, .threshold = NAN};

    (void)state;
    fk_mem_fail_at(1);
    assert_refused(fk_render_sheet(&sheet, pictures, 1, &legend, err), FLECK_E_NOMEM, "");
    fk_mem_fail_at(0);
    assert_null(sheet.data);
    fk_image_free(&im);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_stands_above_its_region_or_where_there_is_room),
        cmocka_unit_test(numbers_keep_off_each_other),
        cmocka_unit_test(regions_without_room_or_beyond_the_last_number_do_no_harm),
        cmocka_unit_test(pixels_keep_their_places_on_a_sheet),
        cmocka_unit_test(wide_pictures_lie_below_each_other),
        cmocka_unit_test(words_break_into_lines_on_narrow_pictures),
        cmocka_unit_test(the_bar_has_marks_of_threshold_and_peaks),
        cmocka_unit_test(a_legend_falls_away_from_the_highest_pictures),
        cmocka_unit_test(running_out_of_memory_leaves_the_output_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
