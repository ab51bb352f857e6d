/* SPDX-License-Identifier: Apache-2.0 */
/* Heat maps in colour, heat over images, and outlines. */
#include "fk_test.h"

#include "base/mem.h"
#include "render/render.h"

#include <math.h>

enum { SIDE = 48 };

static const uint8_t line[3] = {0, 240, 255};

/* A picture in which every pixel differs from its neighbours. */
static fk_image pattern(int64_t width, int64_t height, int channels)
{
    fk_image im;

    assert_ok(fk_image_init(&im, width, height, channels, err));
    for (int64_t i = 0; i < width * height * channels; i++)
        im.data[i] = (uint8_t)(i * 37 % 251);
    return im;
}

/* Heat 1 in the discs, 0 elsewhere; one of them is cut by the picture's edge. */
static void discs(float *map, int64_t width, int64_t height)
{
    for (int64_t y = 0; y < height; y++) {
        for (int64_t x = 0; x < width; x++) {
            int64_t a = x - width / 2, b = y - height / 2, r = height / 5;
            int64_t c = x, d = y - height / 6, s = height / 8;

            map[y * width + x] = a * a + b * b <= r * r || c * c + d * d <= s * s ? 1.0F : 0.0F;
        }
    }
}

static bool is_line(const fk_image *im, int64_t i)
{
    return memcmp(im->data + 3 * i, line, 3) == 0;
}

/* map on this scale is drawn over black as heats are on one from 0 to 1. */
static void check_scale(const float *map, fk_scale scale, const float *heats, int64_t n)
{
    fk_image im, out, want;

    assert_ok(fk_image_init(&im, n, 1, 3, err));
    assert_ok(fk_render_overlay(&out, &im, map, scale, NAN, err));
    assert_ok(fk_render_overlay(&want, &im, heats, (fk_scale){0, 1}, NAN, err));
    assert_memory_equal(out.data, want.data, (size_t)(3 * n));
    fk_image_free(&im);
    fk_image_free(&out);
    fk_image_free(&want);
}

static void colours_follow_the_scale(void **state)
{
    (void)state;
    check_scale((const float[]){-1, 2, 3, 4, 9, NAN}, (fk_scale){2, 4},
                (const float[]){0, 0, 0.5F, 1, 1, 0}, 6);
}

static void a_scale_without_extent_is_a_step(void **state)
{
    (void)state;
    check_scale((const float[]){1.9F, 2, 2.1F}, (fk_scale){2, 2}, (const float[]){0, 0, 1}, 3);
}

static void cold_pixels_keep_the_bytes_of_the_image(void **state)
{
    fk_image im = pattern(SIDE, SIDE, 3), out;
    float map[SIDE * SIDE];

    (void)state;
    for (int i = 0; i < SIDE * SIDE; i++)
        map[i] = 0.15F * (float)i / (SIDE * SIDE); /* up to 0.15 of the scale is cold */
    assert_ok(fk_render_overlay(&out, &im, map, (fk_scale){0, 1}, NAN, err));
    assert_memory_equal(out.data, im.data, SIDE * SIDE * 3);
    fk_image_free(&out);
    fk_image_free(&im);
}

static void the_colour_grows_with_the_heat_and_the_image_stays_visible(void **state)
{
    fk_image im, out;
    float map[101];
    int before = 0;

    (void)state;
    assert_ok(fk_image_init(&im, 101, 1, 3, err));
    for (int i = 0; i <= 100; i++) {
        map[i] = (float)i / 100;
        im.data[3 * i] = im.data[3 * i + 1] = im.data[3 * i + 2] = 0;
    }
    assert_ok(fk_render_overlay(&out, &im, map, (fk_scale){0, 1}, NAN, err));
    for (int i = 0; i <= 100; i++) { /* over black, red is alpha times the colour's red */
        assert_true(out.data[3 * i] >= before || out.data[3 * i] > 180);
        before = out.data[3 * i];
    }
    assert_int_equal(out.data[300], 183); /* 0.72 * 254 */
    assert_int_equal(out.data[301], 181); /* 0.72 * 251 */
    assert_int_equal(out.data[302], 135); /* 0.72 * 188 */
    fk_image_free(&out);
    fk_image_free(&im);
}

static void a_grey_image_gives_what_its_rgb_copy_gives(void **state)
{
    fk_image grey = pattern(SIDE, 20, 1), rgb = pattern(SIDE, 20, 3), a, b;
    float map[SIDE * 20];

    (void)state;
    for (int i = 0; i < SIDE * 20; i++) {
        map[i] = (float)(i % 97) / 96;
        memset(rgb.data + (ptrdiff_t)3 * i, grey.data[i], 3);
    }
    assert_ok(fk_render_overlay(&a, &grey, map, (fk_scale){0, 1}, 0.5, err));
    assert_ok(fk_render_overlay(&b, &rgb, map, (fk_scale){0, 1}, 0.5, err));
    assert_memory_equal(a.data, b.data, SIDE * 20 * 3);
    fk_image_free(&a);
    fk_image_free(&b);
    fk_image_free(&grey);
    fk_image_free(&rgb);
}

/* What is hot but not line must keep its distance from what is cold, so the line lies between them
 * everywhere. */
static void check_closed(int64_t width, int64_t height, int64_t reach)
{
    fk_image im, out;
    int64_t n = width * height, inner = 0, drawn = 0;
    float *map;

    assert_ok(FK_ALLOC(&map, n, err));
    assert_ok(fk_image_init(&im, width, height, 3, err));
    discs(map, width, height);
    assert_ok(fk_render_overlay(&out, &im, map, (fk_scale){0, 1}, 0.99, err));
    for (int64_t y = 0; y < height; y++) {
        for (int64_t x = 0; x < width; x++) {
            int64_t i = y * width + x;
            bool hot = map[i] >= 1;

            drawn += is_line(&out, i);
            if (is_line(&out, i))
                assert_true(hot); /* the line lies inside the region */
            if (!hot || is_line(&out, i))
                continue;
            inner++;
            /* Within reach of what is hot but not line, all is hot and the picture goes on. */
            assert_true(x >= reach && y >= reach && x + reach < width && y + reach < height);
            for (int64_t k = 1; k <= reach; k++) {
                assert_true(map[i - k] >= 1 && map[i + k] >= 1);
                assert_true(map[i - k * width] >= 1 && map[i + k * width] >= 1);
            }
        }
    }
    assert_true(inner > 0);
    assert_true(drawn > 0);
    fk_free(map);
    fk_image_free(&out);
    fk_image_free(&im);
}

static void the_outline_encloses_what_is_above_the_threshold(void **state)
{
    (void)state;
    check_closed(100, 80, 1);
    check_closed(449, 600, 1);
    check_closed(600, 450, 2);
}

static void a_single_hot_pixel_is_all_line_with_a_dark_rim(void **state)
{
    fk_image im, out;
    float map[25] = {0};

    (void)state;
    assert_ok(fk_image_init(&im, 5, 5, 3, err));
    memset(im.data, 200, 75);
    map[12] = 1;
    assert_ok(fk_render_overlay(&out, &im, map, (fk_scale){0, 1}, 0.5, err));
    for (int i = 0; i < 25; i++) {
        bool side = i == 7 || i == 11 || i == 13 || i == 17;
        bool corner = i == 6 || i == 8 || i == 16 || i == 18;

        if (i == 12)
            assert_true(is_line(&out, i));
        else /* 2 - sqrt(2) of the way from 200 to 16 at the corners */
            assert_int_equal(out.data[3 * i], side ? 16 : corner ? 92 : 200);
    }
    fk_image_free(&out);
    fk_image_free(&im);
}

/* Squared distance to the nearest pixel that is on the other side, by looking at all; beyond the
 * picture is outside. */
static double plain_distance(const uint8_t *mask, int64_t height, int64_t width, int64_t at)
{
    int64_t least = INT64_MAX;

    for (int64_t y = -1; y <= height; y++)
        for (int64_t x = -1; x <= width; x++) {
            bool beyond = y < 0 || x < 0 || y == height || x == width;
            int64_t dx = x - at % width, dy = y - at / width;

            if ((beyond ? 0 : mask[y * width + x]) != mask[at] && dx * dx + dy * dy < least &&
                !(beyond && mask[at] == 0))
                least = dx * dx + dy * dy;
        }
    return sqrt((double)least);
}

static void lines_are_as_wide_as_the_plain_distance_says(void **state)
{
    const int64_t sizes[][2] = {{40, 37}, {470, 30}, {30, 470}, {460, 451}};

    (void)state;
    for (int k = 0; k < 4; k++) {
        int64_t width = sizes[k][0], height = sizes[k][1], n = width * height;
        double wide = (double)fk_render_line(width, height);
        fk_image im;
        uint8_t *mask;

        assert_ok(FK_CALLOC(&mask, n, err));
        for (int64_t y = 0; y < height; y++)
            for (int64_t x = 0; x < 30 && x < width; x++)
                mask[y * width + x] = y < 30 && (x * 7 + y * y * 3) % 11 > 5 - x / 6;
        assert_ok(fk_image_init(&im, width, height, 3, err));
        memset(im.data, 100, (size_t)n * 3);
        assert_ok(fk_render_outline(&im, mask, err));
        for (int64_t y = 0; y < height && y < 36; y++)
            for (int64_t x = 0; x < width && x < 36; x++) {
                int64_t i = y * width + x;
                double alpha = fmin(fmax(wide + 1 - plain_distance(mask, height, width, i), 0), 1);
                double red = 100 + ((mask[i] ? 0 : 16) - 100) * alpha;

                assert_true(fabs(im.data[3 * i] - red) <= 0.51);
            }
        fk_image_free(&im);
        fk_free(mask);
    }
}

static void a_threshold_that_nothing_reaches_draws_no_line(void **state)
{
    fk_image im = pattern(SIDE, SIDE, 3), with, without;
    float map[SIDE * SIDE];

    (void)state;
    for (int i = 0; i < SIDE * SIDE; i++)
        map[i] = (float)(i % 50) / 50;
    assert_ok(fk_render_overlay(&with, &im, map, (fk_scale){0, 1}, 1.5, err));
    assert_ok(fk_render_overlay(&without, &im, map, (fk_scale){0, 1}, NAN, err));
    assert_memory_equal(with.data, without.data, SIDE * SIDE * 3);
    fk_image_free(&with);
    fk_image_free(&without);
    fk_image_free(&im);
}

static void running_out_of_memory_leaves_the_output_empty(void **state)
{
    fk_image im = pattern(4, 4, 3), out;
    float map[16] = {0};

    (void)state;
    for (int n = 1; n <= 2; n++) { /* the picture, and what is above the threshold */
        out = (fk_image){.width = 9};
        fk_mem_fail_at(n);
        assert_refused(fk_render_overlay(&out, &im, map, (fk_scale){0, 1}, 0.5, err), FLECK_E_NOMEM,
                       "");
        assert_null(out.data);
        assert_int_equal(out.width, 0);
    }
    fk_mem_fail_at(0);
    fk_image_free(&im);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colours_follow_the_scale),
        cmocka_unit_test(a_scale_without_extent_is_a_step),
        cmocka_unit_test(cold_pixels_keep_the_bytes_of_the_image),
        cmocka_unit_test(the_colour_grows_with_the_heat_and_the_image_stays_visible),
        cmocka_unit_test(a_grey_image_gives_what_its_rgb_copy_gives),
        cmocka_unit_test(the_outline_encloses_what_is_above_the_threshold),
        cmocka_unit_test(a_single_hot_pixel_is_all_line_with_a_dark_rim),
        cmocka_unit_test(lines_are_as_wide_as_the_plain_distance_says),
        cmocka_unit_test(a_threshold_that_nothing_reaches_draws_no_line),
        cmocka_unit_test(running_out_of_memory_leaves_the_output_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
