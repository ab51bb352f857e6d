/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of the sample images: sine and cosine, noise, ranges. */
#include "fk_test.h"

#include "synth/noise.h"

#include <math.h>

static void turns_agree_with_the_c_library(void **state)
{
    (void)state;
    for (int i = -4000; i <= 4000; i++) {
        double turns = i / 1234.5, c, s, angle = turns * 6.283185307179586;

        fk_synth_turn(turns, &c, &s);
        /* The series ends at 7e-12. */
        assert_true(fabs(c - cos(angle)) < 1e-11);
        assert_true(fabs(s - sin(angle)) < 1e-11);
    }
}

static void quarter_turns_are_exact(void **state)
{
    const double expected[5][2] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}, {1, 0}};

    (void)state;
    for (int i = 0; i < 5; i++) {
        double c, s;

        fk_synth_turn(i / 4.0, &c, &s);
        assert_true(c == expected[i][0]);
        assert_true(s == expected[i][1]);
        fk_synth_turn(i / 4.0 - 7, &c, &s);
        assert_true(c == expected[i][0]);
        assert_true(s == expected[i][1]);
    }
}

static void noise_is_smooth_bounded_and_centred(void **state)
{
    double sum = 0, least = 1, most = -1, step = 1.0 / 64;

    (void)state;
    for (int i = -20000; i < 20000; i++) {
        double x = i * step, y = 0.37 * x - 5;
        double here = fk_synth_noise2(9, x, y), next = fk_synth_noise2(9, x + step, y);
        double deep = fk_synth_noise3(9, x, y, -x);

        assert_true(here >= -1 && here <= 1);
        assert_true(deep >= -1 && deep <= 1);
        /* Between lattice values at most 2 apart the slope is at most 1.5 * 2. */
        assert_true(fabs(next - here) <= 3 * step + 1e-12);
        sum += here;
        least = fmin(least, here);
        most = fmax(most, here);
    }
    /* 625 cells crossed, each with a deviation of about 0.4. */
    assert_true(fabs(sum / 40000) < 0.08);
    assert_true(least < -0.8 && most > 0.8);
}

static void another_seed_is_another_field(void **state)
{
    int same = 0;

    (void)state;
    for (int i = 0; i < 1000; i++)
        same += fabs(fk_synth_noise2(1, 0.7 * i, 3) - fk_synth_noise2(2, 0.7 * i, 3)) < 0.01;
    assert_true(same < 50);
}

static void noise_has_these_values_everywhere(void **state)
{
    (void)state;
    assert_true(fk_synth_noise2(1, 2.5, -3.25) == -0x1.4dc05p-9);
    assert_true(fk_synth_noise3(1, 2.5, -3.25, 0.125) == -0x1.b52e3cd4p-6);
}

static void grain_is_uniform_around_zero(void **state)
{
    double sum[4] = {0}, square[4] = {0}, g[4];
    int n = 0;

    (void)state;
    for (int y = 0; y < 200; y++) {
        for (int x = 0; x < 200; x++, n++) {
            fk_synth_grain(g, 5, x, y);
            for (int c = 0; c < 4; c++) {
                assert_true(g[c] >= -1 && g[c] <= 1);
                sum[c] += g[c];
                square[c] += g[c] * g[c];
            }
        }
    }
    for (int c = 0; c < 4; c++) { /* within four standard errors of 40000 draws */
        assert_true(fabs(sum[c] / n) < 4 * 0.577 / 200);
        assert_true(fabs(square[c] / n - 1.0 / 3) < 4 * 0.298 / 200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_agree_with_the_c_library),
        cmocka_unit_test(quarter_turns_are_exact),
        cmocka_unit_test(noise_is_smooth_bounded_and_centred),
        cmocka_unit_test(another_seed_is_another_field),
        cmocka_unit_test(noise_has_these_values_everywhere),
        cmocka_unit_test(grain_is_uniform_around_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
