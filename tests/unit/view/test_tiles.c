/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles: where they lie, that their shares sum to one, and what cutting and blending do. */
#include "fk_test.h"

#include "view/tiles.h"

#include <math.h>
#include <string.h>

typedef struct axis_case {
    int64_t length, tile, overlap, n;
} axis_case;

/* n = 1 + ceil((L - T) / (T - V)), worked out by hand. */
static const axis_case AXES[] = {{500, 128, 32, 5}, {333, 128, 32, 4}, {128, 128, 32, 1},
                                 {129, 128, 32, 2}, {256, 128, 0, 2},  {90, 128, 32, 1},
                                 {300, 64, 48, 16}};

static void tiles_cover_the_image_and_share_at_least_the_overlap(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof AXES / sizeof AXES[0]; k++) {
        axis_case a = AXES[k];
        fk_tiles t = fk_tiles_of(a.length, a.length, a.tile, a.overlap);

        assert_int_equal(t.rows, a.n);
        assert_int_equal(t.columns, a.n);
        if (a.length < a.tile)
            continue;
        assert_int_equal(fk_tile_start(0, a.n, a.length, a.tile), 0);
        assert_int_equal(fk_tile_start(a.n - 1, a.n, a.length, a.tile), a.length - a.tile);
        for (int64_t i = 1; i < a.n; i++) {
            int64_t step = fk_tile_start(i, a.n, a.length, a.tile) -
                           fk_tile_start(i - 1, a.n, a.length, a.tile);

            assert_true(step > 0 && step <= a.tile - a.overlap);
        }
    }
}

/* Each share is rounded once to double: a sum of four is off by less than 4 * 2^-53. */
static void shares_of_all_tiles_sum_to_one_at_every_pixel(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof AXES / sizeof AXES[0]; k++) {
        axis_case a = AXES[k];
        double sums[512] = {0}, shares[128];

        for (int64_t i = 0; i < a.n; i++) {
            int64_t start = fk_tile_start(i, a.n, a.length, a.tile);

            fk_tile_shares(shares, i, a.n, a.length, a.tile);
            for (int64_t x = 0; x < a.tile; x++) {
                assert_true(shares[x] > 0.0 && shares[x] <= 1.0);
                if (start + x >= 0 && start + x < a.length)
                    sums[start + x] += shares[x];
            }
        }
        for (int64_t x = 0; x < a.length; x++)
            assert_true(fabs(sums[x] - 1.0) < 1e-15);
    }
}

static void two_tiles_over_four_pixels_fade_in_eighths(void **state)
{
    const double expected[] = {1, 1, 1, 1, 0.875, 0.625, 0.375, 0.125};
    double left[8], right[8];

    (void)state;
    fk_tile_shares(left, 0, 2, 12, 8);
    fk_tile_shares(right, 1, 2, 12, 8);
    for (int i = 0; i < 8; i++) {
        assert_true(left[i] == expected[i]);
        assert_true(right[i] == expected[7 - i]);
    }
}

static void a_single_tile_of_the_images_size_changes_no_bit(void **state)
{
    float tile[64], map[64] = {0};
    double scratch[16];
    fk_tiles t = fk_tiles_of(8, 8, 8, 2);

    (void)state;
    for (int i = 0; i < 64; i++)
        tile[i] = 0.1f * (float)((i * 37) % 64);
    fk_tile_blend(map, &t, 0, tile, scratch);
    assert_memory_equal(map, tile, sizeof map);
}

/* Tiles that show one picture blend to it: 10 x 13 pixels, value 13 y + x. */
static void tiles_of_a_picture_blend_to_the_picture(void **state)
{
    float map[130] = {0}, tile[36];
    double scratch[12];
    fk_tiles t = fk_tiles_of(10, 13, 6, 4);

    (void)state;
    for (int64_t i = 0; i < t.rows * t.columns; i++) {
        int64_t y0 = fk_tile_start(i / t.columns, t.rows, 10, 6);
        int64_t x0 = fk_tile_start(i % t.columns, t.columns, 13, 6);

        for (int64_t k = 0; k < 36; k++) {
            int64_t pixel = 13 * (y0 + k / 6) + x0 + k % 6;

            tile[k] = (float)pixel;
        }
        fk_tile_blend(map, &t, i, tile, scratch);
    }
    for (int i = 0; i < 130; i++) /* up to nine float additions of values up to 130 */
        assert_true(fabs((double)map[i] - i) < 9 * 130 * 0x1p-24);
}

static void an_image_narrower_than_a_tile_is_reflected_about_its_edges(void **state)
{
    uint8_t pixels[] = {10, 20, 30, 40}, out[64];
    fk_image image = {4, 1, 1, pixels};
    const uint8_t row[] = {20, 10, 10, 20, 30, 40, 40, 30};
    fk_tiles t = fk_tiles_of(1, 4, 8, 2);

    (void)state;
    assert_int_equal(t.rows * t.columns, 1);
    fk_tile_cut(out, &image, &t, 0);
    for (int y = 0; y < 8; y++)
        assert_memory_equal(out + 8 * y, row, sizeof row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_cover_the_image_and_share_at_least_the_overlap),
        cmocka_unit_test(shares_of_all_tiles_sum_to_one_at_every_pixel),
        cmocka_unit_test(two_tiles_over_four_pixels_fade_in_eighths),
        cmocka_unit_test(a_single_tile_of_the_images_size_changes_no_bit),
        cmocka_unit_test(tiles_of_a_picture_blend_to_the_picture),
        cmocka_unit_test(an_image_narrower_than_a_tile_is_reflected_about_its_edges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
