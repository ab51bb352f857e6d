/* SPDX-License-Identifier: Apache-2.0 */
/* Rotated copies: quarters are exact, other angles move a mark where geometry says, and what came
 * from outside is masked. */
#include "fk_test.h"

#include <math.h>
#include <string.h>

#include "view/rotate.h"

enum { SIDE = 9, WIDE = 13 };

static fk_image noise(int64_t width, int64_t height)
{
    fk_image im;

    assert_ok(fk_image_init(&im, width, height, 3, err));
    for (int64_t i = 0; i < width * height * 3; i++)
        im.data[i] = (uint8_t)(i * 37 + i / 7);
    return im;
}

static void a_quarter_of_a_square_moves_pixels(void **state)
{
    fk_image im = noise(SIDE, SIDE);
    uint8_t out[SIDE * SIDE * 3], mask[SIDE * SIDE];
    const fk_image none = {0};

    (void)state;
    for (int turn = 0; turn < 4; turn++) {
        fk_rotate_pixels(out, &im, 2 * turn, 8);
        fk_rotate_mask(mask, &none, SIDE, SIDE, 2 * turn, 8);
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                const int from[4][2] = {
                    {y, x}, {SIDE - 1 - x, y}, {SIDE - 1 - y, SIDE - 1 - x}, {x, SIDE - 1 - y}};
                const uint8_t *want = im.data + (from[turn][0] * SIDE + from[turn][1]) * 3;

                assert_memory_equal(out + (y * SIDE + x) * 3, want, 3);
                assert_int_equal(mask[y * SIDE + x], 0);
            }
    }
    fk_image_free(&im);
}

/* A point right of the centre goes round by 60 degrees at each of six turns. */
static void a_mark_goes_round(void **state)
{
    enum { LARGE = 41, RADIUS = 10 };
    fk_image im;
    uint8_t out[LARGE * LARGE];

    (void)state;
    assert_ok(fk_image_init(&im, LARGE, LARGE, 1, err));
    for (int y = -2; y <= 2; y++)
        for (int x = -2; x <= 2; x++)
            im.data[(20 + y) * LARGE + 20 + RADIUS + x] = 255;
    for (int turn = 0; turn < 6; turn++) {
        double angle = 3.14159265358979323846 * turn / 3.0;
        int x = (int)lrint(20 + RADIUS * cos(angle)), y = (int)lrint(20 + RADIUS * sin(angle));

        fk_rotate_pixels(out, &im, turn, 6);
        assert_int_equal(out[y * LARGE + x], 255);
        for (int i = 0; i < LARGE * LARGE; i++) { /* half a diagonal of the mark, and a pixel */
            int row = i / LARGE, column = i % LARGE;

            assert_true(out[i] < 128 || hypot(column - x, row - y) < 2.0 * sqrt(2.0) + 1.0);
        }
    }
    fk_image_free(&im);
}

static void what_came_from_outside_is_masked(void **state)
{
    fk_image im = noise(WIDE, SIDE), mask;
    uint8_t out[WIDE * SIDE * 3], marked[WIDE * SIDE];
    int count = 0;

    (void)state;
    assert_ok(fk_image_init(&mask, WIDE, SIDE, 1, err));
    mask.data[4 * WIDE + 6] = 255;
    fk_rotate_mask(marked, &mask, SIDE, WIDE, 1, 4);
    fk_rotate_pixels(out, &im, 1, 4);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < WIDE; x++) {
            bool outside = x < 2 || x > 10; /* the turned image is 9 wide, and centred */

            assert_int_equal(marked[y * WIDE + x], outside || (y == 4 && x == 6) ? 255 : 0);
            count += marked[y * WIDE + x] != 0;
            if (!outside)
                assert_memory_equal(out + (y * WIDE + x) * 3,
                                    im.data + ((10 - x) * WIDE + y + 2) * 3, 3);
        }
    assert_int_equal(count, 4 * SIDE + 1);
    fk_image_free(&im);
    fk_image_free(&mask);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quarter_of_a_square_moves_pixels),
        cmocka_unit_test(a_mark_goes_round),
        cmocka_unit_test(what_came_from_outside_is_masked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
