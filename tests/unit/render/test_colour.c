/* SPDX-License-Identifier: Apache-2.0 */
/* The colour map: its ends, and that lightness only ever rises. */
#include "fk_test.h"

#include "render/render.h"

#include <math.h>

static double linear(uint8_t byte)
{
    double v = byte / 255.0;

    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

/* CIE 1976 L*, 0 to 100. */
static double lightness(double v)
{
    uint8_t c[3];
    double y;

    fk_colour(c, v);
    y = 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
    return y > 216.0 / 24389 ? 116 * cbrt(y) - 16 : y * 24389 / 27;
}

static void assert_colour(double v, int r, int g, int b)
{
    uint8_t c[3];

    fk_colour(c, v);
    assert_int_equal(c[0], r);
    assert_int_equal(c[1], g);
    assert_int_equal(c[2], b);
}

static void the_ends_are_night_blue_and_cream(void **state)
{
    (void)state;
    assert_colour(0, 12, 9, 31);
    assert_colour(1, 254, 251, 188);
}

static void values_outside_are_clamped_and_nan_is_cold(void **state)
{
    (void)state;
    assert_colour(-3, 12, 9, 31);
    assert_colour(-INFINITY, 12, 9, 31);
    assert_colour(7, 254, 251, 188);
    assert_colour(INFINITY, 254, 251, 188);
    assert_colour(NAN, 12, 9, 31);
}

static void lightness_rises_at_every_step(void **state)
{
    double before = lightness(0);

    (void)state;
    assert_true(before < 5);
    for (int i = 1; i < 256; i++) {
        double now = lightness(i / 255.0);

        /* A straight line would rise by 0.37 a step; 8-bit rounding and the difference between
         * OKLab's lightness and L* leave 0.09 to 0.64. */
        assert_true(now - before > 0.09);
        assert_true(now - before < 0.64);
        before = now;
    }
    assert_true(before > 97);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ends_are_night_blue_and_cream),
        cmocka_unit_test(values_outside_are_clamped_and_nan_is_cold),
        cmocka_unit_test(lightness_rises_at_every_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
